"""The results: a line a turn in the CSV, medians in the Markdown, a picture."""

import csv
import statistics

import chart
import servers

COLUMNS = ('scenario', 'peer', 'users', 'clients', 'wechat_ms', 'round', 'requests', 'seconds', 'rate', 'cpu_us',
           'db_cpu_us', 'p50', 'p99', 'memory', 'errors', 'cut', 'wal_writes', 'wal_syncs', 'wal_bytes', 'commits',
           'foreign', 'failure')
LABELS = {one.name: one.label for one in servers.EVERYBODY}
ORDER = list(LABELS)
TITLES = {
    'known': 'Sign-in of users who are in the table',
    'new': 'Sign-in of new users',
    'slow': 'Sign-in of known users, WeChat takes {wechat_ms} ms',
    'refresh': 'Refresh',
    'guard': 'A small file that demands an access token',
    'limited': 'Sign-ins that are refused: 429 (plain httpd: POST of what is not there, 404)',
    'batch': 'What a sign-in costs Postgres',
    'growth': 'Sign-in of known users, the table growing',
}
HEAD = ['', 'requests/s', 'CPU µs a request', 'Postgres µs', 'p50 ms', 'p99 ms', 'memory MiB', 'errors']
HEAD_BATCH = ['', 'requests/s', 'Postgres µs', 'WAL flushes', 'WAL writes', 'WAL bytes', 'commits', 'errors']


class Cell:
    """All rounds of one peer in one scenario. Numbers are medians."""

    def __init__(self, rows):
        self.failures = [r['failure'] for r in rows if r.get('failure')]
        self.rows = [r for r in rows if not r.get('failure')]
        self.errors = sum(r['errors'] for r in self.rows)
        self.cut = sum(r['cut'] for r in self.rows)
        # a server may close a connection that it keeps for the next request
        self.valid = bool(self.rows) and not self.failures and not self.errors \
            and self.cut <= sum(r['requests'] for r in self.rows) / 100

    def __getitem__(self, column):
        return statistics.median(r[column] for r in self.rows)

    def spread(self, column):
        """Half of what lies between the extremes, in percent of the median"""
        values = [r[column] for r in self.rows]
        return (max(values) - min(values)) / 2 / self[column] * 100 if self[column] else 0


def cells_of(results):
    rows = {}
    for row in results:
        rows.setdefault((row['scenario'], row['users'], row['peer']), []).append(row)
    return {key: Cell(value) for key, value in rows.items()}


def number(value):
    return '%.0f' % value if value >= 100 else '%.1f' % value if value >= 10 else '%.2f' % value


def with_spread(cell, column):
    return number(cell[column]) + (' ± %.0f %%' % cell.spread(column) if len(cell.rows) > 1 else '')


def line(words):
    return '| ' + ' | '.join(words) + ' |'


def row_of(label, cell, batch, alone):
    if not cell.rows:
        return [label] + ['failed: ' + cell.failures[0].replace('|', '/')[:80]] + ['–'] * 6
    errors = ', '.join(['%d' % cell.errors] + ['%d rounds failed' % len(cell.failures)] * bool(cell.failures)
                       + ['%d cut' % cell.cut] * bool(cell.cut))
    if not cell.valid:
        label, errors = '**' + label + '** (not valid)', '**' + errors + '**'
    if batch:
        return [label, with_spread(cell, 'rate'), with_spread(cell, 'db_cpu_us'), '%.3f' % cell['wal_syncs'],
                '%.3f' % cell['wal_writes'], number(cell['wal_bytes']), '%.3f' % cell['commits'], errors]
    return [label, with_spread(cell, 'rate'), '–' if alone else with_spread(cell, 'cpu_us'), number(cell['db_cpu_us']),
            number(cell['p50']), with_spread(cell, 'p99'), '–' if alone else number(cell['memory']), errors]


def table(scenario, cells, example):
    batch = scenario == 'batch'
    lines = ['### %s' % TITLES[scenario].format(**example), '', '`%s`: %d clients, %s users' % (
        scenario, example['clients'], 'the table says how many' if scenario == 'growth' else example['users']), '',
        line(HEAD_BATCH if batch else HEAD), '|---' * 8 + '|']
    for (_, users, peer), cell in sorted(cells.items(), key=lambda c: (ORDER.index(c[0][2]), c[0][1])):
        label = LABELS[peer] + (', %s users' % f'{users:,}' if scenario == 'growth' else '')
        lines.append(line(row_of(label, cell, batch, peer.startswith('pgbench'))))
    return lines


# -- the bounds ---------------------------------------------------------------------------------

class Bounds:
    """What the module has to reach, of what one run has measured."""

    def __init__(self, cells):
        self.cells, self.lines = cells, []
        self.first = min([users for _, users, _ in cells] or [0])

    def value(self, scenario, peer, column, users=None):
        cell = self.cells.get((scenario, users or self.first, peer))
        return cell[column] if cell and cell.valid else None

    def add(self, what, bound, measured, met, shown):
        if measured is not None:
            self.lines.append(line([what, bound, shown % measured, 'met' if met(measured) else '**not met**']))

    def ratio(self, what, mine, theirs, least=None, most=None):
        """@param mine, theirs: (scenario, peer, column[, users])"""
        a, b = self.value(*mine), self.value(*theirs)
        measured = a / b if a is not None and b else None
        if most is not None:
            self.add(what, '≤ %.3g ×' % most, measured, lambda m: m <= most, '%.3f ×')
        else:
            self.add(what, '≥ %.3g ×' % least, measured, lambda m: m >= least, '%.3f ×')

    def difference(self, what, mine, theirs, most):
        a, b = self.value(*mine), self.value(*theirs)
        measured = a - b if a is not None and b is not None else None
        self.add(what, '≤ + %g µs' % most, measured, lambda m: m <= most, '%+.1f µs')


def bounds(cells):
    """Peers keep no sessions: module-stateless does what they do, module does more."""
    b = Bounds(cells)
    sizes = sorted({users for scenario, users, _ in cells if scenario == 'growth'})
    for mine, floor in (('module-stateless', 'pgbench'), ('module', 'pgbench-session')):
        for scenario in ('known', 'new'):
            for peer, most in (('go', 0.7), ('node', 0.35), ('django', 1 / 40)):
                b.ratio('CPU, %s: %s / %s' % (scenario, mine, peer), (scenario, mine, 'cpu_us'),
                        (scenario, peer, 'cpu_us'), most=most)
            b.ratio('sign-ins a second, %s: %s / go' % (scenario, mine), (scenario, mine, 'rate'),
                    (scenario, 'go', 'rate'), least=1.8)
        for words, column in (("Postgres' CPU", 'db_cpu_us'), ('WAL flushes', 'wal_syncs'), ('commits', 'commits')):
            b.ratio('%s, batch: %s / %s' % (words, mine, floor), ('batch', mine, column), ('batch', floor, column),
                    most=1 / 3)
        b.difference('CPU, refresh: %s − plain httpd' % mine, ('refresh', mine, 'cpu_us'), ('refresh', 'httpd', 'cpu_us'),
                     25)
        b.difference('CPU, guard: %s − plain httpd' % mine, ('guard', mine, 'cpu_us'), ('guard', 'httpd', 'cpu_us'), 10)
        for users in sizes[1:]:
            b.ratio('p99, growth: %s, %s users / %s' % (mine, f'{users:,}', f'{sizes[0]:,}'),
                    ('growth', mine, 'p99', users), ('growth', mine, 'p99', sizes[0]), most=1.3)
        b.ratio('memory, known: %s / node' % mine, ('known', mine, 'memory'), ('known', 'node', 'memory'), most=0.25)
    b.difference('CPU, known: module-es256 − module', ('known', 'module-es256', 'cpu_us'), ('known', 'module', 'cpu_us'),
                 60)
    return [line(['', 'bound', 'measured', '']), '|---|---|---|---|'] + b.lines


# -- the files ----------------------------------------------------------------------------------

def text_of(results, absent, about):
    cells = cells_of(results)
    foreign = sorted(r['foreign'] for r in results if not r.get('failure')) or [0]
    lines = ['%s. %d turns; meanwhile other programs used %.1f to %.1f CPUs, %.1f in the median. How to read this: '
             'bench/README.' % (about, len(results), foreign[0], foreign[-1], foreign[len(foreign) // 2]), '']
    lines += ['Left out: %s (%s).' % (LABELS[name], why) for name, why in absent.items()]
    lines += ['### Bounds', ''] + bounds(cells)
    for scenario in TITLES:
        chosen = {key: cell for key, cell in cells.items() if key[0] == scenario}
        if chosen:
            lines += [''] + table(scenario, chosen, [r for r in results if r['scenario'] == scenario][0])
    return '\n'.join(lines) + '\n'


def write(out, results, absent, about):
    with open(out + '.csv', 'w', newline='') as f:
        writer = csv.DictWriter(f, COLUMNS, lineterminator='\n')
        writer.writeheader()
        for row in results:
            writer.writerow({k: '%.5g' % v if isinstance(v, float) else v for k, v in row.items()})
    with open(out + '.md', 'w') as f:
        f.write(text_of(results, absent, about))
    chart.draw({key: cell for key, cell in cells_of(results).items() if cell.valid}, out + '.svg')
