# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with network cards that no test machine has: models of drivers answer at its door.

The models answer the kernel's requests as the drivers of Linux 6.1 and 6.12 were measured to do in QEMU: how they
round, what they refuse and with which error, what they accept and ignore, and when the link goes down.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import read_originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Call, Operation, Report
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import (
    CHANNELS,
    COALESCE,
    PAUSE,
    RINGS,
    Structure,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import NETLINK_HEADER, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Observed
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK, NIC_RING

GROUPS = {RINGS.get: RINGS, COALESCE.get: COALESCE, PAUSE.get: PAUSE, CHANNELS.get: CHANNELS}
SETTERS = {structure.set: structure for structure in GROUPS.values()}
LINK_WORDS = 3
# 10baset-half to 1000baset-full but 1000baset-half, autonegotiation, tp, pause
COPPER_GIGABIT = 0b101111 | 1 << 6 | 1 << 7 | 1 << 13
NOTHING_OBSERVED = Observed({}, {}, [], [], NOTHING, {}, {}, [], frozenset(), "boot", frozenset())
FIRST_BOOT, SECOND_BOOT = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"


def refused(name: str, number: int) -> HostError:
    return HostError(name, f"{os.strerror(number)} ({errno.errorcode[number]})", number)


class Card:
    """A network card with its driver. `numbers` are the fields of its structures; a missing one is not supported."""

    def __init__(self, name: str, driver: str, mac: str = "", up: bool = True, kind: str = "") -> None:
        self.name, self.driver, self.up, self.kind = name, driver, up, kind
        self.mac = mac or f"52:54:00:00:00:{len(name):02x}"
        self.ifindex = 0
        self.numbers: dict[Structure, dict[str, int]] = {}
        self.round: Callable[[int], int] = lambda size: size
        self.refuses: dict[int, int] = {}  # the error of a command that sets something
        self.unknown_fields: frozenset[str] = frozenset()  # EOPNOTSUPP if they are not zero
        self.allowed_usecs: frozenset[int] = frozenset()
        self.flapping: frozenset[Structure] = frozenset((RINGS, PAUSE, CHANNELS))
        self.carrier_changes = 0
        self.sets = 0
        self.supported = self.advertising = 0
        self.speed, self.autoneg, self.port = 1000, 1, 0
        self.takes_speed = True
        self.txqueuelen = 1000
        self.qdiscs = ("fq_codel",)
        self.negotiated_pause: dict[str, int] | None = None
        self.hashed_by: dict[int, int] = {}  # the bits of each flow type, which a driver without it lacks

    def with_rings(self, rx: int, tx: int, maximum: int, **others: int) -> Card:
        self.numbers[RINGS] = dict.fromkeys(RINGS.fields, 0)
        self.numbers[RINGS].update(rx=rx, tx=tx, rx_max=maximum, tx_max=maximum, **others)
        return self

    def flap(self, structure: Structure) -> None:
        if self.up and structure in self.flapping:
            self.carrier_changes += 2

    def set(self, structure: Structure, fields: dict[str, int]) -> None:
        self.sets += 1
        if structure.set in self.refuses:
            raise refused(self.name, self.refuses[structure.set])
        now = self.numbers[structure]
        if any(fields[field] for field in self.unknown_fields if field in fields):
            raise refused(self.name, errno.EOPNOTSUPP)
        if self.allowed_usecs and fields.get("rx_usecs", now.get("rx_usecs")) not in (*self.allowed_usecs, None):
            raise refused(self.name, errno.EINVAL)
        for field, value in fields.items():
            if value > now.get(f"{field}_max", value):
                raise refused(self.name, errno.EINVAL)
        new = {field: value for field, value in fields.items() if not field.endswith("_max")}
        if structure == RINGS:
            new = {field: self.round(value) if value else 0 for field, value in new.items()}
        if structure == PAUSE and new["autoneg"]:
            self.flap(structure)  # on each call, measured
            new = {**new, **(self.negotiated_pause or {})}
        elif any(now[field] != value for field, value in new.items()):
            self.flap(structure)
        now.update(new)


def aligned(step: int, smallest: int) -> Callable[[int], int]:
    return lambda size: max(smallest, -(-size // step) * step)


def power_above(size: int) -> int:
    return 1 << (size - 1).bit_length()


def power_below(size: int) -> int:
    return 1 << (size.bit_length() - 1)


def coalesce(card: Card, unknown: frozenset[str]) -> None:
    card.numbers[COALESCE] = {**dict.fromkeys(COALESCE.fields, 0), "rx_usecs": 3}
    card.unknown_fields = unknown


def e1000e(name: str = "eth0", **more: Any) -> Card:
    card = Card(name, "e1000e", **more).with_rings(256, 256, 4096)
    card.round = aligned(8, 64)
    card.numbers[PAUSE] = {"autoneg": 1, "rx": 1, "tx": 1}
    card.negotiated_pause = {"rx": 0, "tx": 0}
    coalesce(card, frozenset(COALESCE.fields) - {"rx_usecs"})
    card.allowed_usecs = frozenset((0, 1, 3, 20, 50, 100))
    card.supported = card.advertising = COPPER_GIGABIT
    return card


def igb(name: str = "eth0", **more: Any) -> Card:
    card = e1000e(name, **more)
    card.driver, card.allowed_usecs = "igb", frozenset()
    card.unknown_fields = frozenset(COALESCE.fields) - {"rx_usecs", "tx_usecs"}
    card.numbers[CHANNELS] = {**dict.fromkeys(CHANNELS.fields, 0), "combined_max": 8, "combined": 4}
    card.hashed_by = {0x02: 0b110000, 0x06: 0b110000}
    return card


def e1000(name: str = "eth0", **more: Any) -> Card:
    card = e1000e(name, **more)
    card.driver, card.round = "e1000", aligned(8, 48)
    del card.numbers[COALESCE]
    card.takes_speed = False
    return card


def vmxnet3(name: str = "eth0", **more: Any) -> Card:
    card = Card(name, "vmxnet3", **more).with_rings(1024, 512, 4096)
    card.round = aligned(32, 128)
    card.numbers[CHANNELS] = {**dict.fromkeys(CHANNELS.fields, 0), "rx_max": 8, "tx_max": 8, "rx": 2, "tx": 2}
    card.refuses[CHANNELS.set] = errno.EOPNOTSUPP
    return card


def virtio(name: str = "eth0", maximum: int = 1024, **more: Any) -> Card:
    card = Card(name, "virtio_net", **more).with_rings(256, 256, maximum)

    def powers_only(size: int) -> int:
        if size & (size - 1):
            raise refused(name, errno.ENOMEM)
        return size

    card.round, card.flapping = powers_only, frozenset()
    return card


def ena(name: str = "eth0", **more: Any) -> Card:
    card = Card(name, "ena", **more).with_rings(1024, 1024, 8192)
    card.round = power_below
    return card


def rtl8139(name: str = "eth0", **more: Any) -> Card:
    card = Card(name, "8139cp", **more)
    card.supported = card.advertising = COPPER_GIGABIT & ~(1 << 5)
    card.takes_speed = False
    return card


def message(kind: int, payload: bytes) -> bytes:
    length = NETLINK_HEADER.size + len(payload)
    return (NETLINK_HEADER.pack(length, kind, 2, 1, 1) + payload).ljust((length + 3) & ~3, b"\0")


def attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(content), kind) + content.ljust((len(content) + 3) & ~3, b"\0")


class CardHost(Host):
    """A tree for a file system, and cards."""

    def __init__(self, root: Path, *cards: Card) -> None:
        super().__init__(str(root))
        self.cards = list(cards)
        self.before_set: Callable[[], object] = lambda: None
        for directory in ("etc/systemd/network", "var/lib", "run", "proc/sys/kernel/random"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        for path in ("usr/lib/systemd/systemd", "usr/lib/systemd/libsystemd-shared-252.so", "run/udev/control"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
        for place, card in enumerate(cards):
            card.ifindex = place + 2
            self._show(root / "sys/class/net" / card.name, card)
        self.boot_id = root / "proc/sys/kernel/random/boot_id"
        self.boot_id.write_text(FIRST_BOOT + "\n")
        self.root = root

    @staticmethod
    def _show(directory: Path, card: Card) -> None:
        (directory / "queues").mkdir(parents=True)
        for name, content in (("ifindex", card.ifindex), ("address", card.mac), ("type", 1)):
            (directory / name).write_text(f"{content}\n")
        if not card.kind:
            (directory / "device").mkdir()
        for queue in ("rx-0", "rx-1", "tx-0", "tx-1"):
            (directory / "queues" / queue).mkdir()
            for file in ("rps_cpus", "rps_flow_cnt") if queue.startswith("rx") else ("xps_cpus",):
                (directory / "queues" / queue / file).write_text("0\n")

    def card(self, name: str) -> Card:
        for card in self.cards:
            if card.name == name:
                return card
        raise refused(name, errno.ENODEV)

    def run(self, arguments: object) -> None:
        return None  # there is no program

    def route_dump(self, message_type: int, family: int = socket.AF_UNSPEC, body_bytes: int = 4) -> bytes:
        build = {18: self._link, 38: self._qdiscs}.get(message_type)
        if build is None:
            raise refused("rtnetlink", errno.EPERM)
        return b"".join(build(card) for card in self.cards) + message(3, b"\0\0\0\0")

    @staticmethod
    def _link(card: Card) -> bytes:
        head = struct.pack("=BxHiII", 0, 772 if card.kind == "loopback" else 1, card.ifindex, int(card.up), 0)
        body = attribute(3, card.name.encode() + b"\0") + attribute(13, struct.pack("=I", card.txqueuelen))
        if card.kind != "loopback":
            body += attribute(1, bytes.fromhex(card.mac.replace(":", "")))
        if not card.kind:
            body += attribute(54, bytes.fromhex(card.mac.replace(":", "")))
        if card.kind not in ("", "loopback"):
            body += attribute(18, attribute(1, card.kind.encode() + b"\0"))
        return message(16, head + body)

    @staticmethod
    def _qdiscs(card: Card) -> bytes:
        head = struct.pack("=BxxxiIII", 0, card.ifindex, 0, 0xFFFFFFFF, 0)
        return b"".join(message(36, head + attribute(1, kind.encode() + b"\0")) for kind in card.qdiscs)

    def set_tx_queue_length(self, interface: str, frames: int) -> None:
        self.before_set()
        self.card(interface).txqueuelen = frames

    def ethtool(self, interface: str, request: bytes) -> bytes:
        card = self.card(interface)
        command = struct.unpack_from("=I", request)[0]
        if command == 0x03:
            return (struct.pack("=I", command) + card.driver.encode()).ljust(196, b"\0")
        if command == 0x20:
            address = b"\0" * 6 if card.kind else bytes.fromhex(card.mac.replace(":", ""))
            return (struct.pack("=II", command, 6) + address).ljust(len(request), b"\0")
        if command in (0x4C, 0x4D):
            return self._link_settings(card, command, request)
        if command in (0x29, 0x2A):
            return self._hash(card, request)
        structure = {**GROUPS, **SETTERS}.get(command)
        if structure is None or structure not in card.numbers:
            raise refused(interface, errno.EOPNOTSUPP)
        if command == structure.get:
            return structure.layout.pack(command, *(card.numbers[structure][field] for field in structure.fields))
        self.before_set()
        self.card(interface).set(structure, dict(zip(structure.fields, structure.layout.unpack(request)[1:])))
        return request

    def _link_settings(self, card: Card, command: int, request: bytes) -> bytes:
        layout = struct.Struct("=II7Bb4B28s")
        fields = list(layout.unpack(request[: layout.size]))
        if not card.supported:
            raise refused(card.name, errno.EOPNOTSUPP)
        if command == 0x4D:
            self.before_set()
            card.sets += 1
            if card.takes_speed:
                words = struct.unpack(f"={3 * LINK_WORDS}I", request[layout.size :])
                card.autoneg, card.speed = fields[5], fields[1] if not fields[5] else card.speed
                card.advertising = words[LINK_WORDS] | words[LINK_WORDS + 1] << 32
                card.carrier_changes += 2 if card.up else 0
            return request
        words = LINK_WORDS if fields[9] == LINK_WORDS else -LINK_WORDS
        head = layout.pack(command, card.speed, 1, card.port, 0, card.autoneg, 0, 0, 0, words, 0, 0, 0, 0, b"")
        if words < 0:
            return head
        masks = [card.supported, card.advertising, 0]
        return head + b"".join(struct.pack("=3I", mask & 0xFFFFFFFF, mask >> 32, 0) for mask in masks)

    def _hash(self, card: Card, request: bytes) -> bytes:
        command, flow, bits = struct.unpack("=IIQ", request)
        if command in card.refuses or flow not in card.hashed_by:
            raise refused(card.name, card.refuses.get(command, errno.EOPNOTSUPP))
        if command == 0x2A:
            self.before_set()
            card.sets += 1
            card.hashed_by[flow] = bits
        return struct.pack("=IIQ", command, flow, card.hashed_by[flow])

    def queue(self, card: str, file: str) -> str:
        """A file of one queue as it is, such as `rx-0/rps_cpus`."""
        return (self.root / f"sys/class/net/{card}/queues/{file}").read_text().strip()

    def cpus(self, online: str, isolated: str = "") -> None:
        """The CPUs of the machine."""
        directory = self.root / "sys/devices/system/cpu"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "online").write_text(f"{online}\n")
        (directory / "isolated").write_text(f"{isolated}\n")

    def interrupts(self, card: str, takers: Mapping[int, str], mode: int = 0o644) -> None:
        """The interrupts of a card, with the CPUs that take them."""
        (self.root / f"sys/class/net/{card}/device/msi_irqs").mkdir(parents=True)
        for number, cpus in takers.items():
            (self.root / f"sys/class/net/{card}/device/msi_irqs/{number}").touch()
            for path, text in (
                (f"sys/kernel/irq/{number}/actions", f"{card}-TxRx-{number - min(takers)}"),
                (f"proc/irq/{number}/smp_affinity_list", cpus),
                (f"proc/irq/{number}/effective_affinity_list", cpus),
            ):
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).write_text(f"{text}\n")
            (self.root / f"proc/irq/{number}/smp_affinity_list").chmod(mode)

    def on_pci(self, card: str, slot: str) -> None:
        """Show a card where the kernel has it: below a device of the PCI bus."""
        device, shown = self.root / f"sys/devices/pci0000:00/{slot}", self.root / "sys/class/net" / card
        (device / "net").mkdir(parents=True)
        shown.rename(device / "net" / card)
        shown.symlink_to(f"../../devices/pci0000:00/{slot}/net/{card}")
        (device / "net" / card / "device").rename(device / "of_card")
        (device / "net" / card / "device").symlink_to("../../of_card")
        (self.root / "sys/bus/pci/devices").mkdir(parents=True, exist_ok=True)
        (self.root / "sys/bus/pci/devices" / slot).symlink_to(f"../../../devices/pci0000:00/{slot}/of_card")

    def reboot(self, applies: bool = True) -> None:
        """A boot: drivers begin anew, and udev sets what the .link files say, as a driver makes of it."""
        self.boot_id.write_text(SECOND_BOOT + "\n")
        for card in self.cards:
            fresh = FACTORIES[card.driver](card.name) if card.driver in FACTORIES else card
            card.numbers, card.carrier_changes, card.sets = fresh.numbers, 0, 0
            card.advertising, card.autoneg, card.txqueuelen = fresh.advertising, fresh.autoneg, fresh.txqueuelen
            path = self.root / f"etc/systemd/network/00-siptune-{card.name}.link"
            if applies and path.exists():
                self._apply(card, path.read_text())

    @staticmethod
    def _apply(card: Card, text: str) -> None:
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
        fields = {"rx": lines.get("RxBufferSize"), "tx": lines.get("TxBufferSize")}
        most = {field: card.numbers[RINGS][f"{field}_max"] for field in fields} if RINGS in card.numbers else {}
        # systemd cuts a number to the maximum since 250.
        sizes = {
            field: most[field] if value == "max" else min(int(value), most[field])
            for field, value in fields.items()
            if value and field in most
        }
        if sizes:
            card.set(RINGS, {**card.numbers[RINGS], **sizes})
        if "TransmitQueueLength" in lines:
            card.txqueuelen = int(lines["TransmitQueueLength"])


FACTORIES = {
    "e1000e": e1000e, "igb": igb, "e1000": e1000, "vmxnet3": vmxnet3, "virtio_net": virtio, "ena": ena
}  # fmt: skip


class Result(NamedTuple):
    changed: bool
    items: dict[str, Change]
    diff: list[dict[str, Any]]
    warnings: Sequence[str]

    def states(self) -> dict[str, str]:
        return {name: change.state for name, change in self.items.items()}


def _call(operation: Operation, interfaces: Any, parameters: Mapping[str, Any]) -> Call:
    defaults = {name: argument["default"] for name, argument in operation.argument_spec.items()}
    return operation.call({**defaults, "interfaces": interfaces, **parameters})


def _predict(host: Host, operation: Operation, interfaces: Any, **parameters: Any) -> Result:
    return _result(_call(operation, interfaces, parameters).run(host, True, UndoLog()))


def _apply(host: Host, operation: Operation, interfaces: Any, **parameters: Any) -> Result:
    return _result(all_or_nothing(lambda log: _call(operation, interfaces, parameters).run(host, False, log)))


def _result(report: Report) -> Result:
    items = {change.item: change for change in report.changes}
    return Result(report.changed, items, [*report.diff, *report.live], report.warnings)


def predict_rings(host: Host, interfaces: Any, **parameters: Any) -> Result:
    """What check mode of nic_ring says."""
    return _predict(host, NIC_RING, interfaces, **parameters)


def rings(host: Host, interfaces: Any, **parameters: Any) -> Result:
    """A run of nic_ring."""
    return _apply(host, NIC_RING, interfaces, **parameters)


def predict_links(host: Host, interfaces: Any, **parameters: Any) -> Result:
    """What check mode of nic_link says."""
    return _predict(host, NIC_LINK, interfaces, **parameters)


def links(host: Host, interfaces: Any, **parameters: Any) -> Result:
    """A run of nic_link."""
    return _apply(host, NIC_LINK, interfaces, **parameters)


def recorded(host: Host) -> dict[str, dict[str, Any]]:
    """The records of interface options on the host."""
    return {key: dict(options) for key, options in read_originals(host).links.items()}
