"""What conf/wxlogin.conf proposes in comments, so that measurements use it."""

import os
import re

from place import SOURCE, Failure


def _found(pattern):
    with open(os.path.join(SOURCE, 'conf', 'wxlogin.conf')) as conf:
        return re.findall(pattern, conf.read(), re.M)


def mpm():
    """{directive: number} of the MPM, for some 5000 waiting sign-ins"""
    numbers = {name: int(number) for name, number in _found(r'^#   ([A-Z]\w+) +(\d+)$')}
    if numbers.get('MaxRequestWorkers', 0) != numbers.get('ThreadsPerChild', -1) * numbers.get('StartServers', -1):
        raise Failure('conf/wxlogin.conf proposes no settings of the MPM that fit together')
    return numbers


def exchange_limit():
    """WxLoginExchangeLimit beside it, as a line of configuration"""
    for number in _found(r'set WxLoginExchangeLimit to (\d+)'):
        return 'WxLoginExchangeLimit ' + number
    raise Failure('conf/wxlogin.conf proposes no WxLoginExchangeLimit')
