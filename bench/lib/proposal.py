"""What conf/wxlogin.conf proposes in comments, so that measurements use it."""

import os
import re

from place import SOURCE, Failure


def mpm():
    """{directive: number} of the MPM, for some 5000 waiting sign-ins"""
    with open(os.path.join(SOURCE, 'conf', 'wxlogin.conf')) as conf:
        pairs = re.findall(r'^#   ([A-Z]\w+) +(\d+)$', conf.read(), re.M)
    if ('ThreadsPerChild', '64') not in pairs:
        raise Failure('conf/wxlogin.conf proposes no settings of the MPM')
    return {name: int(number) for name, number in pairs}
