# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.proxy_config import (
    DEEPEST_INCLUDE,
    MOST_FILES,
    MaxBuffer,
    read_maxbuffer,
)

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


def test_circular_includes_end() -> None:
    reads = []

    def read(path: str) -> str:
        reads.append(path)
        return 'include_file "a"\ninclude_file "b"\nmaxbuffer=1\n'

    assert read_maxbuffer("/a", read) is not None
    assert DEEPEST_INCLUDE < len(reads) <= MOST_FILES
