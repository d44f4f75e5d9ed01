# Who may is what stands in the data base, within the time of WxLoginUserCache; what the module
# changes itself counts at once; what is known helps through an outage. Who was disabled or lost a
# right has to sign in again.
# Once: httpd asks who somebody is in the same way under every MPM
use strict;
use warnings;
use utf8;
use Test::More;
use Time::HiRes qw(sleep time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Guard;
use WxLogin::Test::Postgres;
use WxLogin::Test::Process;

my $config = <<'CONF';
WxLoginUserCache 2s
WxLoginUserCacheStale 6s
WxLoginRevocationPoll 1s
ProxyPass /any/ http://@BACKEND@/
ProxyPass /staff/ http://@BACKEND@/
<Location "/any/">
    AuthType WxLogin
    Require valid-user
</Location>
<Location "/staff/">
    AuthType WxLogin
    Require wxlogin-staff
</Location>
<Location "/admin-type/">
    AuthType WxLogin
    Require wxlogin-type admin
</Location>
ProxyPass /admin-type/ http://@BACKEND@/
CONF
sub outlast { sleep 2.2 }

for_each_db {
    my $db = shift;
    my $site = WxLogin::Test::Guard->new($db, config => $config);
    my $anna = $site->sign_in('anna');
    my $ask = sub { my ($path, $user) = @_; return $site->ask(GET => $path, token => ($user || $anna)->{access}) };
    my $patch = sub {
        return $site->ask(PATCH => '/api/user/profile/', token => $anna->{access}, body => $_[0], headers => [ 'Content-Type' => 'application/json' ]);
    };

    subtest 'disabled, and back' => sub {
        is $ask->('/any/x')->{status}, 200, 'let in';
        $site->change($anna, is_active => 0);
        outlast();
        error_ok($ask->('/any/x'), 401, 'USER_INACTIVE', action => 'sign_in');
        error_ok($ask->('/staff/x'), 401, 'USER_INACTIVE');
        error_ok($ask->('/api/user/profile/'), 401, 'USER_INACTIVE', name => 'the profile, too');
        $site->change($anna, is_active => 1);
        outlast();
        error_ok($ask->('/any/x'), 401, 'TOKEN_NOT_VALID', name => 'enabled again: not the old token');
        $anna = $site->sign_in('anna');
        is $ask->('/any/x')->{status}, 200, 'but a new one';
    };
    subtest 'disabled, and signs in: known at once' => sub {
        is $ask->('/any/x')->{status}, 200, 'let in';
        $site->change($anna, is_active => 0);
        error_ok(post_json($site->httpd, '/api/login/', { code => 'anna' }), 403, 'USER_INACTIVE');
        error_ok($ask->('/any/x'), 401, 'USER_INACTIVE', name => 'without waiting');
        $site->change($anna, is_active => 1);
        $anna = $site->sign_in('anna');
        is $ask->('/any/x')->{status}, 200, 'and back, without waiting';
    };
    subtest 'rights granted and withdrawn' => sub {
        error_ok($ask->('/staff/x'), 403, 'PERMISSION_DENIED');
        $site->change($anna, is_staff => 1);
        outlast();
        is $ask->('/staff/x')->{status}, 200, 'granted: the same token';
        is header_of($ask->('/any/x')->{got}, 'X-Wx-Is-Staff'), 1, 'and told';
        $site->change($anna, is_staff => 0);
        outlast();
        error_ok($ask->('/staff/x'), 401, 'TOKEN_NOT_VALID', name => 'withdrawn: the token is dead');
        $anna = $site->sign_in('anna');
        error_ok($ask->('/staff/x'), 403, 'PERMISSION_DENIED', name => 'a new one');
        is header_of($ask->('/any/x')->{got}, 'X-Wx-Is-Staff'), 0, 'and told';
    };
    subtest 'what the module changes counts at once' => sub {
        $site->users->add(openid => 'admin-late', username => 'late', date_joined => 1_700_000_000_000_000);
        my $late = { access => $site->token_for($site->users->row('admin-late')->{id}) };
        error_ok($ask->('/admin-type/x', $late), 403, 'PERMISSION_DENIED');
        $site->sign_in('admin-late');
        is $ask->('/staff/x', $late)->{status}, 200, 'a sign-in that makes an administrator';
        is $ask->('/admin-type/x', $late)->{status}, 200, 'of that type';
        is $patch->({ username => '小 安' })->{status}, 200, 'a new name';
        is header_of($ask->('/any/x')->{got}, 'X-Wx-Username'), '%E5%B0%8F%20%E5%AE%89', 'is the one that is told';
    };
    subtest 'deleted' => sub {
        is $ask->('/any/x')->{status}, 200, 'let in';
        $site->delete($anna);
        error_ok($ask->('/api/user/profile/'), 401, 'USER_NOT_FOUND', name => 'the profile asks at once');
        outlast();
        error_ok($ask->('/any/x'), 401, 'USER_NOT_FOUND');
        error_ok($ask->('/staff/x'), 401, 'USER_NOT_FOUND');
        error_ok($patch->({ username => 'x' }), 401, 'USER_NOT_FOUND', name => 'nothing left to change');
    };
    subtest 'a name of the longest kind' => sub {
        my $long = $site->sign_in('long');
        for my $name ("\x{1F600}" x 150, "\x{6587}" x 150, 'x') {
            $site->change($long, username => $name);
            outlast();
            utf8::encode(my $bytes = $name);
            (my $encoded = $bytes) =~ s/([^a-z])/sprintf '%%%02X', ord $1/ge;
            is header_of($ask->('/any/x', $long)->{got}, 'X-Wx-Username'), $encoded, length($bytes) . ' bytes' for 1 .. 2;
        }
    };
    subtest 'a graceful restart forgets nothing' => sub {
        (my $longer = $config) =~ s/WxLoginUserCache 2s/WxLoginUserCache 1h/;
        my $keeper = WxLogin::Test::Guard->new($db, config => $longer);
        my $user = $keeper->sign_in('keeper');
        $keeper->change($user, username => 'behind our back');
        my $told = sub { return header_of($keeper->ask(GET => '/any/x', token => $user->{access})->{got}, 'X-Wx-Username') };
        like $told->(), qr/^%E7/, 'what was known';
        $keeper->httpd->graceful;
        like $told->(), qr/^%E7/, 'is still known afterwards';
        kill 'KILL', $keeper->httpd->children;
        $keeper->httpd->{process}->until(sub { $keeper->httpd->answers }, 10);
        like $told->(), qr/^%E7/, 'and when the children were killed';
        $keeper->httpd->stop;
        $keeper->httpd->start;
        is $told->(), 'behind%20our%20back', 'a full restart asks again';
    };
};

subtest 'outage' => sub {
    my $missing = WxLogin::Test::Postgres->missing;
    plan skip_all => $missing if $missing;
    my $pg = WxLogin::Test::Postgres->new(conf => { log_statement => 'all' })->start->create('wxlogin');
    my $site = WxLogin::Test::Guard->new('sqlite', config => $config . <<"CONF");
DBDriver pgsql
DBDParams "@{[ $pg->params('wxlogin') ]} connect_timeout=10"
DBDMin 1
DBDKeep 4
DBDMax 4
CONF
    my $known = $site->sign_in('known');
    my $other = $site->sign_in('other');
    my $executed = sub { return scalar(() = $pg->log =~ /EXECUTE wxlogin_user|execute wxlogin_user/g) };
    my $ask = sub { return $site->ask(GET => '/any/x', token => $_[0]{access}) };
    outlast();
    my ($before, $began) = ($executed->(), time);
    is $ask->($known)->{status}, 200, 'let in' for 1 .. 20;
    my $queries = $executed->() - $before;
    my $most = 1 + int((time - $began) / 2);    # one for each time that what is known lives
    ok $queries >= 1 && $queries <= $most, "twenty requests, $queries queries, $most at most";
    $pg->stop('immediate');
    # what stands in shared memory of `other` is older by now than all that may be used
    is $ask->($known)->{status}, 200, 'known: let in without a data base';
    outlast();
    is $ask->($known)->{status}, 200, 'out of date: still let in';
    sleep 6.2;
    my $res = $ask->($known);
    error_ok($res, 503, 'SERVICE_UNAVAILABLE', action => 'wait', name => 'too long out of date');
    ok $res->{headers}{'retry-after'}, 'with a time to wait';
    error_ok($ask->($other), 503, 'SERVICE_UNAVAILABLE', name => 'nor anybody else');
    error_ok($site->ask(GET => '/api/user/profile/', token => $known->{access}), 503, 'SERVICE_UNAVAILABLE', name => 'the profile');
    error_ok($site->ask(GET => '/any/x', token => 'bad'), 401, 'TOKEN_NOT_VALID', name => 'a bad token needs no data base');
    $pg->start;
    $pg->{process}->until(sub { $ask->($known)->{status} == 200 }, 5);
    is $ask->($known)->{status}, 200, 'it is back';
    is $ask->($other)->{status}, 200, 'for all';
};
done_testing;
