# What becomes of refresh tokens: each rotation as a table of what a client does, and what it gets,
# to the letter, and what stands in the row afterwards.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Sessions;
use WxLogin::Test::Token;

# R0 is what the sign-in gave, R1 its successor, and so on: "R0 -> R1" sends R0 and must get R1, the
# same as any time before; "R0 -> stays" gets an access token alone; "R0 -> no" is refused, "theft"
# too, and ends the session. "row 2 1": the token that counts is R2, the one before it R1; "row 0 -":
# there was none before.
my @STORIES = (
    [ off => 'use, and use again' => 'R0 -> stays', 'R0 -> stays', 'row 0 -', 'R0 -> stays' ],
    [ off => 'a session that was rotated before' => 'at tolerant', 'R0 -> R1', 'R1 -> R2', 'at off', 'R2 -> stays',
      'R1 -> stays', 'R0 -> no', 'R2 -> stays', 'row 2 1', 'at tolerant', 'R1 -> R2', 'R2 -> R3' ],
    [ tolerant => 'use' => 'R0 -> R1', 'row 1 0', 'R1 -> R2', 'row 2 1', 'R2 -> R3', 'row 3 2' ],
    [ tolerant => 'a lost answer' => 'R0 -> R1', 'R0 -> R1', 'R0 -> R1', 'row 1 0', 'R1 -> R2', 'row 2 1' ],
    [ tolerant => 'a lost answer, twice' => 'R0 -> R1', 'R0 -> R1', 'R1 -> R2', 'R1 -> R2', 'R2 -> R3' ],
    [ tolerant => 'an old one' => 'R0 -> R1', 'R1 -> R2', 'R0 -> no', 'row 2 1', 'R2 -> R3', 'R0 -> no', 'R1 -> no', 'R3 -> R4' ],
    [ tolerant => 'an old one after a lost answer' => 'R0 -> R1', 'R1 -> R2', 'R0 -> no', 'R1 -> R2', 'row 2 1' ],
    [ strict => 'use' => 'R0 -> R1', 'row 1 0', 'R1 -> R2', 'R2 -> R3', 'row 3 2' ],
    [ strict => 'a lost answer' => 'R0 -> R1', 'R0 -> R1', 'row 1 0', 'R1 -> R2', 'row 2 1' ],
    [ strict => 'theft' => 'R0 -> R1', 'R1 -> R2', 'R0 -> theft', 'R2 -> no', 'R1 -> no', 'R0 -> no', 'row 2 1' ],
    [ strict => 'theft, much later' => map({ "R$_ -> R" . ($_ + 1) } 0 .. 5), 'R4 -> theft', 'R6 -> no', 'row 6 5' ],
    [ strict => 'theft is no theft elsewhere' => 'R0 -> R1', 'R1 -> R2', 'at tolerant', 'R0 -> no', 'at off', 'R0 -> no',
      'at strict', 'R2 -> R3', 'row 3 2' ],
);

sub use_token {
    my ($site, $story, $what, $want) = @_;
    my $tokens = $story->{tokens};
    my $res = $site->refresh($story->{mode}, $tokens->{$what});
    if ($want eq 'no' || $want eq 'theft') {
        error_ok($res, 401, 'TOKEN_NOT_VALID', name => "$what: refused");
        my $row = $site->row($story->{sid});
        is $row->{revoked_why}, 'theft', 'the session has ended for theft' if $want eq 'theft';
        return;
    }
    my @keys = $want eq 'stays' ? ('access') : ('access', 'refresh');
    is_deeply [ $res->{status}, keys_of($res->{body}) ], [ 200, @keys ], "$what: $want" or return diag $res->{raw};
    my $access = token_ok($res->{json}{access}, 'access', user_id => $story->{user_id}, sid => $story->{sid},
                          jti => qr/^(?!$story->{seen}$)/);
    $story->{seen} .= "|$access->{jti}";
    push @{ $story->{given} }, $res->{json}{access};
    return if $want eq 'stays';
    my $first = !$tokens->{$want};
    $tokens->{$want} //= $res->{json}{refresh};
    is $res->{json}{refresh}, $tokens->{$want}, 'the same token, to the letter';
    return if !$first;
    my $claims = token_ok($res->{json}{refresh}, 'refresh', user_id => $story->{user_id}, sid => $story->{sid});
    isnt $claims->{jti}, claims($tokens->{$what})->{jti}, 'with a jti of its own';
    is $site->row($story->{sid})->{expires_at}, $claims->{exp} * 1e6, 'the session lives as long as it';
    return;
}

sub row_is {
    my ($site, $story, $current, $previous) = @_;
    my $row = $site->row($story->{sid});
    my %of = map { $_ => digest(claims($story->{tokens}{$_})->{jti}) } keys %{ $story->{tokens} };
    is $row->{refresh_digest}, $of{"R$current"}, "row: R$current counts";
    is $row->{previous_digest}, $previous eq '-' ? undef : $of{"R$previous"}, "row: $previous was before it";
    is defined $row->{rotated_at}, $previous ne '-', 'row: rotated_at';
    return;
}

for_each_db {
    my $site = WxLogin::Test::Sessions->new(shift);
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    my $number = 0;
    for (@STORIES) {
        my ($mode, $name, @events) = @$_;
        my $s = $site->sign_in($mode, 'user-' . ++$number);
        my %story = (mode => $mode, sid => $s->{sid}, user_id => "$s->{user_id}", tokens => { R0 => $s->{refresh} }, seen => 'none',
                     given => [ $s->{access} ]);
        subtest "$mode: $name" => sub {
            for (@events) {
                if    (/^(R\d) -> (\w+)$/)    { use_token($site, \%story, $1, $2) }
                elsif (/^row (\d) (\d|-)$/)   { row_is($site, \%story, $1, $2) }
                elsif (/^at (\w+)$/)          { $story{mode} = $1 }
                else                          { die "not understood: $_" }
            }
            my $thefts = grep { /theft$/ } @events;
            my @told = $log->lines(qr/\[wxlogin:warn\].* WXL0312: .*session $s->{sid} of user $s->{user_id} ends: a refresh token came/);
            is scalar @told, $thefts, 'and the log says so, once' if $thefts;
            my @revoked = grep { defined $_->{revoked_at} } $site->rows($s->{user_id});
            is scalar @revoked, $thefts, $thefts ? 'the session is over' : 'the session is not over';
            my $text = $site->log;
            my @leaks = grep { my ($signature) = /([^.]+)$/; index($text, $signature) >= 0 } @{ $story{given} }, values %{ $story{tokens} };
            is scalar @leaks, 0, 'no token that was sent or given stands in the log';
        };
    }
    $log->done;
};
done_testing;
