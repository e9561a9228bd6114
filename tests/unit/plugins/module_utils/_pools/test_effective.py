# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._pools.effective import StartValue, command_of, start_value
from ansible_collections.siptune.linux.plugins.module_utils._pools.model import Unit
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import KINDS
from ansible_collections.siptune.linux.plugins.module_utils._systemd.execstart import read_start
from pool_hosts import FILE, FRAGMENT, NAME, unit

FRAGMENT_FILE = "/lib/systemd/system/opensips.service"
LATER = "/etc/default/later"
SHARED = KINDS["shared_mib"]


def unit_of(fragment: str) -> Unit:
    return unit(start=read_start([(FRAGMENT_FILE, fragment)], NAME), files=[FILE, LATER])


VALUES = {
    "environment": (FRAGMENT, {}, StartValue("32", "S_MEMORY", True, FRAGMENT_FILE, 2, False)),
    "file": (FRAGMENT, {FILE: "\nS_MEMORY=64\n"}, StartValue("64", "S_MEMORY", True, FILE, 2, True)),
    "later-file": (
        FRAGMENT,
        {FILE: "S_MEMORY=64\n", LATER: "S_MEMORY='99'\n"},
        StartValue("99", "S_MEMORY", True, LATER, 1, True),
    ),
    "no-number": (FRAGMENT, {FILE: "S_MEMORY=64M\n"}, StartValue("64M", "S_MEMORY", True, FILE, 1, True)),
    "options": (FRAGMENT, {FILE: 'OPTIONS="-d -m 7"\n'}, StartValue("7", "OPTIONS", False, FILE, 1, True)),
    "literal": (FRAGMENT.replace("$S_MEMORY", "77"), {}, StartValue("77", "", False, FRAGMENT_FILE, 4, False)),
    "unset": (FRAGMENT.replace("S_MEMORY=32", ""), {}, StartValue("", "S_MEMORY", True, "", 0, False)),
    "no-option": (FRAGMENT.replace("-m $S_MEMORY", ""), {}, None),
    "no-daemon": (FRAGMENT.replace("sbin/opensips", "bin/true"), {}, None),
}


@pytest.mark.parametrize(("fragment", "texts", "expected"), VALUES.values(), ids=VALUES.keys())
def test_start_value(fragment: str, texts: dict[str, str], expected: StartValue | None) -> None:
    assert start_value(unit_of(fragment), SHARED, texts) == expected


def test_a_value_is_a_number_in_a_line() -> None:
    value = StartValue("64", "S_MEMORY", True, FILE, 2, True)
    assert (value.value, value.where) == (64, f"{FILE} line 2")
    assert value._replace(text="64M").value is None


def test_the_command_that_starts_the_daemon() -> None:
    found = command_of(unit_of(FRAGMENT.replace("ExecStart=", "ExecStart=/bin/true ; ")), {})
    assert found is not None
    assert (found[0].line, found[1].daemon.name) == (4, "OpenSIPS")
    assert command_of(unit_of("[Service]\n"), {}) is None
