"""The servers of the load test: a fake WeChat, a data base, httpd; all on 127.0.0.1, all in one
temporary directory, each ended by its process id."""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
TICKS = os.sysconf('SC_CLK_TCK')



def proposed():
    """What conf/wxlogin.conf proposes for some 5000 waiting sign-ins: the lines of its comment."""
    with open(os.path.join(SOURCE, 'conf', 'wxlogin.conf')) as conf:
        pairs = re.findall(r'^#   ([A-Z]\w+) +(\d+)$', conf.read(), re.M)
    assert ('ThreadsPerChild', '64') in pairs, 'conf/wxlogin.conf proposes no settings of the MPM'
    return {name: int(number) for name, number in pairs}


# That, and what Debian has.
TUNED = proposed()
DEBIAN = dict(StartServers=2, ThreadLimit=64, ThreadsPerChild=25, MaxRequestWorkers=150,
              MinSpareThreads=25, MaxSpareThreads=75)


class Failure(Exception):
    pass


def end_orderly(*_):
    """Handler: what is running is ended by whoever started it. A shell without job control lets its
    children ignore SIGINT."""
    raise Failure('interrupted')


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, end_orderly)


def quietly(command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise Failure('%s failed:\n%s' % (' '.join(command), done.stdout))
    return done.stdout


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for_port(port, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.1)
    raise Failure('nothing listens on port %d' % port)


def find_postgres():
    best = sorted((d for d in os.listdir('/usr/lib/postgresql') if d.isdigit()), key=int) \
        if os.path.isdir('/usr/lib/postgresql') else []
    if best:
        return '/usr/lib/postgresql/%s/bin' % best[-1]
    found = shutil.which('initdb')
    if not found:
        raise Failure('PostgreSQL is not installed; DB=sqlite3 does without')
    return os.path.dirname(os.path.realpath(found))


# -- processes ----------------------------------------------------------------------------------

def stat_of(pid):
    """(parent, jiffies of CPU, threads) or None"""
    try:
        with open('/proc/%d/stat' % pid) as f:
            fields = f.read().rpartition(')')[2].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[17])


def family(pid):
    """The process and its descendants."""
    children = {}
    for name in os.listdir('/proc'):
        stat = stat_of(int(name)) if name.isdigit() else None
        if stat:
            children.setdefault(stat[0], []).append(int(name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def pss_of(pid):
    try:
        with open('/proc/%d/smaps_rollup' % pid) as f:
            for line in f:
                if line.startswith('Pss:'):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def fds_of(pid):
    try:
        return len(os.listdir('/proc/%d/fd' % pid))
    except OSError:
        return 0


def gauge(pid):
    """Of a family: processes, threads, memory (sum of PSS, MiB), open descriptors."""
    pids = family(pid)
    stats = [s for s in map(stat_of, pids) if s]
    return dict(processes=len(stats), threads=sum(s[2] for s in stats),
                pss=sum(map(pss_of, pids)) / 1024.0, fds=sum(map(fds_of, pids)))


def cpu_of(pid):
    """Seconds of CPU of a family. Children that have ended are missing: use it where none does."""
    return sum(s[1] for s in map(stat_of, family(pid)) if s) / TICKS


def busy_all():
    """Seconds of CPU that processes have had, and other guests of the same host. Not the network's
    interrupts: they are nobody's."""
    with open('/proc/stat') as f:
        fields = [int(x) for x in f.readline().split()[1:]]
    return (sum(fields[:3]) + fields[7]) / TICKS


class Lab:
    """Owns the temporary directory and the processes."""

    def __init__(self, db='pgsql', module=None):
        self.root = os.geteuid() == 0
        self.dir = tempfile.mkdtemp(prefix='wxbench.', dir='/tmp')
        os.chmod(self.dir, 0o755)
        self.module = module or os.path.join(SOURCE, '.libs', 'mod_wxlogin.so')
        self.old_module = module is not None
        self.db = db
        self.running = {}
        self.postgres_user = 'nobody' if self.root else None
        for name in ('upstream', 'load'):
            quietly(['cc', '-O2', '-std=gnu11', '-o', os.path.join(self.dir, name),
                     os.path.join(HERE, name + '.c')])

    # -- start and end --

    def spawn(self, name, command, user=None, **more):
        if user:
            command = [os.path.join(SOURCE, 'build-aux', 'as-user.sh'), user] + command
        log = open(os.path.join(self.dir, name + '.log'), 'a')
        self.running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                              start_new_session=True, **more)
        return self.running[name]

    def end(self, name, how=signal.SIGTERM):
        process = self.running.pop(name, None)
        if not process or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in family(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait()

    def close(self):
        for name in list(self.running):
            self.end(name, signal.SIGINT if name == 'postgres' else signal.SIGTERM)
        shutil.rmtree(self.dir, ignore_errors=True)

    # -- the fake WeChat --

    def start_upstream(self, ms):
        self.end('upstream')
        port = self.upstream_port = free_port()
        self.spawn('upstream', [os.path.join(self.dir, 'upstream'), str(port), str(ms)])
        wait_for_port(port)

    # -- the data base --

    def start_db(self):
        if self.db == 'sqlite3':
            folder = os.path.join(self.dir, 'db')
            os.mkdir(folder)
            path = os.path.join(folder, 'wxlogin.db')
            with open(os.path.join(SOURCE, 'conf', 'schema', 'sqlite3.sql')) as schema:
                subprocess.run(['sqlite3', path], stdin=schema, stdout=subprocess.DEVNULL, check=True)
            if self.root:
                for one in (folder, path):
                    shutil.chown(one, 'www-data', 'www-data')
            self.dbd = 'DBDriver sqlite3\nDBDParams "%s"' % path
            return
        bin_dir, data, port = find_postgres(), os.path.join(self.dir, 'pg', 'data'), free_port()
        os.mkdir(os.path.dirname(data))
        if self.root:
            os.chown(os.path.dirname(data), pwd.getpwnam('nobody').pw_uid, -1)
        as_user = [os.path.join(SOURCE, 'build-aux', 'as-user.sh'), 'nobody'] if self.root else []
        quietly(as_user + [bin_dir + '/initdb', '-A', 'trust', '-U', 'wxlogin', '-E', 'UTF8',
                           '--locale=C', '-D', data], cwd=self.dir)
        # Durability as it comes: fsync and synchronous_commit are on.
        with open(data + '/postgresql.conf', 'a') as conf:
            conf.write("\nlisten_addresses = ''\nunix_socket_directories = '%s'\nport = %d\n"
                       "max_connections = 250\nlc_messages = 'C'\n"
                       % (os.path.dirname(data), port))
        self.spawn('postgres', [bin_dir + '/postgres', '-D', data], user=self.postgres_user, cwd=self.dir)
        host = 'host=%s port=%d user=wxlogin' % (os.path.dirname(data), port)
        self.until(lambda: subprocess.run([bin_dir + '/psql', '-XAtc', 'SELECT 1', host + ' dbname=postgres'],
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0)
        quietly([bin_dir + '/psql', '-Xqd', host + ' dbname=postgres', '-c', 'CREATE DATABASE wxlogin'])
        quietly([bin_dir + '/psql', '-Xqv', 'ON_ERROR_STOP=1', '-d', host + ' dbname=wxlogin', '-f',
                 os.path.join(SOURCE, 'conf', 'schema', 'pgsql.sql')])
        self.dbd = 'DBDriver pgsql\nDBDParams "%s dbname=wxlogin connect_timeout=2 tcp_user_timeout=3000 ' \
            'options=\'-c statement_timeout=1500 -c lock_timeout=700 -c TimeZone=UTC\'"' % host

    @staticmethod
    def until(condition, seconds=30):
        end = time.time() + seconds
        while not condition():
            if time.time() > end:
                raise Failure('it does not start')
            time.sleep(0.1)

    # -- httpd --

    def start_httpd(self, mpm, module_lines, second_port_lines=None):
        """@param module_lines: of WxLogin…; second_port_lines: the same for another virtual host"""
        self.end('httpd')
        apxs = shutil.which('apxs') or shutil.which('apxs2')
        query = lambda what: quietly([apxs, '-q', what]).strip()
        run = os.path.join(self.dir, 'httpd')
        shutil.rmtree(run, ignore_errors=True)
        os.makedirs(run + '/logs')
        os.makedirs(run + '/htdocs')
        with open(run + '/htdocs/small.txt', 'w') as f:
            f.write('A page that has nothing to do with WeChat.\n')
        self.port, self.second_port = free_port(), free_port()
        with open(run + '/httpd.conf', 'w') as conf:
            conf.write(self.httpd_conf(query('LIBEXECDIR'), mpm, module_lines, second_port_lines))
        httpd = self.spawn('httpd', ['%s/%s' % (query('sbindir'), query('progname')), '-d', run, '-f',
                                     run + '/httpd.conf', '-D', 'FOREGROUND'])
        try:
            wait_for_port(self.port)
        except Failure:
            raise Failure(open(self.dir + '/httpd.log').read())
        time.sleep(1)  # the children
        return httpd

    def httpd_conf(self, modules, mpm, module_lines, second_port_lines):
        lines = ['ServerName 127.0.0.1', 'Listen 127.0.0.1:%d' % self.port, 'PidFile logs/httpd.pid',
                 'DefaultRuntimeDir logs', 'ErrorLog logs/error_log', 'DocumentRoot htdocs',
                 'LogLevel warn wxlogin:info']
        linked_in = quietly([os.path.join('/usr/sbin', 'apache2') if os.path.exists('/usr/sbin/apache2')
                             else 'httpd', '-l'])
        for name in ('mpm_event', 'unixd', 'log_config', 'authz_core', 'dbd', 'unique_id', 'reqtimeout'):
            path = '%s/mod_%s.so' % (modules, name)
            if os.path.exists(path) and 'mod_%s.c' % name not in linked_in:
                lines.append('LoadModule %s_module "%s"' % (name, path))
        lines.append('LoadModule wxlogin_module "%s"' % self.module)
        if self.root:
            lines += ['User www-data', 'Group www-data']
        lines += ['%s %s' % pair for pair in mpm.items()]
        lines += ['<Directory />', 'AllowOverride None', '</Directory>',
                  'CustomLog logs/access_log "%h %t \\"%r\\" %>s %O %D %L"', 'Define WXLOGIN_OWN_DBD', self.dbd,
                  'DBDMin 1', 'DBDKeep 16', 'DBDMax 16', 'TimeOut 60',
                  'Include "%s/conf/wxlogin.conf"' % SOURCE]
        lines += ['WxLoginEnvironment development', 'WxLoginAppId wx0123456789abcdef',
                  'WxLoginAppSecret 0123456789abcdef0123456789abcdef',
                  'WxLoginSecretKey 0123456789abcdef0123456789abcdef',
                  'WxLoginExchangeURL http://127.0.0.1:%d' % self.upstream_port] + module_lines
        lines += os.environ.get('CONF', '').split(';')
        if second_port_lines is not None:
            lines += ['Listen 127.0.0.1:%d' % self.second_port,
                      '<VirtualHost 127.0.0.1:%d>' % self.port, '</VirtualHost>',
                      '<VirtualHost 127.0.0.1:%d>' % self.second_port,
                      # sections of the server outside hold here, too
                      *second_port_lines, '</VirtualHost>']
        return '\n'.join(lines) + '\n'

    def error_log(self):
        with open(self.dir + '/httpd/logs/error_log', errors='replace') as f:
            return f.read()

    # -- load --

    def begin_load(self, what, number, warm_up, seconds, port=None):
        return subprocess.Popen([os.path.join(self.dir, 'load'), what, str(port or self.port), str(number),
                                 str(warm_up), str(seconds)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)

    @staticmethod
    def result(process):
        out = process.communicate()[0]
        if process.returncode:
            raise Failure('the load client failed')
        return json.loads(out)
