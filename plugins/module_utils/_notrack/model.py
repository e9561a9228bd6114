# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of sip_notrack: the files, what is observed, and the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .._core.change import Change
from .._engine.originals import Originals
from .._engine.owned_files import FileChange, FilesPlan
from .._host.host import FileRecord
from .ports import NO_PORTS, NONE_EXEMPT, Exempt, Ports

if TYPE_CHECKING:
    from .ruleset import Ruleset

UNIT = "siptune-notrack.service"
UNITS = "/etc/systemd/system"
RULES_PATH = "/etc/siptune/notrack.nft"
UNIT_PATH = f"{UNITS}/{UNIT}"
# A link in a .wants directory is what systemctl enable makes. A drop-in says the same, and is a file.
BOOT_PATH = f"{UNITS}/multi-user.target.d/90-siptune-notrack.conf"
# Its start and its reload flush the ruleset, with all tables.
NFTABLES_PATH = f"{UNITS}/nftables.service.d/90-siptune-notrack.conf"
PATHS = (RULES_PATH, UNIT_PATH, BOOT_PATH, NFTABLES_PATH)
TCP_LOOSE = "net.netfilter.nf_conntrack_tcp_loose"


class Balanced(NamedTuple):
    """What IPVS passes on to other machines: packets to these ports."""

    protocol: str
    ports: Ports
    name: str

    def __str__(self) -> str:
        return self.name


class Observed(NamedTuple):
    """Everything that the plan depends on.

    `files` are ours by path. `asked` is False where nothing is wanted and nothing is ours: the rest was not looked at.
    `program` is nft, empty where there is none. `ruleset` is the kernel's, None in an image and without nft. `families`
    are the address families that the host uses, and `containers` the signs of a network of containers. `not_own` says
    why this network is not the host's own to change, and `opaque` why its firewall cannot be judged by the ruleset,
    both empty otherwise. `same_name` are files of nftables with a table of our name by somebody else, `copies` those
    with a copy of ours, and `drop_ins` those of others for our unit. `balanced` are the virtual services of IPVS, and
    `tcp_loose` is whether the kernel tracks a TCP connection from its middle on.
    """

    files: dict[str, FileRecord | None]
    originals: Originals
    owner: tuple[int, int]
    asked: bool
    program: str = ""
    systemd: bool = False
    boot_only: bool = False
    ruleset: Ruleset | None = None
    families: tuple[str, ...] = ()
    not_own: str = ""
    opaque: str = ""
    containers: tuple[str, ...] = ()
    same_name: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    drop_ins: tuple[str, ...] = ()
    balanced: tuple[Balanced, ...] = ()
    tcp_loose: bool = True


class Plan(NamedTuple):
    """The plan for the files, and for the table in the kernel.

    `load` is the text for nft, and `undo` the one that takes it back; both are empty where nothing changes. `live` are
    the ports that are exempt then, and `left` the TCP ports whose connections are no longer tracked from then on.
    `reload` says whether systemd has to read its units again.
    """

    of_files: FilesPlan
    load: str = ""
    undo: str = ""
    reload: bool = False
    live: Exempt = NONE_EXEMPT
    left: Ports = NO_PORTS

    @property
    def changes(self) -> list[Change]:
        return self.of_files.changes

    @property
    def files(self) -> list[FileChange]:
        return self.of_files.files

    @property
    def originals(self) -> Originals:
        return self.of_files.originals

    @property
    def warnings(self) -> list[str]:
        return self.of_files.warnings

    @property
    def changed(self) -> bool:
        return bool(self.files or self.load)
