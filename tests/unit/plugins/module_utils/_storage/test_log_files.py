# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._storage.log_files import (
    Rotation,
    glob_matches,
    parse_logrotate,
    rotation_of,
    rsyslog_files,
    rsyslog_includes,
)

DEBIAN = r"""# /etc/rsyslog.conf, don't edit
module(load="imuxsock") # provides support for local system logging
$FileOwner root
$WorkDirectory /var/spool/rsyslog
$IncludeConfig /etc/rsyslog.d/*.conf
include(file="/etc/rsyslog.more/*.conf" mode="optional")
*.*;auth,authpriv.none		-/var/log/syslog
auth,authpriv.*			/var/log/auth.log
#mail.err			/var/log/mail.err
*.emerg				:omusrmsg:*
daemon.*	|/dev/xconsole
*.=info  /dev/tty8
*.*  @192.0.2.1
"""


def test_selectors() -> None:
    assert rsyslog_files(DEBIAN) == ["/var/log/syslog", "/var/log/auth.log"]
    assert rsyslog_includes(DEBIAN) == ["/etc/rsyslog.d/*.conf", "/etc/rsyslog.more/*.conf"]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("local0.* -/var/log/kamailio.log;Precise", ["/var/log/kamailio.log"]),
        (':programname, isequal, "rtpengine" /var/log/rtpengine.log\n& stop', ["/var/log/rtpengine.log"]),
        ("if $programname == 'kamailio' then /var/log/k.log\n& ~", ["/var/log/k.log"]),
        ('if ($programname == \'x\') then {\n action(type="omfile" file="/var/log/x")\n stop\n}', ["/var/log/x"]),
        ('action( type="omfile"\n  file="/var/log/a b.log" )', ["/var/log/a b.log"]),
        ("action(type='omfile' file='/var/log/y')", ["/var/log/y"]),
        ('action(type="omfile" dynaFile="PerHost")', []),
        ('action(type="omfile" file="/x" rotation.sizeLimit="100m" rotation.sizeLimitCommand="/y")', []),
        ('action(type="omfwd" target="h" file="/x")', []),
        ("$outchannel rotation,/var/log/z.log, 52428800,/rotate\n*.* :omfile:$rotation", []),
        ("*.* ?PerHost", []),
        ("/* *.* /var/log/no */\nx.* /var/log/yes", ["/var/log/yes"]),
        ('template(name="t" type="string" string="/var/log/%HOSTNAME%.log")', []),
        ("*.* /var/log/same\nlocal1.* /var/log/same", ["/var/log/same"]),
        ("", []),
        ("*.*", []),
        ('"unended\n*.* /var/log/on', ["/var/log/on"]),
    ],
)
def test_what_rsyslog_writes(text: str, files: list[str]) -> None:
    assert rsyslog_files(text) == files


LOGROTATE = """# don't
weekly
rotate 4
include /etc/logrotate.d
/var/log/wtmp {
    monthly
}
/var/log/syslog
"/var/log/a b.log" /var/log/mail.*
{
\trotate 4
\tminsize 1M
\tpostrotate
\t\tif [ -f /run/x ]; then { kill -HUP 1; } fi
\t\tmaxsize 1
\tendscript
}
/var/log/asterisk/full /var/log/asterisk/*.log {
  daily
  maxsize=100M
}
"""


def test_logrotate() -> None:
    found = parse_logrotate(LOGROTATE)
    assert found.includes == ["/etc/logrotate.d"]
    assert found.rotations == [
        Rotation(["/var/log/wtmp"], False),
        Rotation(["/var/log/syslog", "/var/log/a b.log", "/var/log/mail.*"], False),
        Rotation(["/var/log/asterisk/full", "/var/log/asterisk/*.log"], True),
    ]


@pytest.mark.parametrize(
    ("text", "by_size"),
    [
        ("size 10M\n/a {\ndaily\n}", [True]),
        ("/a { size 10k }", [True]),
        ("/a {\nsize=10k\n}", [True]),
        ("/a {\nminsize 10k\n}", [False]),
        ("/a {\n}\nmaxsize 5G\n/b {\n}", [False, True]),
        ("/a {\nmaxsize 1G\n", []),
        ("}\n{\n}\n", [False]),
        ("/a\n{\nprerotate\nsize 1\n}\nendscript\n}", [False]),
    ],
)
def test_whether_the_size_counts(text: str, by_size: list[bool]) -> None:
    assert [one.by_size for one in parse_logrotate(text).rotations] == by_size


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("/var/log/asterisk/*", "/var/log/asterisk/full", True),
        ("/var/log/*", "/var/log/asterisk/full", False),
        ("/var/log/*/*log", "/var/log/asterisk/queue_log", True),
        ("/var/log/{a,b}", "/var/log/a", False),
        ("/var/log/syslog", "/var/log/syslog", True),
        ("/var/log/sys[lx]og", "/var/log/syslog", True),
    ],
)
def test_globs(glob: str, path: str, matches: bool) -> None:
    assert glob_matches(glob, path) is matches


def test_the_first_block_counts() -> None:
    blocks = [Rotation(["/a"], False), Rotation(["/a", "/b"], True)]
    assert [rotation_of(path, blocks) for path in ("/a", "/b", "/c")] == [*blocks, None]
