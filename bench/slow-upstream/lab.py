"""The servers of the load test: a fake WeChat, a data base, httpd; all on 127.0.0.1, all in one
temporary directory, each ended by its process id."""

import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'lib'))
from machine import busy_all, cpu_of, gauge
import proposal
from place import SOURCE, Failure, Place, free_port, quietly, wait_for_port

# What conf/wxlogin.conf proposes, and what Debian has.
TUNED = proposal.mpm()
LIMIT = proposal.exchange_limit()
DEBIAN = dict(StartServers=2, ThreadLimit=64, ThreadsPerChild=25, MaxRequestWorkers=150,
              MinSpareThreads=25, MaxSpareThreads=75)


class Lab(Place):
    def __init__(self, db='pgsql', module=None):
        super().__init__()
        self.module = module or os.path.join(SOURCE, '.libs', 'mod_wxlogin.so')
        self.old_module = module is not None
        self.db = db
        for name in ('upstream', 'load'):
            quietly(['cc', '-O2', '-std=gnu11', '-o', os.path.join(self.dir, name),
                     os.path.join(HERE, name + '.c')])

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
        self.start_postgres()
        self.dbd = 'DBDriver pgsql\nDBDParams "%s connect_timeout=2 tcp_user_timeout=3000 ' \
            'options=\'-c statement_timeout=1500 -c lock_timeout=700 -c TimeZone=UTC\'"' % self.conninfo

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
