# Whatever stands in the table is answered as it is: NULL as null and not as "", the longest
# strings, characters of four bytes, what looks like markup, ids that a double cannot hold.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Users;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my @bool = (JSON::PP::false, JSON::PP::true);
my $JOINED = 1_234_567_890_000_009;    # 2009-02-13T23:31:30.000009Z

# name => columns; what is answered is the same, booleans apart
my %CASES = (
    'NULLs'                => { phone => undef, email => undef, last_login_at => undef },
    'empty strings'        => { phone => '', email => '', avatar_url => '' },
    'four bytes'           => { username => "\x{1F469}\x{200D}\x{1F680} \x{20BB7}野家", email => "\x{1F4E7}\@example.org" },
    'combining characters' => { username => "e\x{301}\x{5D0}\x{202E}abc" },
    'markup and quotes'    => { username => q(<script>"\\'--; DROP TABLE x; %s %d %%</script>), avatar_url => 'https://e.org/?a=1&b=\\' },
    'control characters'   => { username => "a\tb\nc\x{1}\x{7f}" },
    'line separators'      => { username => "a\x{2028}b\x{2029}c" },
    'digits'               => { username => '000123', phone => '+8613800000000', email => '1e5' },
    'words of booleans'    => { username => 'true', phone => 'null', email => 'f' },
    'the longest'          => { username => "\x{1F600}" x 140, phone => '1' x 20, avatar_url => 'a' x 200 },
    'staff only'           => { is_staff => 1, is_superuser => 0 },
    'superuser only'       => { is_staff => 0, is_superuser => 1, user_type => 'admin' },
    'beyond 2^53'          => { id => 9_007_199_254_740_993 },
    'the last ids'         => { id => 9_223_372_036_854_000_000 },
);

# Unique, so that the story can be told again
sub unique {
    my ($case, $serial, $n) = @_;
    my %row = (username => "case_$n", is_staff => 0, is_superuser => 0, %$case);
    $row{username} .= " $serial";
    $row{id} += $n * 10_000 + $serial % 10_000 if $row{id};
    return %row;
}

sub story {
    my $vhost = shift;
    my $users = WxLogin::Test::Users->of($vhost);
    # SQLite's AUTOINCREMENT goes on from the greatest id, and at the last one no user can join any more
    my @names = grep { $users->is_pg || !$CASES{$_}{id} } sort keys %CASES;
    my $n = 0;
    for my $name (@names) {
        my $openid = $wechat->openid_of($wechat->code);
        my $serial = $$ % 100_000;
        my %row = unique($CASES{$name}, $serial, ++$n);
        $users->dbh->do('DELETE FROM wxlogin_user WHERE username = ?', undef, $row{username});
        $users->add(openid => $openid, is_active => 1, date_joined => $JOINED, %row);
        my %expect = map { $_ => /^is_/ ? $bool[ $row{$_} ] : $row{$_} } keys %row;
        delete $expect{last_login_at};
        $expect{id} = "$expect{id}" if $expect{id};
        my $res = post_json($vhost, '/api/login/', { code => $wechat->code(openid => $openid) });
        login_ok($res, name => $name, openid => $openid, date_joined => qr/^2009-02-1[34]T\d\d:\d\d:30\.000009/, %expect);
        like $res->{body}, qr/\{"id":$row{id},/, 'every digit of the id' if $row{id};
    }
    return;
}

for my $vhost (qw(sqlite pgsql)) {
    subtest $vhost => sub { story($vhost) };
}
$log->done;
done_testing;
