#!/usr/bin/perl
# The rules of the house can fail: in a copy of the tree one thing is broken at a time, and the
# rule that guards it must be the one that complains.
use strict;
use warnings;
use utf8;
use lib 't/house';
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Cwd qw(getcwd);
use Test::More;
use House;

# [test, rule (the beginning of its name), file, what is done to its text]
my @breaks = (
    [floors => 'a floor includes itself', 'modules/base/text.c', add('#include "gate/json.h"')],
    [floors => 'every folder of modules/', 'modules/side/x.c', sub { "/* side/x: x. */\n" }],
    [floors => 'every file of the floors', 'modules/base/x.txt', sub { 'x' }],
    [floors => 'an include of ours names', 'modules/core/sql.c', swap('"core/sql.h"', '"sql.h"')],
    [floors => 'what is included is there', 'modules/core/sql.c', add('#include "base/nothing.h"')],
    [floors => 'a .c file includes its own', 'modules/core/sql.c', swap('"core/sql.h"', '"base/text.h"')],
    [floors => 'no circle among the rooms', 'modules/gate/crypto.c', add('#include "gate/jwt.h"')],
    [floors => 'no circle among headers', 'modules/web/private.h', add('#include "web/call.h"')],
    [floors => '<jansson.h> is known', 'modules/core/users.c', add('#include <jansson.h>')],
    [floors => '<curl/> is known', 'modules/gate/json.c', add('#include <curl/curl.h>')],
    [floors => '<openssl/> is known', 'modules/gate/jwt.c', add('#include <openssl/evp.h>')],
    [floors => '<jwt.h> is known', 'modules/web/login.c', add('#include <jwt.h>')],
    [floors => '<apr_dbd.h> is known', 'modules/core/sql.h', add('#include <apr_dbd.h>')],
    [floors => '<libpq-fe.h> is known', 'modules/core/users.c', add('#include <libpq-fe.h>')],
    [floors => 'httpd is known in web/', 'modules/core/users.c', add('#include <http_log.h>')],
    [floors => 'a request_rec or server_rec', 'modules/core/users.c', add('struct x { request_rec *r; };')],
    [floors => 'all hooks stand in the roof', 'modules/web/login.c', add('void f(void) { ap_hook_handler(g, 0, 0, 0); }')],
    [floors => 'rooms below web/ write no log', 'modules/gate/db.c', add('void f(void) { ap_log_perror(x); }')],
    [floors => 'a request that failed is logged', 'modules/web/login.c', swap('APLOG_NOTICE', 'APLOG_ERR')],
    [floors => 'configuration is fetched', 'modules/web/login.c', add('void *f(void) { return &wxlogin_module; }')],
    [floors => 'looked at enough: hooks', 'mod_wxlogin.c', sub { my $s = shift; $s =~ s/ap_hook_/no_hook_/g; $s }],
    [sizes => 'a function has', 'modules/base/text.c', add("void f(void)\n{\n" . "    g();\n" x 60 . '}')],
    [sizes => 'a function takes', 'modules/base/text.c', add("void f(int a, int b, int c, int d, int e, int g)\n{\n}")],
    [sizes => 'a file has', 'modules/base/text.c', add("\n" x 400)],
    [sizes => 'a file ends', 'modules/base/text.c', sub { my $s = shift; chomp $s; $s }],
    [sizes => 'a line has', 'modules/base/text.c', add('/* ' . 'x' x 99 . ' */')],
    [sizes => 'no blank ends', 'modules/base/text.c', add('int x; ')],
    [sizes => 'no tab', 'modules/base/text.c', add("\tint x;")],
    [sizes => 'no goto', 'modules/base/text.c', add("void f(void)\n{\n    goto x;\n}")],
    [sizes => 'no APLOGNO', 'modules/web/reply.c', add('APLOGNO(01234)')],
    [sizes => 'no function of C', 'modules/base/text.c', add('char *f(char *a) { return strcpy(a, a); }')],
    [sizes => 'no note to come back', 'modules/base/text.c', add('/* ' . 'TO' . 'DO: later */')],
    [headers => 'a header opens', 'modules/base/text.h', swap('base/text: ', '')],
    [headers => 'a header is guarded', 'modules/base/text.h', swap('#ifndef WXL_TEXT_H', '#ifndef TEXT_H')],
    [headers => 'a header defines no', 'modules/base/text.h', swap('const char *wxl_text_trim', 'static const char *wxl_text_trim')],
    [headers => 'what a header declares has', 'modules/base/text.h', sub { my $s = shift; $s =~ s{/\*\*.*?\*/\n(?=size_t)}{}s; $s }],
    [headers => 'a function is called', 'modules/base/text.h', swap('wxl_text_length', 'text_length')],
    [headers => 'a function is static', 'modules/base/text.c', add("int lonely(void)\n{\n    return 1;\n}")],
    [headers => 'what a header declares is defined', 'modules/base/text.c', swap('size_t wxl_text_length', 'size_t wxl_text_size')],
    [headers => 'a static function has no', 'modules/base/text.c', add("static int wxl_text_x(void)\n{\n    return 1;\n}")],
    [headers => 'what a header declares is used', 'modules/base/text.h', swap("#endif\n", "/** X. */\nint wxl_text_idle(void);\n\n#endif\n")],
    [headers => 'a .c file of a room', 'modules/base/text.c', swap('base/text: ', '')],
    [tags => 'every log line', 'modules/web/dbd.c', sub { my $s = shift; $s =~ s/WXL051\d: //g; $s }],
    [tags => 'every problem has its row', 'modules/base/problem.c', swap('[WXL_MEDIA_TYPE]', '[WXL_METHOD]')],
    [tags => 'every row of the table', 'modules/base/problem.c', swap('[WXL_MEDIA_TYPE]', '[WXL_MEDIA]')],
    [tags => 'no tag is used twice', 'modules/web/exchange.c', swap('WXL0512', 'WXL0510')],
    [tags => 'no tag is used twice', 'modules/web/exchange.c', swap('WXL0512', 'WXL0101')],
    [tags => 'every problem speaks', 'modules/base/problem.c', swap('"缺少登录凭证 code", ', '"no Chinese", ')],
    [tags => 'every problem can happen', 'modules/base/problem.h', swap('WXL_METHOD,', 'WXL_METHOD, WXL_NEVER,')],
    [docs => 'every directive is documented', 'docs/directives.md', swap('## WxLoginAppId', '## App')],
    [docs => 'every directive that is documented', 'docs/directives.md', add("## WxLoginNothing\n")],
    [docs => 'the manual gives its Default', 'docs/directives.md', sub { my $s = shift; $s =~ s/^\*\*Default.*\n//m; $s }],
    [docs => 'its Syntax begins', 'docs/directives.md', sub { my $s = shift; $s =~ s/(Syntax:\W+)WxLoginAppId/$1AppId/; $s }],
    [docs => 'every directive and handler of', 'conf/wxlogin.conf', add('WxLoginAppName x')],
    [docs => 'every directive and handler of', 'conf/wxlogin.conf', add('SetHandler wxlogin-nothing')],
    [docs => 'the sample configuration mounts', 'conf/wxlogin.conf', swap('SetHandler wxlogin-verify', '')],
    [docs => 'the sample configuration shows', 'conf/wxlogin.conf', swap('#WxLoginLanguage', '#')],
    [docs => 'docs name every handler', 'docs/directives.md', sub { my $s = shift; $s =~ s/wxlogin-verify//g; $s }],
    [docs => 'README names both', 'README', sub { my $s = shift; $s =~ s/make test/test/g; $s }],
    [docs => 'links between documents', 'docs/api.md', add('[x](nowhere.md)')],
    [docs => 'a make command', 'docs/api.md', add('`make coffee`')],
    [docs => 'docs/api.md names', 'docs/api.md', sub { my $s = shift; $s =~ s/TOKEN_EXPIRED//g; $s }],
    [docs => 'nothing speaks', 'docs/api.md', add('see /work' . '/x')],
    [replay => 'looked at enough: seeds of json', 't/fuzz/corpus/json', undef],
    [replay => 'a seed is small', 't/fuzz/corpus/json/big', sub { 'x' x 20000 }],
    [replay => 'a corpus belongs', 't/fuzz/corpus/other/x', sub { 'x' }],
);

sub add { my $line = shift; return sub { "$_[0]$line\n" } }

sub swap {
    my ($old, $new) = @_;
    return sub { my $text = shift; my $at = index $text, $old; substr($text, $at, length $old) = $new if $at >= 0; $text };
}

my $top = getcwd();
my $copy = tempdir('wxlogin-house.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $without = join ' ', map { "--exclude='$_'" }
    qw(./.git ./build/obj ./build/run ./build/fuzz ./t/logs ./tmp wxlogin-house.*);
system("tar -cf - $without . | tar -C '$copy' -xf -") == 0
    or BAIL_OUT('cannot copy the tree');
chdir $copy or BAIL_OUT("$copy: $!");
END { chdir $top if $top }

# Does a test complain of a rule, and more than it does of the tree as it is?
my %sound;
sub says { return scalar qx($^X t/house/$_[0].t 2>&1) }

sub complains {
    my ($test, $rule) = @_;
    my $said = says($test);
    return $said =~ /^not ok \d+ - \Q$rule\E/m && $said ne $sound{$test};
}

sub spill {
    my ($file, $text) = @_;
    (my $folder = $file) =~ s{/?[^/]+$}{};
    make_path($folder) if length $folder;
    open my $fh, '>:encoding(UTF-8)', $file or die "$file: $!\n";
    print {$fh} $text;
    close $fh;
}

$sound{$_} //= says($_) for (map { $_->[0] } @breaks), 'symbols';
found(scalar @breaks, 60, 'ways to break the house');
for my $break (@breaks) {
    my ($test, $rule, $file, $change) = @$break;
    my $name = "$test: $rule …: broken in $file";
    if (!$change) {
        rename $file, "$file.away";
        ok(complains($test, $rule), $name);
        rename "$file.away", $file;
        next;
    }
    my $before = -e $file ? slurp($file) : undef;
    my $after = $change->($before // '');
    if (defined $before && $before eq $after) {
        fail("$name: there was nothing to break");
        next;
    }
    spill($file, $after);
    ok(complains($test, $rule), $name);
    if (defined $before) { spill($file, $before) }
    else {
        unlink $file;
        (my $folder = $file) =~ s{/[^/]+$}{};
        rmdir $folder;
    }
}

# a shared object that shows too much
SKIP: {
    spill('x.c', "int wxlogin_module, wxl_secret; void abort(void); void f(void) { abort(); }\n");
    skip 'no compiler', 2 if system('cc -shared -fPIC -o .libs/mod_wxlogin.so x.c 2>/dev/null') != 0;
    ok(complains('symbols', 'it exports nothing else'), 'symbols: it exports nothing else: broken');
    ok(complains('symbols', 'it does not log or exit'), 'symbols: it does not exit: broken');
}

done_testing;
