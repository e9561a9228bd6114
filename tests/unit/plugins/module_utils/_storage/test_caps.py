# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._storage.caps import (
    core_directory,
    coredump_faults,
    journal_faults,
    rate_limit_faults,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.settings_files import Line

SIZE = 20 << 30


def lines(**values: str) -> dict[str, Line]:
    return {name: Line(value, "/etc/systemd/x.conf", 3) for name, value in values.items()}


@pytest.mark.parametrize(
    ("values", "unbounded"),
    [
        ({}, False),
        ({"SystemMaxUse": "1G"}, False),
        ({"SystemMaxUse": "1T"}, False),  # 15 % stay free by default
        ({"SystemKeepFree": "0"}, False),  # 10 % are used by default
        ({"SystemMaxUse": "1T", "SystemKeepFree": "0"}, True),
        ({"SystemMaxUse": "0", "SystemKeepFree": "0"}, True),
        ({"SystemMaxUse": "40G", "SystemKeepFree": "1M"}, True),
        ({"SystemMaxUse": "11G", "SystemKeepFree": "0"}, True),
        ({"SystemMaxUse": "9G", "SystemKeepFree": "0"}, False),
        # 100 files of 128 MiB each, unless that is set otherwise.
        ({"SystemMaxUse": "1T", "SystemKeepFree": "0", "SystemMaxFiles": "50"}, False),
        ({"SystemMaxUse": "1T", "SystemKeepFree": "0", "SystemMaxFileSize": "8M"}, False),
        ({"SystemMaxUse": "1T", "SystemKeepFree": "0", "SystemMaxFileSize": "8M", "SystemMaxFiles": "0"}, True),
        ({"SystemMaxUse": "1T", "SystemKeepFree": "2G"}, False),
        ({"SystemMaxUse": "much", "SystemKeepFree": "0"}, False),
        ({"SystemMaxUse": "infinity", "SystemKeepFree": "0"}, False),
    ],
)
def test_a_journal_without_a_bound(values: dict[str, str], unbounded: bool) -> None:
    found = list(journal_faults(lines(**values), SIZE))
    assert [fault.kind for fault in found] == ["no_cap"] * unbounded
    assert all("of /etc/systemd/x.conf line 3" in fault.finding for fault in found)


@pytest.mark.parametrize(
    ("values", "unbounded"),
    [
        ({}, False),
        ({"MaxUse": "0", "KeepFree": "0"}, True),
        ({"MaxUse": "100G", "KeepFree": "0"}, True),
        ({"MaxUse": "0"}, False),
        ({"KeepFree": "0"}, False),
        ({"MaxUse": "0", "KeepFree": "0", "Storage": "none"}, False),
        ({"MaxUse": "0", "KeepFree": "0", "Storage": "journal"}, False),
        ({"MaxUse": "0", "KeepFree": "0", "Storage": "external"}, True),
    ],
)
def test_core_dumps_without_a_bound(values: dict[str, str], unbounded: bool) -> None:
    assert [fault.kind for fault in coredump_faults(lines(**values), SIZE)] == ["no_cap"] * unbounded


@pytest.mark.parametrize(
    ("values", "off"),
    [
        ({}, False),
        ({"RateLimitBurst": "0"}, True),
        ({"RateLimitIntervalSec": "0"}, True),
        ({"RateLimitIntervalSec": "0s"}, True),
        ({"RateLimitInterval": "00"}, True),
        ({"RateLimitIntervalSec": "0.5s"}, False),
        ({"RateLimitBurst": "05"}, False),
        ({"RateLimitBurst": "100000", "RateLimitIntervalSec": "1s"}, False),
    ],
)
def test_a_rate_limit_that_is_off(values: dict[str, str], off: bool) -> None:
    assert [fault.kind for fault in rate_limit_faults(lines(**values))] == ["no_cap"] * off


@pytest.mark.parametrize(
    ("pattern", "uses_pid", "directory"),
    [
        ("core", False, None),
        ("core", True, "/var/lib/kamailio"),
        ("core.%p", False, "/var/lib/kamailio"),
        ("/var/crash/core-%e-%t", False, "/var/crash"),
        ("/var/crash/core-%e", False, None),
        ("/var/crash/100%%pid", False, None),
        ("/var/crash/%%%p", False, "/var/crash"),
        ("cores/%P", False, "/var/lib/kamailio/cores"),
        ("/var/%e/core.%p", False, None),
        ("|/usr/share/apport/apport %p", True, None),
        ("|/usr/lib/systemd/systemd-coredump %P", False, None),
        ("", True, None),
    ],
)
def test_where_core_dumps_pile_up(pattern: str, uses_pid: bool, directory: str | None) -> None:
    assert core_directory(pattern, uses_pid, "/var/lib/kamailio") == directory
