# What conf/schema/pgsql.sql does on its own: for roles that know nothing of sessions, for those who ask
# twice, and by the clock of the data base.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Sessions;

plan skip_all => 'no Postgres here' if !$ENV{WX_PG_HOST};

# -- Django's role: it may change users, and nothing else
subtest 'a role without rights on sessions' => sub {
    my $site = WxLogin::Test::Sessions->new('pgsql');
    $site->pg->psql($site->{name}, $site->pg->schema_file);    # once more, as at an upgrade
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    my $dbh = $site->dbh;
    my $role = "clerk_$$" . '_' . int rand 1e9;
    my %s = map { $_ => $site->sign_in('off', $_) } qw(disabled deleted hidden);
    $dbh->do("CREATE ROLE $role");
    $dbh->do("GRANT SELECT, UPDATE, DELETE ON wxlogin_user TO $role");
    $dbh->do("GRANT CREATE ON SCHEMA public TO $role");
    my $as_clerk = sub {
        $dbh->do("SET ROLE $role");
        my $done = eval { $dbh->do($_) for @_; 1 };
        my $why = $@;
        $dbh->do('RESET ROLE');
        return $done ? '' : $why;
    };
    my $disable = sub { "UPDATE wxlogin_user SET is_active = false WHERE id = $s{ $_[0] }{user_id}" };

    like $as_clerk->('UPDATE wxlogin_session SET revoked_at = now()'), qr/permission denied/, 'it may not end sessions itself';
    is $as_clerk->($disable->('disabled')), '', 'it disables a user';
    is $site->row($s{disabled}{sid})->{revoked_why}, 'disabled', 'which ends his session';
    is $as_clerk->("DELETE FROM wxlogin_user WHERE id = $s{deleted}{user_id}"), '', 'it deletes a user';
    my $row = $site->row($s{deleted}{sid});
    is_deeply [ @$row{qw(revoked_why address)} ], [ 'deleted', undef ], 'which ends his session, and wipes it';

    is $as_clerk->('CREATE TEMP TABLE wxlogin_session (user_id bigint, revoked_at timestamptz, revoked_why text)',
                   $disable->('hidden')), '', 'a table of its own with the same name';
    $dbh->do('DROP TABLE pg_temp.wxlogin_session');
    is $site->row($s{hidden}{sid})->{revoked_why}, 'disabled', 'is not taken for ours';
    like $as_clerk->('CREATE TABLE mine AS SELECT * FROM wxlogin_user',
                     'CREATE TRIGGER t BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION wxlogin_user_changed()'),
        qr/permission denied/, 'it cannot put our trigger on a table of its own';
    $dbh->do("DROP OWNED BY $role");
    $dbh->do("DROP ROLE $role");
    $log->done;
};

# -- the function behind WxLoginMaxSessions
subtest 'the limit, asked twice' => sub {
    my $site = WxLogin::Test::Sessions->new('pgsql');
    my @s = map { $site->sign_in('off', 'often') } 1 .. 4;
    my ($id) = map { $_->{user_id} } @s;
    my $limit = sub {
        my ($most, $evict, $mine) = @_;
        my $sids = $site->dbh->selectcol_arrayref('SELECT wxlogin_session_limit(?, ?, ?, ?, ?, ?, ?)', undef, $id, $mine, $most, $evict,
                                                  '2026-01-01Z', '2020-01-01Z', '2020-01-01Z');
        return join ' ', sort map { tr/-//dr } @$sids;
    };
    my $two = join ' ', sort map { $_->{sid} } @s[ 0, 1 ];
    is $limit->(2, 1, $s[3]{sid}), $two, "evict-oldest: $_" for 'two of four end', 'the same two are told again';
    is scalar $site->alive($id), 2, 'and two live';
    is $limit->(1, 0, $s[3]{sid}), $s[3]{sid}, "reject: $_" for 'the newest ends', 'it is told again';
    is $limit->(1, 0, $s[2]{sid}), '', 'the other is within the limit';
    is_deeply [ map { $_->{sid} } $site->alive($id) ], [ $s[2]{sid} ], 'and lives';
    cmp_ok $_->{revoked_at} / 1e6, '>', time - 600, 'ended by the clock of the data base, not by the time that was told'
        for grep { defined $_->{revoked_at} } $site->rows($id);
};

# -- a data base whose clock is an hour ahead: others look by that clock what has ended lately
for my $policy ('evict-oldest', 'reject') {
    subtest "another clock, $policy" => sub {
        my $site = WxLogin::Test::Sessions->new('pgsql', asleep => 1, options => ' -c search_path=ahead,pg_catalog,public',
                                                config => "WxLoginMaxSessions 3 $policy\n");
        $site->dbh->do('CREATE SCHEMA ahead');
        $site->dbh->do('CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS'
                       . q( $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$));
        $site->httpd->start;
        my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
        my @s = map { $site->sign_in('off', 'early') } 1 .. 3;
        my $res = post_json($site->at('off'), '/api/login/', { code => 'early' });
        is $res->{status}, 200, 'a fourth is welcome' if $policy ne 'reject';
        error_ok($res, 403, 'SESSION_LIMIT_REACHED', name => 'a fourth is refused') if $policy eq 'reject';
        is $site->ask('off', DELETE => "/api/sessions/$s[1]{sid}/", $s[2]{access})->{status}, 200, 'one is removed';
        is $site->logout('off', { refresh => $s[2]{refresh} })->{status}, 200, 'one signs out';
        my $last = $site->sign_in('off', 'early');
        is $site->logout('off', { refresh => $last->{refresh}, scope => 'all' })->{status}, 200, 'and all the others';
        my $stolen = $site->sign_in('strict', 'early');
        my $next = $site->refresh('strict', $stolen->{refresh})->{json}{refresh};
        my $newest = $site->refresh('strict', $next)->{json}{refresh};
        for my $token ($stolen->{refresh}, $stolen->{refresh}, $newest) {
            error_ok($site->refresh('strict', $token), 401, 'TOKEN_NOT_VALID', name => 'a token that was stolen, and what came of it');
        }
        is scalar $log->lines(qr/WXL0312: .*two parties have tokens/), 1, 'the log tells of the theft once';
        my @rows = $site->rows($s[0]{user_id});
        my %late = map { $_->{revoked_why} => 1 } grep { $_->{revoked_at} / 1e6 > time + 3000 } @rows;
        is_deeply [ sort keys %late ], [qw(limit logout removed theft)], 'ended for these reasons';
        is scalar(grep { $_->{revoked_at} / 1e6 <= time + 3000 } @rows), 0, 'each by the clock of the data base';
        $log->done;
    };
}
done_testing;
