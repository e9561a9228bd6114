# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next boot does, played through by systemd's own systemd-sysctl."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Record, differences, normal, read_state

# systemd-sysctl complains of keys that are the whole machine's, which a container may not write.
BOOT = "/lib/systemd/systemd-sysctl || true"

# A network namespace with the kernel's own defaults, and interfaces as prepare.yml made them.
NEW_KERNEL = (
    "unshare --net sh -c 'ip link add eth0 type veth peer name eth0.100"
    " && ip address add 192.0.2.1/24 dev eth0.100 && { " + BOOT + '; } 2>/dev/null && exec "$@"\' sh '
)


def test_a_boot_changes_no_live_value(host: Any, live: dict[str, str]) -> None:
    host.run(BOOT)
    assert differences(live, read_state(host)["sysctl"]) == {}


@pytest.fixture(scope="module")
def booted(host: Any) -> dict[str, str]:
    """The settings of a new network namespace after systemd-sysctl has run in it."""
    return read_state(host, NEW_KERNEL)["sysctl"]


def test_a_boot_brings_the_promised_values(again: Record, booted: dict[str, str]) -> None:
    promised = {
        path: normal(item["at_boot"])
        for path, item in again.by_path.items()
        if path.startswith("net/") and item["at_boot"] is not None and path in booted
    }
    assert promised
    assert {path: booted[path] for path in promised} == promised


def test_a_boot_brings_what_was_changed(converge: Record, booted: dict[str, str]) -> None:
    changed = {
        path: item["after"]
        for path, item in converge.by_path.items()
        if path.startswith("net/") and item["state"] == "changed"
    }
    assert changed
    assert {path: booted.get(path) for path in changed} == changed
