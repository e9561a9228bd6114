# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory pools are set in the packages' own files, of which every other line stays, and wait for a restart."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Record

# The variables of a unit's file, and what the inventory's capacity makes of them.
KAMAILIO = {"SHM_MEMORY": "337", "PKG_MEMORY": "16"}
OPENSIPS = {"S_MEMORY": "337", "P_MEMORY": "16"}
FILES = {
    "/etc/default/kamailio": KAMAILIO,
    "/etc/default/kamailio-edge": KAMAILIO,
    "/etc/default/opensips": OPENSIPS,
}
OF_ITS_OWN = {"siptune-debian12": {"/etc/default/opensips": {**OPENSIPS, "S_MEMORY": "96"}}}


def assignments(text: str) -> dict[str, str]:
    """The variables that a file of the kind of /etc/default sets, the last one wins."""
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


@pytest.mark.parametrize("path", FILES)
def test_the_file_sets_the_pools(host: Any, converge: Record, path: str) -> None:
    expected = OF_ITS_OWN.get(host.backend.get_hostname(), {}).get(path, FILES[path])
    found = assignments(converge.daemons["defaults"][path])
    assert {name: found.get(name) for name in expected} == expected


def test_every_other_line_stays_where_it_is(clean: Record, converge: Record) -> None:
    for path, before in clean.daemons["defaults"].items():
        set_by_us = tuple(f"{name}=" for name in FILES.get(path, {}))
        now = iter(converge.daemons["defaults"][path].splitlines())
        lost = [
            line for line in before.splitlines() if not (set_by_us and line.startswith(set_by_us)) and line not in now
        ]
        assert lost == [], path


def test_files_keep_owner_and_mode(clean: Record, converge: Record) -> None:
    def owned(record: Record) -> dict[str, list[str]]:
        return {path: record.state["files"][path].split()[:2] for path in clean.daemons["defaults"]}

    assert owned(converge) == owned(clean)


def test_running_daemons_wait_for_a_restart(converge: Record) -> None:
    items = [item for item in converge.results["pools"]["items"] if not item["item"].endswith(" maxbuffer")]
    assert {item["item"].split()[0] for item in items} == {
        "kamailio.service",
        "kamailio@edge.service",
        "opensips.service",
    }
    assert [item for item in items if item["state"] != "pending" or item["before"] != item["after"]] == []


def test_a_buffer_that_the_daemon_will_not_ask_for_is_reported(converge: Record) -> None:
    buffers = [item for item in converge.results["pools"]["items"] if item["item"].endswith(" maxbuffer")]
    assert len(buffers) == 3
    assert [item for item in buffers if item["state"] != "shadowed" or "set maxbuffer in" not in item["reason"]] == []
