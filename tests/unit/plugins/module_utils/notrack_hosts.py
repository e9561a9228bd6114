# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with and without a firewall, as observed: rulesets as nft 1.0.6 of Debian 12 prints them, and our files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, FileRecord, Host
from ansible_collections.siptune.linux.plugins.module_utils._notrack.model import PATHS, Observed
from ansible_collections.siptune.linux.plugins.module_utils._notrack.plan import texts
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import Exempt, Ports
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ruleset import Ruleset, parse_ruleset

CAPTURED = json.loads((Path(__file__).parent / "_notrack" / "rulesets.json").read_text(encoding="utf-8"))
PROGRAM = "/usr/sbin/nft"
PORTS: Ports = ((5060, 5060), (10000, 20000))
SHOWN = "5060, 10000-20000"
EXEMPT = Exempt(PORTS)
TCP_PORTS: Ports = ((5060, 5061),)
TCP_SHOWN = "5060-5061"
BOTH_EXEMPT = Exempt(PORTS, TCP_PORTS)


def text_of(name: str) -> str:
    """What nft prints for a captured ruleset."""
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *CAPTURED[name]]})


def ruleset(name: str) -> Ruleset:
    return parse_ruleset(text_of(name))


def ours(ports: Exempt = EXEMPT, systemd: bool = True) -> dict[str, FileRecord | None]:
    """Our files, as a run has left them."""
    written = texts(ports, PROGRAM, systemd)
    return {path: FileRecord(written[path].encode(), 0o644, 0, 0) if path in written else None for path in PATHS}


def observed(name: str = "nothing", **more: Any) -> Observed:
    """A host with systemd, nft and this ruleset, and none of our files."""
    found = Observed(dict.fromkeys(PATHS), NOTHING, (0, 0), True, PROGRAM, True, ruleset=ruleset(name))
    return found._replace(families=("ip", "ip6"))._replace(**more)


class FirewallHost(Host):
    """A tree with nft and a kernel that takes what nft is given. It notes all calls, and fails those that are named."""

    def __init__(self, root: Path, name: str = "nothing", fails: Sequence[str] = ()) -> None:
        super().__init__(str(root))
        self.printed = text_of(name)
        self.calls: list[tuple[str, ...]] = []
        self.fails = fails
        self.boot_only = False
        files = {PROGRAM: "", "/run/systemd/system/x": "", "/proc/sys/net/core/x": "", "/etc/x": "", "/var/lib/x": ""}
        for path, text in files.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = Path(self._root + path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run(
        self, arguments: Sequence[str], timeout_seconds: float | None = None, text: str | None = None
    ) -> CommandResult | None:
        words = tuple(arguments[1:])
        self.calls.append((arguments[0].rsplit("/", 1)[-1], *words))
        if " ".join(words) in self.fails:
            return CommandResult(1, "", "Error: Could not process rule:\n  Operation not permitted\n")
        if words == ("-f", "-"):
            name = "ours with TCP" if "tcp" in (text or "") else "ours"
            self.printed = text_of(name if "notrack" in (text or "") else "nothing")
        return CommandResult(0, self.printed, "")
