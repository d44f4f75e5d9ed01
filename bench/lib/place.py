"""A place for servers: one temporary directory, addresses of 127.0.0.1, and processes that are each
ended by their id, on Ctrl-C and after an error, too."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import machine

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# Users whom the clients ask for
KNOWN = """INSERT INTO wxlogin_user (id, openid, username, password, avatar_url, date_joined, last_login_at)
    SELECT i, 'oKnown0001' || lpad(i::text, 18, '0'), '用户_' || md5(i::text), '!',
    'https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y', now(), now()
    FROM generate_series(1, {0}) AS i; ALTER TABLE wxlogin_user ALTER COLUMN id RESTART WITH {0}001"""


class Failure(Exception):
    pass


def end_orderly(*_):
    """Handler: what is running is ended by whoever started it. A shell without job control lets its
    children ignore SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # once is enough
    raise Interrupted('interrupted')


class Interrupted(Failure):
    """Not to be got over."""


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


def wait_for_port(port, seconds=30, process=None):
    """@param process: who shall listen; if it ends, nobody will"""
    end = time.time() + seconds
    while time.time() < end and not (process and process.poll() is not None):
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


class Place:
    """Owns the temporary directory and the processes."""

    def __init__(self):
        self.root = os.geteuid() == 0
        self.dir = tempfile.mkdtemp(prefix='wxbench.', dir='/tmp')
        os.chmod(self.dir, 0o755)
        self.running = {}
        self.postgres_user = 'nobody' if self.root else None

    # -- start and end --

    def spawn(self, name, command, user=None, **more):
        if user:
            command = [os.path.join(SOURCE, 'build-aux', 'as-user.sh'), user] + command
        with open(os.path.join(self.dir, name + '.log'), 'a') as log:
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
            for pid in machine.family(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait()

    def close(self):
        for name in list(self.running):
            self.end(name, signal.SIGINT if name == 'postgres' else signal.SIGTERM)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log_of(self, name):
        try:
            with open(os.path.join(self.dir, name + '.log'), errors='replace') as f:
                return f.read()
        except OSError:
            return ''

    @staticmethod
    def until(condition, seconds=30):
        end = time.time() + seconds
        while not condition():
            if time.time() > end:
                raise Failure('it does not start')
            time.sleep(0.1)

    # -- Postgres --

    def start_postgres(self, *settings):
        """A cluster of its own with the module's schema. Durability as it comes: fsync and
        synchronous_commit are on. self.conninfo is how to reach it."""
        self.pg_bin, data = find_postgres(), os.path.join(self.dir, 'pg', 'data')
        self.pg_socket, self.pg_port = os.path.dirname(data), free_port()
        os.mkdir(self.pg_socket)
        if self.root:
            os.chown(self.pg_socket, pwd.getpwnam('nobody').pw_uid, -1)
        as_user = [os.path.join(SOURCE, 'build-aux', 'as-user.sh'), 'nobody'] if self.root else []
        quietly(as_user + [self.pg_bin + '/initdb', '-A', 'trust', '-U', 'wxlogin', '-E', 'UTF8',
                           '--locale=C', '-D', data], cwd=self.dir)
        with open(data + '/postgresql.conf', 'a') as conf:
            conf.write('\n' + '\n'.join(["listen_addresses = ''", "unix_socket_directories = '%s'" % self.pg_socket,
                                         'port = %d' % self.pg_port, 'max_connections = 250',
                                         "lc_messages = 'C'", *settings]) + '\n')
        self.spawn('postgres', [self.pg_bin + '/postgres', '-D', data], user=self.postgres_user, cwd=self.dir)
        self.host = 'host=%s port=%d user=wxlogin' % (self.pg_socket, self.pg_port)
        self.until(lambda: subprocess.run(self.psql('postgres', 'SELECT 1'), stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL).returncode == 0)
        self.create_database('wxlogin')

    def psql(self, database, *statements):
        command = [self.pg_bin + '/psql', '-XAtqv', 'ON_ERROR_STOP=1', '-d', '%s dbname=%s' % (self.host, database)]
        for statement in statements:
            command += ['-c', statement]
        return command

    def create_database(self, name):
        """With the module's schema; used from now on."""
        quietly(self.psql('postgres', 'CREATE DATABASE ' + name))
        quietly(self.psql(name) + ['-f', os.path.join(SOURCE, 'conf', 'schema', 'pgsql.sql')])
        self.use_database(name)

    def use_database(self, name):
        self.database, self.conninfo = name, '%s dbname=%s' % (self.host, name)

    def sql(self, *statements):
        """Runs statements one by one. @return the columns of the last row, as text"""
        return quietly(self.psql(self.database, *statements)).strip().split('\n')[-1].split('|')
