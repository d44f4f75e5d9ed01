# Many refresh their tokens while the data base is busy: they are served together, and each gets what
# is his; two who bring the same token are served one after the other.
# Once: it takes threads of one child to come together
use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Sessions;
use WxLogin::Test::Users;
use WxLogin::Test::Waiting;

my $PEOPLE = 60;

# All at once, while another process keeps the lock until they have come
my $all_came;
sub while_busy {
    my ($site, $mode, @requests) = @_;
    pipe(my $read, my $write) or die "pipe: $!";
    pipe(my $until, my $go_on) or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $dbh = $site->pg ? $site->pg->dbh($site->{name}) : WxLogin::Test::Users->sqlite($site->httpd->root . '/wxlogin.db')->dbh;
        $dbh->do($_) for $site->pg ? ('BEGIN', 'LOCK TABLE wxlogin_session IN ACCESS EXCLUSIVE MODE') : 'BEGIN IMMEDIATE';
        close $go_on;
        syswrite $write, "locked\n";
        readline $until;
        $dbh->do('COMMIT');
        POSIX::_exit(0);
    }
    close $write;
    close $until;
    readline $read;
    my $arrived = arrivals($site->httpd);
    my $waiting = WxLogin::Test::Waiting->send($site->at($mode), @requests);
    # who waits for the data base is sent away after three seconds
    $all_came = $arrived->(scalar @requests, 2);
    sleep 0.1;    # and those who have been read have come to wait
    close $go_on;
    my @res = $waiting->answers(30);
    waitpid $pid, 0;
    return @res;
}

for_each_db {
    my $site = WxLogin::Test::Sessions->new(shift, config => "LogLevel warn wxlogin:trace8 http:trace4\n", httpd => { children => 1, threads => 100 });
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    for my $mode (qw(off tolerant strict)) {
        my @res = parallel($site->at($mode), map { json_request('/api/login/', { code => "$mode-$_" }) } 1 .. $PEOPLE);
        is_deeply [ grep { $_->{status} != 200 } @res ], [], "$mode: they sign in";
        my @tokens = map { $_->{json}{refresh} } @res;
        my @claims = map { claims($_) } @tokens;
        # the second has signed out, the third is not active any more, the fourth is gone
        $site->logout($mode, undef, $res[1]{json}{access});
        $site->disable($claims[2]{user_id});
        $site->delete_user($claims[3]{user_id});

        my @ask = map { $site->refresh_request($_) } @tokens, @tokens[ 10 .. 19 ], $tokens[9];
        @res = while_busy($site, $mode, @ask);
        my %bad = (1 => [ 401, 'TOKEN_NOT_VALID' ], 2 => [ 401, 'USER_INACTIVE' ]);
        error_ok($res[$_], @{ $bad{$_} }, name => "$mode: number $_") for sort keys %bad;
        isnt $res[3]{status}, 200, "$mode: who is gone has no token";
        error_ok($res[3], $res[3]{status}, $res[3]{json}{error_code});
        my @good = grep { $_ < 1 || $_ > 3 } 0 .. $#res;
        is_deeply [ grep { $res[$_]{status} != 200 } @good ], [], "$mode: all others are answered 200"
            or diag map { "$_: $res[$_]{raw}\n" } grep { $res[$_]{status} != 200 } @good;
        my $whose = sub { my $n = shift; return $claims[ $n < $PEOPLE ? $n : $n == $PEOPLE + 10 ? 9 : $n - $PEOPLE + 10 ] };
        is_deeply [ map { my $c = claims($res[$_]{json}{access}); "$c->{sid} $c->{user_id}" } @good ],
            [ map { my $c = $whose->($_); "$c->{sid} $c->{user_id}" } @good ], "$mode: each has a token of his own session";
        my %jti = map { claims($_->{json}{access})->{jti} => 1 } @res[@good];
        is keys %jti, @good, "$mode: no token twice";
        next if $mode eq 'off';
        is $res[ $PEOPLE + $_ - 10 ]{json}{refresh}, $res[$_]{json}{refresh}, "$mode: the same successor for both" for 10 .. 19;
        my %new = map { $_->{json}{refresh} => 1 } @res[ grep { $_ < $PEOPLE } @good ];
        is keys %new, grep({ $_ < $PEOPLE } @good) + 0, "$mode: a successor each";
        @res = parallel($site->at($mode), map { $site->refresh_request($_) } sort keys %new);
        is_deeply [ grep { $_->{status} != 200 } @res ], [], "$mode: which works";
        next if !$site->pg;
        my ($n) = $site->dbh->selectrow_array('SELECT count(DISTINCT xmin::text) FROM wxlogin_session WHERE sid::text = ANY (?)', undef,
            [ map { $_->{sid} =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r } @claims[ 4 .. $#claims ] ]);
        diag "$mode: $n transactions";
        cmp_ok $n, '<', $PEOPLE - 4, "$mode: fewer transactions than people";
    }
    $log->done;
};
done_testing;
