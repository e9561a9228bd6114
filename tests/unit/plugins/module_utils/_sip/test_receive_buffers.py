# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What daemons ask for at their start; the sizes are those measured with Kamailio 5.6 and replayed from its source."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.receive_buffers import (
    NOTHING,
    Asked,
    asked_at_start,
    at_next_start,
)
from hypothesis import given
from hypothesis import strategies as st

KIB, MIB = 1024, 1024**2
KAMAILIO, OPENSIPS = "/etc/kamailio/kamailio.cfg", "/etc/opensips/opensips.cfg"
STOCK = 212992


@pytest.mark.parametrize(
    ("daemon", "words", "files", "expected"),
    [
        ("kamailio", [], {KAMAILIO: ""}, Asked(256 * KIB, "", KAMAILIO)),
        ("kamailio", [], {KAMAILIO: "#\nmaxbuffer=4194304\n"}, Asked(4 * MIB, f"{KAMAILIO} line 2", KAMAILIO)),
        ("kamailio", ["-b", "1024"], {KAMAILIO: "maxbuffer=2"}, Asked(KIB, "-b in its command line", KAMAILIO)),
        ("kamailio", ["-b", "1024"], {}, Asked(KIB, "-b in its command line", KAMAILIO)),
        ("kamailio", ["-f", "/a"], {"/a": "maxbuffer=7"}, Asked(7, "/a line 1", "/a")),
        ("kamailio", [], {}, None),
        ("opensips", ["-b", "1024"], {OPENSIPS: "maxbuffer=2"}, Asked(2, f"{OPENSIPS} line 1", OPENSIPS)),
        ("opensips", ["-b", "1024"], {OPENSIPS: ""}, Asked(KIB, "-b in its command line", OPENSIPS)),
        ("opensips", ["-b", "1024"], {}, None),
        ("asterisk", [], {}, Asked(512 * KIB)),
        ("freeswitch", [], {}, NOTHING),
        ("drachtio", [], {}, NOTHING),
        ("rtpengine", [], {}, NOTHING),
    ],
)
def test_what_a_daemon_asks_for(daemon: str, words: list[str], files: dict[str, str], expected: Asked | None) -> None:
    assert asked_at_start(daemon, [f"/usr/sbin/{daemon}", *words], files.get) == expected


def test_a_command_line_without_the_daemon_is_not_known() -> None:
    assert asked_at_start("kamailio", ["python3", "x"], {}.get) is None


@pytest.mark.parametrize(
    ("daemon", "asked", "default", "most", "expected"),
    [
        pytest.param("kamailio", 256 * KIB, STOCK, STOCK, 425984, id="stock"),
        pytest.param("kamailio", 256 * KIB, STOCK, 4 * MIB, 524288, id="a larger rmem_max alone"),
        pytest.param("kamailio", 256 * KIB, 4 * MIB, 4 * MIB, 4 * MIB, id="a larger rmem_default"),
        pytest.param("opensips", 8 * MIB, STOCK, 16 * MIB, 16 * MIB, id="maxbuffer"),
        pytest.param("opensips", 8 * MIB, STOCK, 4 * MIB, 8 * MIB, id="maxbuffer beyond rmem_max"),
        pytest.param("kamailio", 256 * KIB, 256 * KIB - 1000, STOCK, 256 * KIB - 1000, id="no step fits"),
        pytest.param("asterisk", 512 * KIB, STOCK, 4 * MIB, MIB, id="PJSIP"),
        pytest.param("asterisk", 512 * KIB, MIB, 4 * MIB, MIB, id="PJSIP keeps a larger default"),
        pytest.param("rtpengine", 0, MIB, STOCK, MIB, id="nothing"),
        pytest.param("rtpengine", 0, None, STOCK, None, id="no default shown"),
        pytest.param("kamailio", 256 * KIB, STOCK, None, None, id="no ceiling shown"),
        pytest.param("kamailio", None, STOCK, STOCK, None, id="not known what it asks for"),
    ],
)
def test_what_it_gets(daemon: str, asked: int | None, default: int | None, most: int | None, expected: int) -> None:
    assert at_next_start(daemon, None if asked is None else Asked(asked), default, most) == expected


SIZES = st.integers(2304, 2**23)


@given(st.sampled_from(["kamailio", "opensips"]), SIZES, SIZES, SIZES)
def test_the_probing_of_the_proxies(daemon: str, asked: int, default: int, most: int) -> None:
    """Replays probe_max_receive_buffer() step by step, with what the kernel does on SO_RCVBUF."""
    size, request, linear = default, default, False
    while True:
        request = request + 2048 if linear else request * 2
        if request > asked:
            if linear:
                break
            linear, request = True, request // 2
            continue
        size = 2 * min(request, most)
        if size < request:
            if linear:
                break
            linear, request = True, request // 2
    assert at_next_start(daemon, Asked(asked), default, most) == size
