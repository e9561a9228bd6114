# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""journald_limits against the real journald of Debian 11, 12 and 13: what it takes, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from machine import Machine

DROP_INS = "/etc/systemd/journald.conf.d"
OWN = f"{DROP_INS}/90-siptune.conf"
# It may be started five times in ten seconds, unless that is forgotten.
RESTART = "systemctl reset-failed; systemctl restart systemd-journald"


@pytest.fixture
def journal(container: Machine) -> Iterator[Machine]:
    """A journal that is kept on the disk."""
    container.write(f"{DROP_INS}/10-kept.conf", "[Journal]\nStorage=persistent\n")
    container.sh(f"rm -rf /var/lib/siptune; {RESTART}; journalctl --flush")
    yield container
    container.sh(f"rm -rf /var/lib/siptune {DROP_INS} /var/log/journal/*; {RESTART}")


def item(machine: Machine, check: bool = False, **parameters: Any) -> tuple[bool, dict[str, Any]]:
    result = machine.call_module("journald_limits", parameters, check)
    assert "failed" not in result, result["msg"]
    (one,) = result["items"]
    return result["changed"], one


def largest_journal(machine: Machine) -> str:
    """The most that journald gives its journal on the disk, as it says itself when it starts."""
    machine.sh(f"{RESTART}; journalctl --flush; journalctl --sync")
    said = machine.sh("journalctl -o cat --no-pager _COMM=systemd-journal")
    found = re.findall(r"^System Journal \(/var/log/journal/.*\) is .*, max ([^,]*),", said, re.MULTILINE)
    return found[-1].replace(".0", "")  # as systemd 257 prints it


def test_journald_takes_the_bound_once_it_is_restarted(journal: Machine) -> None:
    changed, predicted = item(journal, check=True, max_use="48M")
    assert (changed, predicted["state"]) == (True, "pending")
    changed, done = item(journal, max_use="48M", why="The disk is for calls.")
    assert (changed, done["state"], done["at_boot"]) == (True, "pending", "48M")
    changed, again = item(journal, max_use="48M", why="The disk is for calls.")
    assert (changed, again["state"]) == (False, "pending")
    assert largest_journal(journal) == "48M"
    changed, again = item(journal, max_use="48M", why="The disk is for calls.")
    assert (changed, again["state"]) == (False, "ok")
    changed, back = item(journal, state="absent")
    assert (changed, back["state"], back["at_boot"]) == (True, "pending", None)
    assert journal.sh(f"ls {DROP_INS}").split() == ["10-kept.conf"]
    assert largest_journal(journal) != "48M"


def test_a_later_drop_in_wins(journal: Machine) -> None:
    journal.write(f"{DROP_INS}/99-local.conf", "[Journal]\nSystemMaxUse=32M\n")
    _changed, found = item(journal, max_use="48M")
    assert (found["state"], found["reason"]) == ("shadowed", f"{DROP_INS}/99-local.conf line 2 sets 32M")
    assert largest_journal(journal) == "32M"


def test_the_order_of_directories_is_that_of_journald(journal: Machine) -> None:
    journal.write("/run/systemd/journald.conf.d/50-x.conf", "[Journal]\nSystemMaxUse=32M\n")
    journal.write("/usr/lib/systemd/journald.conf.d/50-x.conf", "[Journal]\nSystemMaxUse=40M\n")
    _changed, found = item(journal, check=True, max_use="48M")
    assert found["at_boot_before"] == "32M"
    assert largest_journal(journal) == "32M"
    journal.sh("rm /run/systemd/journald.conf.d/50-x.conf /usr/lib/systemd/journald.conf.d/50-x.conf")


def test_a_journal_that_nothing_bounds(journal: Machine) -> None:
    """What the audit names: a bound that no disk has leaves the journal all of it."""
    journal.write(f"{DROP_INS}/50-all.conf", "[Journal]\nSystemMaxUse=900T\nSystemKeepFree=0\n")
    assert largest_journal(journal).endswith("G")
