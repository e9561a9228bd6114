# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in forms that the kernel takes and prints in a form of its own: they are met, and stay met."""

from __future__ import annotations

import pytest
from calls import apply, predict, put_back
from sandbox import dump, kernel_value, write

KEY = "net.ipv4.tcp_fastopen_key"
# The key, what it reads before, the value that is wanted, and what the key then reads.
FORMS = [
    pytest.param("net.core.rps_default_mask", "1", "01", "1", id="leading zero"),
    pytest.param("net.core.rps_default_mask", "1", "00000000,00000001", "1", id="two words"),
    pytest.param("net.core.rps_default_mask", "0", "1 ", "1", id="blank at the end"),
    pytest.param(KEY, None, "ABCDEF01-2-3-0004", "abcdef01-00000002-00000003-00000004", id="capitals"),
    pytest.param(KEY, "a-b-c-d", "A-0B-00C-D", "0000000a-0000000b-0000000c-0000000d", id="leading zeros"),
    pytest.param("net.ipv4.tcp_max_tw_buckets", "4096", 0, "0", id="none"),
    pytest.param("net.ipv4.tcp_rmem", "4096 131072 6291456", "1024\t87380  6291456", "1024 87380 6291456", id="tabs"),
    pytest.param("net.ipv4.ip_local_reserved_ports", "5060-5061", "5061, 5060", "5060-5061", id="ports"),
]


@pytest.mark.parametrize(("key", "before", "value", "reads"), FORMS)
def test_a_value_in_another_form_is_met_and_stays_met(key: str, before: str | None, value: object, reads: str) -> None:
    path = key.replace(".", "/")
    if before is not None:
        write(path, before)
    start, read = dump(), kernel_value(f"/proc/sys/{path}").split()
    for when in ("now", "both"):
        expected = predict({key: value}, when=when).states()[key]
        assert apply({key: value}, when=when).states()[key] == expected
        assert " ".join(kernel_value(f"/proc/sys/{path}").split()) == reads
        again = apply({key: value}, when=when)
        assert (again.changed, again.states()[key]) == (False, "ok")
    put_back()
    assert kernel_value(f"/proc/sys/{path}").split() == read
    assert dump() == start
