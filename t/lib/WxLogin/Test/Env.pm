package WxLogin::Test::Env;

=head1 NAME

WxLogin::Test::Env - names and secrets of the tests, the same for all of them

=head1 DESCRIPTION

Loading it gives these environment variables a value where they have none:

    WX_APP_ID           the mini program the fake WeChat knows
    WX_APP_SECRET       its AppSecret
    WX_SECRET_KEY       signs the tokens in development
    WX_PRODUCTION_KEY   and in the virtual host "production"

httpd's configuration reads them (${WX_APP_ID}, env:WX_APP_SECRET), FakeWeChat checks
them, Token verifies with them, and t/secrecy searches for them.  t/TEST adds
WX_FAKE_PORT, WX_PG_HOST, WX_PG_PORT, WX_SQLITE, WX_SQLITE_MOCK, WX_SECRETS (a
directory), WX_MODULE and WX_MPM; t/run adds WX_HTTPD (a wrapper), WX_SLOW (how much
more patience is needed under it) and WX_JOBS.

=cut

use strict;
use warnings;

my %VALUE = (
    WX_APP_ID         => 'wx0123456789abcdef',
    WX_APP_SECRET     => 'a5ec2e7a5ec2e7a5ec2e7a5ec2e7a5ec',
    WX_SECRET_KEY     => 'the-tests-sign-with-this-key-of-more-than-32-bytes',
    WX_PRODUCTION_KEY => 'production-signs-with-quite-another-key/+=4f6d1b',
);
$ENV{$_} //= $VALUE{$_} for keys %VALUE;

1;
