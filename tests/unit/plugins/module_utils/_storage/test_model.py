# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._storage.model import KINDS, Fault, Finding


def test_the_kinds_are_labels_of_metrics() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert all(kind.replace("_", "").isalpha() and kind.islower() for kind in KINDS)


def test_a_finding_ends_with_its_fault() -> None:
    fault = Fault("sync", "on /dev/sdb1 mounted sync", "mount it without sync")
    found = Finding("/var/spool", "spool", "asterisk", "/var", "/dev/sdb1", *fault, None)
    assert (found.kind, found.finding, found.advice) == fault
