# Once: needs no httpd that runs.
# Wrong values are refused with the directive, the value and what would be right.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Httpd;

sub refused {
    my ($snippet, $sentence, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $said) = WxLogin::Test::Httpd->configtest($snippet);
    my $good = $status != 0 && $said =~ $sentence;
    ok($good, $name // $snippet =~ s/\s*\n\s*/ /gr) or diag $said;
    return;
}

sub accepted {
    my ($snippet, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $said) = WxLogin::Test::Httpd->configtest($snippet);
    ok($status == 0 && $said =~ /Syntax OK/, $name // $snippet =~ s/\s*\n\s*/ /gr) or diag $said;
    return;
}

sub at_place { return "<Location /x>\nWxLoginRateLimit $_[0]\n</Location>\n" }

my $form = qr{write NUMBER/DURATION, such as 5/1m or 100/1h, or off};
my $options = qr{write key=client\|ip\|user, name=WORD, count=all\|failures, except=NETWORK\[,NETWORK\.\.\.\] or dry-run};
my @wrong = (
    [ '5',                   qr{WxLoginRateLimit "5" is wrong: $form} ],
    [ 'x/1m',                qr{"x/1m" is wrong: $form} ],
    [ '-5/1m',               qr{"-5/1m" is wrong: $form} ],
    [ '5/x',                 qr{"5/x" is wrong: write a number of seconds, or a number followed by s, m, h or d, such as 300, 5m or 7d behind the slash} ],
    [ '5/0',                 qr{"5/0" is wrong: write at least one second behind the slash} ],
    [ '5/367d',              qr{"5/367d" is wrong: write at most 366d behind the slash} ],
    [ '0/1m',                qr{"0/1m" is wrong: write a number from 1 to 250000 before the slash} ],
    [ '250001/1m',           qr{"250001/1m" is wrong: write a number from 1 to 250000 before the slash} ],
    [ '99999999999999999999/1m', qr{write a number from 1 to 250000 before the slash} ],
    [ 'off now',             qr{"now" is wrong: write nothing behind off} ],
    [ '5/1m fast',           qr{WxLoginRateLimit "fast" is wrong: $options} ],
    [ '5/1m key=phone',      qr{"key=phone" is wrong: write key=client, key=ip or key=user} ],
    [ '5/1m count=some',     qr{"count=some" is wrong: write count=all or count=failures} ],
    [ '5/1m name=',          qr{"name=" is wrong: write name= and 1 to 64 letters} ],
    [ '5/1m name=a/b',       qr{"name=a/b" is wrong: write name= and 1 to 64 letters} ],
    [ '5/1m except=',        qr{"except=" is wrong: write except= and networks with commas between them} ],
    [ '5/1m except=10.0.0.0/33', qr{"except=10\.0\.0\.0/33" is wrong: write except= and networks} ],
    [ '5/1m except=10.0.0.0/8,,::1', qr{is wrong: write except= and networks} ],
    [ '5/1m except=example.org', qr{"except=example\.org" is wrong: write except= and networks} ],
);
refused(at_place($_->[0]), $_->[1], "WxLoginRateLimit $_->[0]") for @wrong;
refused("WxLoginRateLimit\n", qr{WxLoginRateLimit needs a value: write 5/1m or off});

refused(at_place('5/1m name=a') . at_place('6/1m name=a'),
        qr{WxLoginRateLimit 6/1m name=a is wrong: that name has 5/1m at \S+httpd\.conf:\d+, and limits of one name share one count; write the same rate or another name});
refused(at_place("5/1m\nWxLoginRateLimit 5/60 key=ip"),
        qr{WxLoginRateLimit 5/60 is wrong: with that of line \d+ each request would count twice; write name=WORD, or leave one out});
refused("<Location /x>\n<Limit GET>\nWxLoginRateLimit 5/1m\n</Limit>\n</Location>\n", qr{WxLoginRateLimit cannot occur within <Limit> or <LimitExcept> section});

my $size = qr{write a number of clients from 1 to 10000000};
refused("WxLoginRateLimitSize $_\n", qr{WxLoginRateLimitSize "$_" is wrong: $size}) for qw(0 -1 many 10000001 5k);
refused("<VirtualHost *:80>\nWxLoginRateLimitSize 10\n</VirtualHost>\n", qr{WxLoginRateLimitSize cannot occur within <VirtualHost> section});
refused("<Location /x>\nWxLoginRateLimitSize 10\n</Location>\n", qr{WxLoginRateLimitSize not allowed (?:here|in <Location> context)|cannot occur within <Location>});

accepted(at_place($_), "WxLoginRateLimit $_") for '1/1', '250000/366d', '5/1m key=client count=all name=a.b-c_d dry-run',
    '5/1m except=10.0.0.0/8,2001:db8::/32,192.0.2.1', 'OFF', "5/1m\nWxLoginRateLimit 100/1h",
    "5/1m key=ip\nWxLoginRateLimit 5/1m key=user";
accepted(at_place('5/1m name=a') . at_place('5/60 name=a'), 'one name, the same rate');
accepted("WxLoginRateLimitSize 10000000\n");
accepted("<Files x>\nWxLoginRateLimit 5/1m\n</Files>\n<If \"true\">\nWxLoginRateLimit 5/1m\n</If>\n");

# more than there is: httpd does not start, and says why
SKIP: {
    skip 'a checker needs all of the memory itself', 1 if $ENV{WX_REPORTS};
    my $huge = WxLogin::Test::Httpd->new(config => "WxLoginRateLimitSize 10000000\n" . at_place('64/1m'));
    local $ENV{WX_HTTPD} = $huge->write('small', "#!/bin/sh\nulimit -v 4000000\nexec " . WxLogin::Test::Httpd::httpd() . " \"\$@\"\n");
    chmod 0755, $ENV{WX_HTTPD};
    ok !eval { $huge->start; 1 }, 'no memory: httpd does not start';
    like $huge->output . $huge->log, qr{WXL0541: no shared memory for the rate limit <Location /x> 64/1m: \d+ bytes for 10000000 clients; write a smaller WxLoginRateLimitSize},
        'and says what to write';
}
done_testing;
