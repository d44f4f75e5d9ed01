"""What is measured, and what it needs: each server is a class that knows how it is started and where
it answers. Everything is started for its turn and ended after it."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import subprocess
import time
from concurrent import futures

import proposal
from place import SOURCE, Failure, free_port, quietly, wait_for_port

HERE = os.path.dirname(os.path.realpath(__file__))
BUILD = os.path.join(SOURCE, 'build', 'bench')
MODULE = os.path.join(SOURCE, '.libs', 'mod_wxlogin.so')
PYTHON = '/usr/bin/python3'  # the one that Debian's packages belong to
SECRET = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'
CREDENTIALS = dict(WECHAT_APPID='wx0123456789abcdef', WECHAT_SECRET='0123456789abcdef0123456789abcdef',
                   SECRET_KEY=SECRET)
KNOWN_CODE = 'oKnown0001%018d-first000-%08d'  # as in load.lua


def environment(**more):
    """Nothing of the caller's but where programs are: proxies, PG… and NODE_… stay out."""
    kept = {name: os.environ[name] for name in ('PATH', 'LANG', 'LC_ALL') if name in os.environ}
    return dict(kept, HOME='/nonexistent', **more)


class FakeWeChat:
    """nginx. The openid is the first 28 characters of the code."""

    def __init__(self, place, slow_ms):
        self.ports = {0: free_port(), slow_ms: free_port()}
        folder = os.path.join(place.dir, 'wechat')
        os.makedirs(folder + '/tmp')
        with open(HERE + '/wechat.conf') as f:
            conf = f.read()
        echo = [path for path in ('/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules')
                if os.path.exists(path + '/ngx_http_echo_module.so')]
        if not echo:
            raise Failure('the echo module of nginx is missing (Debian: libnginx-mod-http-echo)')
        for name, value in dict(ECHO=echo[0], AT_ONCE=self.ports[0],
                                SLOW=self.ports[slow_ms], SECONDS='%.3f' % (slow_ms / 1000)).items():
            conf = conf.replace('@%s@' % name, str(value))
        with open(folder + '/nginx.conf', 'w') as f:
            f.write(conf)
        nginx = shutil.which('nginx') or '/usr/sbin/nginx'
        self.process = place.spawn('wechat', [nginx, '-p', folder, '-c', folder + '/nginx.conf',
                                              '-e', folder + '/error.log'])
        for port in self.ports.values():
            wait_for_port(port)

    def url(self, ms):
        return 'http://127.0.0.1:%d' % self.ports[ms]


class Server:
    """One that is measured. After start(): self.process, self.port."""
    name = label = None
    serves = True  # is a server: of its own processes, asked by HTTP
    compiles = False  # what is hot, while it runs: warm only after a while
    paths = dict(login='/api/login/', refresh='/api/token/refresh/', guard='/guarded/small.txt')
    refusal, burst = 429, 5  # status of a sign-in that is one too many; so many are let in, in each process

    def __init__(self, place, key):
        """@param key: its name in this place"""
        self.place, self.key = place, key

    def missing(self):
        """@return what hinders it, None: nothing"""

    def start(self, wechat_url, limited=False):
        self.port = free_port()
        command, env = self.command(wechat_url, limited)
        self.process = self.place.spawn(self.key, command, env=env, cwd=self.place.dir)
        try:
            wait_for_port(self.port, process=self.process)
        except Failure:
            raise Failure('%s does not start' % self.name)

    def log(self):
        return self.place.log_of(self.key)

    def stop(self):
        self.place.end(self.key)

    def sign_in(self, connection, number):
        """@return status, text, code"""
        code = KNOWN_CODE % (number, time.time_ns() // 1000 % 10**8)
        connection.request('POST', self.paths['login'], json.dumps({'code': code}),
                           {'Content-Type': 'application/json'})
        answer = connection.getresponse()
        return answer.status, answer.read(), code

    def pair_of(self, number):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        status, text, code = self.sign_in(connection, number)
        connection.close()
        if status != 200:
            raise Failure('%s: a sign-in is answered %d %r' % (self.name, status, text[:300]))
        body = json.loads(text)
        if body['user']['openid'] != code[:28]:
            raise Failure('%s: %r is not the user of %s' % (self.name, body['user'], code))
        return body['access'], body['refresh']

    def tokens(self, count):
        """(access, refresh) of so many users, each by a sign-in whose answer is looked at"""
        with futures.ThreadPoolExecutor(8) as some:
            return list(some.map(self.pair_of, range(1, count + 1)))

    def must_refuse(self):
        """wrk tells answers of 200 from others, not a refusal from a service that is broken. On one connection,
        as a process that nobody else has asked lets in a few."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        for _ in range(self.burst + 1):
            status, text, _ = self.sign_in(connection, 1)
            if status != 200:
                break
        connection.close()
        if status != self.refusal:
            raise Failure('%s: a sign-in that is one too many is answered %d %r, not %d' % (
                self.name, status, text[:300], self.refusal))

    def postgres_env(self):
        return dict(PGHOST=self.place.pg_socket, PGPORT=str(self.place.pg_port), PGUSER='wxlogin',
                    PGDATABASE=self.place.database)

    def service_env(self, wechat_url, limited, **more):
        return environment(WECHAT_URL=wechat_url, PORT=str(self.port), **CREDENTIALS, **self.postgres_env(),
                           **({'RATE_LIMIT': '1'} if limited else {}), **more)


class Django(Server):
    name, label = 'django', 'Django REST framework, gunicorn 4 × 8'

    def missing(self):
        imports = 'import gunicorn, django, rest_framework_simplejwt, psycopg2, requests'
        done = subprocess.run([PYTHON, '-c', imports], stderr=subprocess.PIPE, text=True)
        return done.stderr.strip().split('\n')[-1] if done.returncode else None

    def command(self, wechat_url, limited):
        return [PYTHON, '-B', '-m', 'gunicorn', '--workers', '4', '--threads', '8', '--bind',
                '127.0.0.1:%d' % self.port, '--keep-alive', '75', '--log-level', 'error', '--worker-tmp-dir',
                '/dev/shm', '--chdir', HERE + '/django', 'wsgi'], self.service_env(wechat_url, limited)


class Node(Server):
    name, label = 'node', 'Node: fastify, pg, undici, fast-jwt, 2 processes'
    compiles = True

    def missing(self):
        return None if os.path.exists(BUILD + '/node/node_modules/fastify') else 'build/bench/node was not made'

    def command(self, wechat_url, limited):
        return [shutil.which('node'), HERE + '/node/service.js'], self.service_env(
            wechat_url, limited, NODE_ENV='production', NODE_PATH=BUILD + '/node/node_modules', WORKERS='2',
            CONNECTIONS=os.environ.get('NODE_CONNECTIONS', '16'))


class Go(Server):
    name, label = 'go', 'Go: net/http, pgx, golang-jwt'

    def missing(self):
        return None if os.path.exists(BUILD + '/go-peer') else 'build/bench/go-peer was not made'

    def command(self, wechat_url, limited):
        return [BUILD + '/go-peer'], self.service_env(wechat_url, limited,
                                                     CONNECTIONS=os.environ.get('GO_CONNECTIONS', '32'))


# -- httpd --------------------------------------------------------------------------------------


class Httpd(Server):
    """httpd itself: the floor of everything that runs in it."""
    name, label = 'httpd', 'plain httpd (event)'
    modules = ('mpm_event', 'unixd', 'authn_core', 'authz_core', 'authz_user', 'unique_id', 'reqtimeout')
    paths = dict(login='/nothing', refresh='/small.txt', guard='/guarded/small.txt')  # nothing guards it here
    refusal = 404

    def command(self, wechat_url, limited):
        apxs = shutil.which('apxs') or shutil.which('apxs2')
        query = lambda what: quietly([apxs, '-q', what]).strip()
        httpd, modules = '%s/%s' % (query('sbindir'), query('progname')), query('LIBEXECDIR')
        run = os.path.join(self.place.dir, self.key)
        shutil.rmtree(run, ignore_errors=True)
        os.makedirs(run + '/logs')
        os.makedirs(run + '/htdocs/guarded')
        for path in ('/htdocs/small.txt', '/htdocs/guarded/small.txt'):
            with open(run + path, 'w') as f:
                f.write('x' * 200)
        linked_in = quietly([httpd, '-l'])
        lines = ['LoadModule %s_module "%s"' % (name, MODULE if name == 'wxlogin' else '%s/mod_%s.so' % (modules, name))
                 for name in self.modules if 'mod_%s.c' % name not in linked_in]
        lines += ['ServerName 127.0.0.1', 'Listen 127.0.0.1:%d' % self.port, 'PidFile logs/httpd.pid',
                  'DefaultRuntimeDir logs', 'ErrorLog logs/error_log', 'LogLevel warn', 'DocumentRoot htdocs',
                  'MaxKeepAliveRequests 0', '<Directory />', 'AllowOverride None', 'Require all granted',
                  '</Directory>']
        if self.place.root:
            lines += ['User www-data', 'Group www-data']
        lines += ['%s %d' % pair for pair in proposal.mpm().items()] + self.more(wechat_url, limited)
        with open(run + '/httpd.conf', 'w') as f:
            f.write('\n'.join(lines) + '\n')
        return [httpd, '-d', run, '-f', run + '/httpd.conf', '-D', 'FOREGROUND'], environment(**CREDENTIALS)

    def log(self):
        try:
            with open(os.path.join(self.place.dir, self.key, 'logs', 'error_log'), errors='replace') as f:
                return super().log() + f.read()
        except OSError:
            return super().log()

    def more(self, wechat_url, limited):
        return []

    def tokens(self, count):
        """Made here: none of them is looked at, or by nobody but mod_auth_openidc."""
        encode = lambda part: base64.urlsafe_b64encode(part).rstrip(b'=')
        made, now = [], int(time.time())
        for number in range(1, count + 1):
            claims = dict(token_type='access', exp=now + 604800, iat=now, jti='%032x' % number, user_id=str(number))
            signed = b'.'.join(encode(json.dumps(part, separators=(',', ':')).encode())
                               for part in (dict(alg='HS256', typ='JWT'), claims))
            token = signed + b'.' + encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256))
            made.append((token.decode(),) * 2)
        return made


class OpenIdc(Httpd):
    name, label = 'openidc', 'httpd with mod_auth_openidc, HS256'
    modules = Httpd.modules + ('auth_openidc',)
    paths = dict(guard='/guarded/small.txt')

    def missing(self):
        apxs = shutil.which('apxs') or shutil.which('apxs2')
        found = os.path.exists(quietly([apxs, '-q', 'LIBEXECDIR']).strip() + '/mod_auth_openidc.so')
        return None if found else 'mod_auth_openidc is not installed'

    def more(self, wechat_url, limited):
        return ['OIDCOAuthVerifySharedKeys ' + SECRET, 'OIDCOAuthRemoteUserClaim user_id',
                'OIDCCryptoPassphrase bench', '<Location "/guarded/">', 'AuthType oauth20', 'Require valid-user',
                '</Location>']


class Module(Httpd):
    """conf/wxlogin.conf as it is, with the addresses of this place."""
    name, label = 'module', 'mod_wxlogin'
    modules = Httpd.modules + ('dbd', 'wxlogin')
    paths, refusal = Server.paths, Server.refusal
    directive, own = None, ()

    def missing(self):
        with open(MODULE, 'rb') as f:
            if self.directive and self.directive.encode() not in f.read():
                return 'there is no %s in this build' % self.directive
        return None

    def more(self, wechat_url, limited):
        with open(SOURCE + '/conf/wxlogin.conf') as f:
            params = re.search(r'^ *DBDParams "(.*)"', f.read(), re.M)[1]
        ours = re.sub(r'^.*?(?=connect_timeout)', self.place.conninfo + ' ', params)
        return ['Include "%s/conf/wxlogin.conf"' % SOURCE, 'DBDParams "%s"' % ours,
                'WxLoginExchangeURL ' + wechat_url, *([] if limited else ['WxLoginRateLimit off']),
                '<Location "/guarded/">', 'AuthType WxLogin', 'Require valid-user', '</Location>',
                *(line.replace('@DIR@', self.place.dir) for line in self.own),
                *os.environ.get('CONF', '').split(';')]

    tokens = Server.tokens


class Stateless(Module):
    name, label = 'module-stateless', 'mod_wxlogin, WxLoginSessions off'
    directive, own = 'WxLoginSessions', ('WxLoginSessions off',)


class Es256(Module):
    name, label = 'module-es256', 'mod_wxlogin, ES256'
    directive, own = 'WxLoginKey', ('WxLoginKey kid=k1 alg=ES256 file=@DIR@/es256.pem sign',)

    def command(self, wechat_url, limited):
        if not os.path.exists(self.place.dir + '/es256.pem'):
            quietly(['openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out',
                     self.place.dir + '/es256.pem'])
        return super().command(wechat_url, limited)


class PgBench(Server):
    """The data base alone: the module's statement for one sign-in, prepared, from so many connections."""
    name, label = 'pgbench', "pgbench, the module's statement"
    serves, statement = False, 'wxlogin_signin'

    def script(self):
        return quietly([SOURCE + '/bench/statement', SOURCE + '/modules/core/sql.c', self.statement])

    def missing(self):
        try:
            self.script()
        except Failure as failure:
            return str(failure).strip().split('\n')[-1]

    def start(self, wechat_url, limited=False):
        with open('%s/%s.sql' % (self.place.dir, self.key), 'w') as f:
            f.write(self.script())


class PgBenchSession(PgBench):
    name, label = 'pgbench-session', "pgbench, the module's statement with a session"
    statement = 'wxlogin_signin_session'


EVERYBODY = (Django, Node, Go, Module, Stateless, Es256, Httpd, OpenIdc, PgBench, PgBenchSession)
