# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose udevadm answers as three versions of it did for one of our files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, Host

CAPTURED = Path(__file__).with_name("captured")
OURS = "/etc/systemd/network/00-siptune-v0.link"
DEFAULTS = {
    247: "/lib/systemd/network/99-default.link",
    252: "/usr/lib/systemd/network/99-default.link",
    257: "/usr/lib/systemd/network/99-default.link",
}


def answer(version: int, case: str) -> CommandResult:
    """What udevadm of a version printed in one of the cases that were tried."""
    text = (CAPTURED / f"udevadm-net_setup_link-{version}.txt").read_text(encoding="utf-8")
    found = re.search(rf"^===== {case}\nrc (\d+)\n--- stdout\n(.*?)^--- stderr\n(.*?)(?=^=====|\Z)", text, re.M | re.S)
    assert found is not None
    return CommandResult(int(found.group(1)), found.group(2), found.group(3))


class Answering(Host):
    """A host whose udevadm answers what it is told to, and remembers which file it was shown."""

    def __init__(self, root: str, result: CommandResult | None) -> None:
        super().__init__(root)
        self.result = result
        self.shown: list[str | None] = []

    def run(self, arguments: Sequence[str]) -> CommandResult | None:
        assert list(arguments) == ["udevadm", "test-builtin", "net_setup_link", "/sys/class/net/v0"]
        self.shown.append(self.read_text(OURS))
        return self.result
