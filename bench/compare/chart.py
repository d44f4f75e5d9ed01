"""The picture: for each scenario requests a second on the left, CPU of a request on the right."""

NAMES = {'django': 'Django', 'node': 'Node', 'go': 'Go', 'module': 'mod_wxlogin', 'module-stateless':
         'mod_wxlogin, no sessions', 'module-es256': 'mod_wxlogin, ES256', 'httpd': 'plain httpd', 'openidc':
         'mod_auth_openidc', 'pgbench': 'pgbench', 'pgbench-session': 'pgbench, session'}
PANELS = (('known', 'Sign-in, known user'), ('new', 'Sign-in, new user'), ('slow', 'Sign-in, slow WeChat'),
          ('refresh', 'Refresh'), ('guard', 'Guarded small file'))
OURS, THEIRS, FLOOR = '#1e8449', '#7f8c8d', '#c8cfd2'
WIDTH, NAME, BAR, LINE = 870, 190, 225, 19


def text(x, y, words, anchor='start', more=''):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (x, y, anchor, more, words)


def bar(x, y, value, most, colour, label):
    """One that is longer than the panel is cut, with a gap that shows it."""
    length = min(value / most, 1) * BAR
    out = ['<rect x="%.1f" y="%.1f" width="%.1f" height="13" fill="%s"/>' % (x, y, max(length, 1), colour)]
    if value > most:
        out.append('<rect x="%.1f" y="%.1f" width="4" height="15" fill="#fff"/>'
                   % (x + BAR * 0.9, y - 1))
    return out + [text(x + length + 5, y + 11, label)]


def panel(y, title, cells):
    """@param cells: [(peer, cell)]"""
    out = [text(8, y + 12, title, more=' font-weight="bold"'), text(NAME, y + 12, 'requests a second', more=' fill="#555"'),
           text(NAME + BAR + 110, y + 12, 'CPU µs a request', more=' fill="#555"')]
    rates = [cell['rate'] for _, cell in cells]
    costs = sorted(cell['cpu_us'] for peer, cell in cells if not peer.startswith('pgbench')) or [1]
    # the dearest may be so far out that the others could not be told apart
    most = costs[-1] if len(costs) < 2 or costs[-1] < 4 * costs[-2] else costs[-2] * 1.3
    for peer, cell in cells:
        y += LINE
        colour = OURS if peer.startswith('module') else FLOOR if peer[:7] in ('httpd', 'pgbench') else THEIRS
        out.append(text(16, y + 11, NAMES[peer]))
        out += bar(NAME, y, cell['rate'], max(rates), colour, '%.0f' % cell['rate'])
        if not peer.startswith('pgbench'):
            out += bar(NAME + BAR + 110, y, cell['cpu_us'], most, colour, '%.0f' % cell['cpu_us'])
    return out, y + LINE + 14


def draw(cells, path):
    """@param cells: {(scenario, users, peer): cell} that are valid"""
    out, y = [], 8
    for scenario, title in PANELS:
        chosen = [(peer, cell) for name in NAMES for (s, _, peer), cell in cells.items() if (s, peer) == (scenario, name)]
        if chosen:
            lines, y = panel(y, title, chosen)
            out += lines
    head = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">'
            % (WIDTH, y), '<title>mod_wxlogin beside other services</title>',
            '<rect width="%d" height="%d" fill="#fff"/>' % (WIDTH, y)]
    with open(path, 'w') as f:
        f.write('\n'.join(head + out + ['</svg>']) + '\n')
