"""What processes use, read from /proc."""

import os
import platform
import shutil
import subprocess
import time

TICKS = os.sysconf('SC_CLK_TCK')


def stat_of(pid):
    """(parent, jiffies of CPU, threads, jiffies of its children that have ended) or None"""
    try:
        with open('/proc/%d/stat' % pid) as f:
            fields = f.read().rpartition(')')[2].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[17]), int(fields[13]) + int(fields[14])


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


def file_pages_of(pid):
    """{mapping of a file: its pages in memory, KiB}, without what was copied on writing"""
    pages, mapping, rss = {}, None, 0
    with open('/proc/%d/smaps' % pid) as f:
        for line in f:
            words = line.split()
            if not words[0].endswith(':'):  # addresses, rights, offset, device, inode, name
                # device 00:01: memory that processes share
                mapping = tuple(words[2:5]) if words[4] != '0' and words[3] != '00:01' else None
            elif mapping and words[0] == 'Rss:':
                rss = int(words[1])
            elif mapping and words[0] == 'Anonymous:':
                pages[mapping] = max(pages.get(mapping, 0), rss - int(words[1]))
    return pages


def memory_of(pid):
    """Memory of a family in MiB: the sum of PSS, as if there were no other families. So pages of a file
    are counted once and whole, whoever else maps the same library."""
    kilobytes, files = 0, {}
    for one in family(pid):
        try:
            with open('/proc/%d/smaps_rollup' % one) as f:
                kilobytes += sum(int(line.split()[1]) for line in f if line.startswith(('Pss_Anon:', 'Pss_Shmem:')))
            for mapping, pages in file_pages_of(one).items():
                files[mapping] = max(files.get(mapping, 0), pages)
        except OSError:
            pass
    return (kilobytes + sum(files.values())) / 1024.0


def gauge(pid):
    """Of a family: processes, threads, memory (sum of PSS, MiB), open descriptors."""
    pids = family(pid)
    stats = [s for s in map(stat_of, pids) if s]
    return dict(processes=len(stats), threads=sum(s[2] for s in stats),
                pss=sum(map(pss_of, pids)) / 1024.0, fds=sum(map(fds_of, pids)))


def cpu_of(pid):
    """Seconds of CPU of a family, of those who have ended, too."""
    return sum(s[1] + s[3] for s in map(stat_of, family(pid)) if s) / TICKS


def busy_all():
    """Seconds of CPU that processes have had, and other guests of the same host. Not the network's
    interrupts: they are nobody's."""
    with open('/proc/stat') as f:
        fields = [int(x) for x in f.readline().split()[1:]]
    return (sum(fields[:3]) + fields[7]) / TICKS


def wait_for_quiet(load, wait, sample=2.0):
    """Waits until the machine uses fewer CPUs than `load` for `sample` seconds, `wait` seconds at most."""
    end = time.time() + wait
    while True:
        begun, before = time.time(), busy_all()
        time.sleep(sample)
        if (busy_all() - before) / (time.time() - begun) <= load or time.time() > end:
            return


def about():
    """The machine in a few words."""
    with open('/proc/cpuinfo') as f:
        cpu = [line.split(':')[1].strip() for line in f if line.startswith('model name')]
    httpd = subprocess.run([shutil.which('apache2') or '/usr/sbin/apache2', '-v'], stdout=subprocess.PIPE, text=True)
    version = httpd.stdout.split('\n')[0].split(': ')[-1]
    return '%s, %d CPUs (%s), Linux %s, %s' % (time.strftime('%Y-%m-%d', time.gmtime()), os.cpu_count(),
                                              cpu[0] if cpu else '?', platform.release(), version)
