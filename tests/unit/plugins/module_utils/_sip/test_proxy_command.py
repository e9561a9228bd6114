# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.proxy_command import (
    find_daemon,
    running_options,
    whole_number,
)
from ansible_collections.siptune.linux.plugins.module_utils._sip.proxy_config import (
    DEEPEST_INCLUDE,
    MaxBuffer,
    read_maxbuffer,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.execstart import Word

CFG = "/etc/kamailio/kamailio.cfg"

CONFIGURATIONS = {
    "none": ("debug=2\n", None),
    "set": ("debug=2\nmaxbuffer=4194304\n", (4194304, 2)),
    "blanks": ("  maxbuffer = 1024 // bytes\n", (1024, 1)),
    "hexadecimal": ("maxbuffer=0x400000", (4194304, 1)),
    "octal": ("maxbuffer=010", (8, 1)),
    "last": ("maxbuffer=1\nmaxbuffer=2\n", (2, 2)),
    "hash": ("#maxbuffer=1\n# maxbuffer=2\n", None),
    "slashes": ("// maxbuffer=1\n", None),
    "block": ("/* maxbuffer=1\nmaxbuffer=2 */ maxbuffer=3\n", (3, 2)),
    "open-block": ("/* maxbuffer=1\n", None),
    "string": ('log_prefix="maxbuffer=1"\n', None),
    "hash-in-string": ('alias="a#b" maxbuffer=5\n', (5, 1)),
    "url-in-string": ('modparam("x", "url", "http://a/b") maxbuffer=6\n', (6, 1)),
    "other-name": ("tcp_maxbuffer=1\nmaxbuffers=2\n", None),
    "send": ("maxsndbuffer=9\n", None),
    "directive": ("#!define X\nmaxbuffer=7\n", (7, 2)),
}


@pytest.mark.parametrize(("text", "found"), CONFIGURATIONS.values(), ids=CONFIGURATIONS.keys())
def test_maxbuffer(text: str, found: tuple | None) -> None:
    expected = None if found is None else MaxBuffer(found[0], CFG, found[1])
    assert read_maxbuffer(CFG, {CFG: text}.get) == expected


def test_includes_are_followed_in_their_place() -> None:
    files = {
        CFG: 'include_file "a.cfg"\n#!import_file "/etc/b.cfg"\n# include_file "c.cfg"\nimport_file "none.cfg"\n',
        "/etc/kamailio/a.cfg": "maxbuffer=1\n",
        "/etc/b.cfg": "\nmaxbuffer=2\n",
        "/etc/kamailio/c.cfg": "maxbuffer=3\n",
    }
    assert read_maxbuffer(CFG, files.get) == MaxBuffer(2, "/etc/b.cfg", 2)


def test_a_later_line_wins_over_an_include() -> None:
    files = {"/c": 'include_file "d"\nmaxbuffer=9', "/d": "maxbuffer=1"}
    assert read_maxbuffer("/c", files.get) == MaxBuffer(9, "/c", 2)


def test_a_circle_of_includes_ends() -> None:
    reads = []

    def read(path: str) -> str:
        reads.append(path)
        return 'include_file "a"\ninclude_file "b"\nmaxbuffer=1\n'

    assert read_maxbuffer("/a", read) is not None
    assert DEEPEST_INCLUDE < len(reads) <= 256


@pytest.mark.parametrize(
    ("line", "name", "shared"),
    [
        ("/usr/sbin/kamailio -P /run/k.pid -f /k.cfg -m 64 -M 8 --atexit=no", "Kamailio", "64"),
        ("/usr/sbin/kamailio --loadmodule -m1 -m 32 -A -m2", "Kamailio", "32"),
        ("/usr/sbin/opensips -P /run/o.pid -f /o.cfg -m64 -M 4", "OpenSIPS", "64"),
        ("/usr/bin/numactl --interleave=all /usr/sbin/opensips -m 7", "OpenSIPS", "7"),
        ("kamailio -m 5", "Kamailio", "5"),
    ],
)
def test_daemon(line: str, name: str, shared: str) -> None:
    found = running_options(line.split())
    assert found is not None
    assert (found.daemon.name, found.options["m"].text) == (name, shared)


@pytest.mark.parametrize(
    "line",
    ["/usr/bin/memcached -m 64", "/etc/init.d/opensips start", "/bin/sh -c kamailio", "/bin/echo kamailio -m 3", ""],
)
def test_other_programs(line: str) -> None:
    assert running_options(line.split()) is None


def test_a_name_out_of_a_variable_is_no_daemon() -> None:
    assert find_daemon([Word("/bin/x"), Word("/usr/sbin/kamailio", "A", True)]) is None


@pytest.mark.parametrize(
    ("text", "number"), [("64", 64), ("064", 64), ("", None), ("-1", None), ("6M", None), ("²", None)]
)
def test_whole_number(text: str, number: int | None) -> None:
    assert whole_number(text) == number
