"""The picture of docs/slow-upstream.md, drawn from the table's numbers."""

ROWS = (('before', 'a thread each (before), limits of Debian', '#b03a2e'),
        ('blocking', 'a thread each, half of 384', '#d68910'),
        ('parked', 'parked', '#1e8449'))
WIDTH, HEIGHT, LEFT, TOP, GAP = 820, 330, 62, 58, 90
PANEL = (WIDTH - LEFT - GAP - 12) / 2
BASE = HEIGHT - 46


def text(x, y, words, anchor='middle', more=''):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (x, y, anchor, more, words)


def bar(x, width, value, most, colour, label):
    height = max(value / most, 0.004) * (BASE - TOP - 16)
    return ['<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, BASE - height, width, height,
                                                                              colour),
            text(x + width / 2, BASE - height - 4, label, more=' font-size="9.5"')]


def panel(left, title, results, delay, counts):
    """Bars: sign-ins a second, a group for each number of clients."""
    out = [text(left, TOP - 22, title, 'start', ' font-weight="bold"')]
    chosen = {(r['row'], r['clients']): r for r in results if r['delay_ms'] == delay}
    most = max([r['rate'] for r in chosen.values()] or [1])
    group = PANEL / len(counts)
    for number, clients in enumerate(counts):
        x, width = left + number * group, group / (len(ROWS) + 0.8)
        for place, (row, _, colour) in enumerate(ROWS):
            if (row, clients) in chosen:
                rate = chosen[row, clients]['rate']
                out += bar(x + place * width, width - 3, rate, most, colour, '%.0f' % rate)
        out.append(text(x + len(ROWS) * width / 2, BASE + 16, '%d' % clients))
    out.append('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#444"/>' % (left, BASE, left + PANEL, BASE))
    out.append(text(left + PANEL / 2, BASE + 34, 'clients at the same time'))
    return out


def draw(results, path):
    counts = sorted({r['clients'] for r in results if r['row'] == 'parked'})
    if not counts:
        return
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">'
           % (WIDTH, HEIGHT), '<title>Sign-ins a second while WeChat is slow</title>',
           '<rect width="%d" height="%d" fill="#fff"/>' % (WIDTH, HEIGHT)]
    x = LEFT - 40
    for _, words, colour in ROWS:
        out += ['<rect x="%.1f" y="8" width="11" height="11" fill="%s"/>' % (x, colour),
                text(x + 16, 18, words, 'start')]
        x += 40 + 6.4 * len(words)
    out += panel(LEFT - 40, 'sign-ins a second, WeChat takes 1 s', results, 1000, counts)
    out += panel(LEFT - 40 + PANEL + GAP, 'sign-ins a second, WeChat takes 10 s', results, 10000, counts)
    with open(path, 'w') as f:
        f.write('\n'.join(out + ['</svg>']) + '\n')
