# Once: it has a Postgres and httpds of its own.
# Many sign in while the data base is busy: those who wait are served together, by few transactions,
# and each gets what is his.  What one of them brings along does no harm to the others.
use strict;
use warnings;
use utf8;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Token;
use WxLogin::Test::Users;
use WxLogin::Test::Waiting;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);
# One connection, so that whoever comes while it is busy waits; and a thread for each who does.
my $SQLITE = <<'CONF';
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
DBDriver sqlite3
DBDParams @ROOT@/db/wxlogin.db
DBDMin 1
DBDKeep 1
DBDMax 1
@ENDPOINTS@
CONF

# Short, as two hundred are to come while one waits
my $LEVEL = 'warn wxlogin:debug http:trace4';

# Each: (httpd, users, [how to connect, what locks], a sub that counts the transactions that have
# written the users whose openid begins so)
sub pgsql {
    my $pg = shift;
    my $httpd = own_httpd($pg, max => 1, threads => 220, loglevel => $LEVEL)->start;
    my $users = WxLogin::Test::Users->new($pg->dbh('wxlogin'));
    my $writes = sub {
        return ($users->dbh->selectrow_array('SELECT count(DISTINCT xmin::text) FROM wxlogin_user WHERE starts_with(openid, ?)', undef, $_[0]))[0];
    };
    return ($httpd, $users, [ sub { $pg->dbh('wxlogin') }, 'BEGIN', 'LOCK TABLE wxlogin_user IN SHARE ROW EXCLUSIVE MODE' ], $writes);
}

# SQLite does not say which transaction wrote a row: the write-ahead log is asked instead, for frames
# that end one.  Nothing else writes, and it is too short for a checkpoint.
sub commits {
    my $file = shift;
    open my $fh, '<:raw', "$file-wal" or return 0;
    local $/;
    my $wal = <$fh>;
    my ($size, $salt) = (unpack('x8 N', $wal), substr $wal, 16, 8);
    my $commits = 0;
    for (my $at = 32; $at + 24 + $size <= length $wal; $at += 24 + $size) {
        last if substr($wal, $at + 8, 8) ne $salt;
        $commits++ if unpack 'x4 N', substr $wal, $at, 8;
    }
    return $commits;
}

sub sqlite {
    my $httpd = WxLogin::Test::Httpd->new(config => $SQLITE, threads => 220, loglevel => $LEVEL);
    mkdir $httpd->root . '/db';
    my $file = WxLogin::Test::Httpd::sqlite_schema($httpd->root . '/db/wxlogin.db');
    $httpd->start;
    my $users = WxLogin::Test::Users->sqlite($file);
    $users->dbh->do('PRAGMA wal_autocheckpoint = 0');
    my $before = 0;
    my $writes = sub {
        my $now = commits($file);
        (my $n, $before) = ($now - $before, $now);
        return $n;
    };
    return ($httpd, $users, [ sub { WxLogin::Test::Users->sqlite($file)->dbh }, 'BEGIN IMMEDIATE' ], $writes);
}

# All of these at once, while another process keeps the lock until they have come: the first one is
# stuck in the data base, the others wait.
my $all_came;
sub while_busy {
    my ($httpd, $lock, @requests) = @_;
    my ($connect, @sql) = @$lock;
    pipe(my $read, my $write) or die "pipe: $!";
    pipe(my $until, my $go_on) or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $dbh = $connect->();
        $dbh->do($_) for @sql;
        close $go_on;
        syswrite $write, "locked\n";
        readline $until;
        $dbh->do('COMMIT');
        POSIX::_exit(0);
    }
    close $write;
    close $until;
    readline $read;
    my $arrived = arrivals($httpd);
    my $waiting = WxLogin::Test::Waiting->send($httpd, @requests);
    # who waits for the data base is sent away after three seconds
    $all_came = $arrived->(scalar @requests, 2);
    sleep 0.1;    # and those who have been read have come to wait
    close $go_on;
    my @res = $waiting->answers(30);
    waitpid $pid, 0;
    return @res;
}

sub code { return json_request('/api/login/', { code => $_[0] }, $_[0] =~ /^fifty-/ ? ('X-Device' => "phone of $_[0]") : ()) }

sub all_fine {
    my ($name, @res) = @_;
    my %status;
    $status{ $_->{status} }++ for @res;
    return is_deeply \%status, { 200 => scalar @res }, "$name: all are answered 200"
        || diag map { "$_->{status} " . ($_->{error} // '') . " $_->{body}\n" } grep { $_->{status} != 200 } @res;
}

sub story {
    my ($name, $httpd, $users, $lock, $writes) = @_;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $dbh = $users->dbh;
    is sign_in($httpd, 'warm')->{status}, 200, "$name: it works";

    $writes->('');
    # fifty people: none of them is mixed up with another
    my @people = map { "fifty-$_" } 1 .. 50;
    my @res = while_busy($httpd, $lock, map { code($_) } @people);
    my $n = $writes->('fifty-');
    all_fine("$name, fifty people", @res);
    is_deeply [ map { $_->{json}{user}{openid} } @res ], \@people, "$name: each is himself";
    is_deeply [ map { $_->{json}{user}{id} } @res ], [ map { $users->row($_)->{id} } @people ], 'with his own id';
    is_deeply [ map { $_->{json}{user}{username} } @res ], [ map { $users->row($_)->{username} } @people ], 'and his own name';
    for my $i (0, 7, 49) {
        my $sid = jwt_claims($res[$i]{json}{access})->{sid};
        is_deeply $dbh->selectrow_arrayref('SELECT user_id, device FROM wxlogin_session WHERE sid = ?', undef, $sid),
            [ $res[$i]{json}{user}{id}, "phone of $people[$i]" ], "$name: the session is his";
    }
    my ($sessions) = $dbh->selectrow_array('SELECT count(*) FROM wxlogin_session AS s JOIN wxlogin_user AS u ON u.id = s.user_id WHERE u.openid LIKE ?', undef, 'fifty-%');
    is $sessions, 50, "$name: a session each";
    diag "$name: fifty people, $n transactions";
    cmp_ok $n, '<=', $all_came ? 12 : 49, "$name: few transactions";

    # fifty times the same one: a batch has him once
    @res = while_busy($httpd, $lock, map { code('twin') } 1 .. 12);
    all_fine("$name, one openid", @res);
    my %ids = map { $_->{json}{user}{id} => 1 } @res;
    is keys %ids, 1, "$name: one user";
    is $users->count('twin'), 1, "$name: one row";
    my %sids = map { jwt_claims($_->{json}{access})->{sid} => 1 } @res;
    is keys %sids, 12, "$name: twelve sessions";

    # two hundred, of whom some come twice, more than a batch holds
    my @crowd = ((map { "crowd-$_" } 1 .. 150), (map { "crowd-$_" } 1 .. 50));
    $writes->('');
    @res = while_busy($httpd, $lock, map { code($_) } @crowd);
    $n = $writes->('crowd-');
    all_fine("$name, two hundred", @res);
    is_deeply [ map { $_->{json}{user}{openid} } @res ], \@crowd, "$name: each is himself";
    %ids = map { $_->{json}{user}{openid} => $_->{json}{user}{id} } @res;
    is scalar(grep { $ids{ $_->{json}{user}{openid} } != $_->{json}{user}{id} } @res), 0, 'who comes twice is the same';
    diag "$name: two hundred, $n transactions";
    cmp_ok $n, '<=', $all_came ? 30 : 149, "$name: few transactions";

    strange($name, $httpd, $lock);
    one_is_bad($name, $httpd, $users, $lock, $log);
    $log->done;
    return;
}

# What could be taken for something else on the way
sub strange {
    my ($name, $httpd, $lock) = @_;
    my @odd = ('a,b', '{a}', '"', '\\', "'", 'NULL', 'null', '%s', '$1', "tab\there", "unit\x{1f}separator", "sub\x{1a}stitute", "\x{1e}",
               '用户', "\x{1f600}", 'e' x 64, '[1]', 'E\'\\x1f\'', 'oDd', 'ODD');
    my @res = while_busy($httpd, $lock, map { code($_) } @odd, map { "even-$_" } 1 .. 10);
    all_fine("$name, odd names", @res);
    is_deeply [ map { $_->{json}{user}{openid} } @res[ 0 .. $#odd ] ], \@odd, "$name: they come back as they went";
    is sign_in($httpd, $_)->{json}{user}{openid}, $_, "$name: and alone" for @odd[ 9 .. 12 ];
    return;
}

# The administrator has rules of his own, and one is disabled
sub one_is_bad {
    my ($name, $httpd, $users, $lock, $log) = @_;
    my $dbh = $users->dbh;
    sign_in($httpd, "bad-$_") for 2, 4;
    $users->change('bad-4', is_active => 0);
    if ($users->is_pg) {
        $dbh->do(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.openid IN ('bad-2', 'bad-7') THEN RAISE 'not him: %', NEW.openid; END IF; RETURN NEW; END $$});
        $dbh->do('CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON wxlogin_user FOR EACH ROW EXECUTE FUNCTION refuse()');
        $dbh->do(q{ALTER TABLE wxlogin_user ADD CONSTRAINT polite CHECK (openid <> 'bad-9')});
    } else {
        $dbh->do("CREATE TRIGGER refuse_$_ BEFORE $_ ON wxlogin_user WHEN NEW.openid IN ('bad-2', 'bad-7', 'bad-9') BEGIN SELECT RAISE(ABORT, 'not him'); END") for qw(INSERT UPDATE);
    }
    my @res = while_busy($httpd, $lock, map { code("bad-$_") } 0 .. 19);
    my %expect = map { $_ => 500 } 2, 7, 9;
    $expect{4} = 403;
    is_deeply [ map { $_->{status} } @res ], [ map { $expect{$_} // 200 } 0 .. 19 ], "$name: those who are refused fail, and they only";
    error_ok($res[4], 403, 'USER_INACTIVE', name => "$name: the one who is disabled");
    error_ok($res[$_], 500, 'INTERNAL_ERROR', name => "$name: one who is refused") for 2, 7, 9;
    is_deeply [ map { $users->count("bad-$_") } 0 .. 19 ], [ map { /^[79]$/ ? 0 : 1 } 0 .. 19 ], "$name: the others are there";
    my $told = () = $log->lines(qr/WXL040\d: .*(?:not him|polite)/);
    is $told, 3, "$name: the log has one line for each who was refused";
    return;
}

subtest sqlite => sub { story('sqlite', sqlite()) };
SKIP: {
    skip WxLogin::Test::Postgres->missing, 1 if WxLogin::Test::Postgres->missing;
    my $pg = own_postgres();
    subtest pgsql => sub { story('pgsql', pgsql($pg)) };
}
done_testing;
