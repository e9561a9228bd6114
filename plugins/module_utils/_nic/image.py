# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cards of the machine that will boot an image: how udev will find them, and what their .link files say.

Pure. Nothing is known of a card but what siptune_machine gives. A floor never lowers a card: it is written for the
drivers that begin with less, and left to a run on the booted host for all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .._core.change import KEPT, PENDING
from .._core.setting import AT_LEAST, EXACT
from .._host.netlink import Link
from .boot import has_word
from .link_files.file import LINK, LinkFile
from .link_files.match import KEYS, Device, collect
from .link_files.model import Observed as ObservedFiles
from .link_files.options import MAX_SINCE
from .model import Card, Decision, Nic, Observed, Reading, Request
from .modes import LinkMode
from .options import MOST, TXQUEUELEN, Option
from .settings import ALL, AUTO, MAX, Setting
from .target import target_value

LEFT = "left to a run on the booted host"
ONLY_THE_CARD = f"{LEFT}: which link modes it has, only the card says"
ONLY_ITS_QUEUES = f"{LEFT}: which queues it has, only the card says"
NO_PROCESSORS = f"{LEFT}: its size depends on siptune_machine.processors, which is not given"
NOT_CUT = f"{LEFT}: a systemd before {MAX_SINCE} does not cut it to the card's maximum, and a card refuses more"
UNKNOWN_DRIVER = f"{LEFT}: what its driver begins with is not known, and a floor or a ceiling never makes it worse"
BEGINS_WITH_IT = "its driver begins with as much"
FOR_DRIVERS = "for a card whose driver begins with less, which Driver= in its file names; others are left as they are"
NO_MATCH = f"{LEFT}: udev cannot know a card by this name before it has it; give its mac in siptune_machine.interfaces"

# What drivers begin with, as rx and tx descriptors, the most of all kernels in use. Sources: the drivers' own headers
# and probes below drivers/net/ethernet (E1000_DEFAULT_RXD, IGB_DEFAULT_RXD, IXGBE_DEFAULT_TXD, ICE_DFLT_NUM_RX_DESC,
# VMXNET3_DEF_RX_RING_SIZE, BNXT_DEFAULT_RX_RING_SIZE, ENA_DEFAULT_RING_SIZE, MLX5E_PARAMS_DEFAULT_LOG_RQ_SIZE ...).
# A driver that is not here, such as hv_netvsc with some 9,700, may begin with more than a floor.
BEGINNINGS: Mapping[str, tuple[int, int]] = {
    "bnx2": (255, 255),
    "bnxt_en": (511, 511),
    "e1000": (256, 256),
    "e1000e": (256, 256),
    "ena": (1024, 1024),
    "i40e": (512, 512),
    "iavf": (512, 512),
    "ice": (2048, 2048),
    "igb": (256, 256),
    "igbvf": (256, 256),
    "igc": (256, 256),
    "ixgbe": (512, 512),
    "ixgbevf": (512, 1024),
    "mlx4_en": (1024, 1024),
    "mlx5_core": (1024, 1024),
    "sfc": (1024, 1024),
    "tg3": (200, 511),
    "virtio_net": (MOST, MOST),  # with the most that the machine gives it
    "vmxnet3": (1024, 512),
}
PLACES = {"rx": 0, "tx": 1}
QUEUE_OF_ETHERNET = 1000  # DEFAULT_TX_QUEUE_LEN, net/ethernet/eth.c
# udev builds predictable names of one property of a card each, which it knows before it applies a .link file:
# systemd.net-naming-scheme(7), and 75-net-description.rules before 80-net-setup-link.rules.
_KIND = "(?:en|ib|sl|wl|ww)"
NAMES = (
    ("ID_NET_NAME_MAC", re.compile(rf"{_KIND}x[0-9a-f]{{12}}")),
    ("ID_NET_NAME_ONBOARD", re.compile(rf"{_KIND}[od][0-9]\w*", re.ASCII)),
    ("ID_NET_NAME_SLOT", re.compile(rf"{_KIND}(?:(?:P[0-9]+)?s|v|X)[0-9]\w*", re.ASCII)),
    ("ID_NET_NAME_PATH", re.compile(rf"{_KIND}(?:(?:P[0-9]+)?p[0-9]+s[0-9]|[ac][0-9a-z])\w*", re.ASCII)),
)
KERNELS_NAME = re.compile(r"eth[0-9]+")
ON_CONDITION = ("KernelCommandLine", "net.ifnames=0")  # which keeps these names
KEPT_NAME = "only where net.ifnames=0 is on the kernel's command line, as udev names the card otherwise without it"
RENAMING = {"database", "onboard", "slot", "path", "mac"}  # NamePolicy= of systemd.link(5)
# The distribution names cards on USB by a file of its own. Ours is for other cards, as nobody knows which one it is.
USB = "-usb-"
NOT_USB = ("Path", f"!*{USB}*")


def links_of(cards: Iterable[Card]) -> dict[str, Link]:
    """The cards as interfaces of which nobody knows more than was given."""
    return {
        card.name: Link(number, card.name, False, on_bus=True, mac=card.mac, permanent_mac=card.mac, driver=card.driver)
        for number, card in enumerate(cards, 1)
    }


def in_image(files: ObservedFiles, links: Mapping[str, Link]) -> ObservedFiles:
    """What was observed of .link files, with the cards to be, and the reason why udev could not know one of them."""
    others = tuple(file for file in files.files if not _is_for_usb(file))
    renames = _renames(others)
    devices, obstacles = {}, {}
    for name, link in links.items():
        match = _known_by(link, renames)
        since = max((KEYS.get(key, 0) for key, _value in match), default=0)
        if not match:
            obstacles[name] = NO_MATCH
        elif files.version is not None and files.version < since:
            keys = ", ".join(f"{key}=" for key, _value in match if KEYS.get(key, 0) > files.version)
            obstacles[name] = f"{LEFT}: {keys} of .link files needs systemd {since}, and this is {files.version}"
        devices[name] = _device(link, match)
    return files._replace(devices=devices, files=others, udev_running=True, image=True, obstacles=obstacles)


def _device(link: Link, match: tuple[tuple[str, str], ...]) -> Device:
    mac, kind = link.mac, "ether" if link.name.startswith(("en", "eth")) else None
    original = link.name if KERNELS_NAME.fullmatch(link.name) else None
    return Device(link.name, link.ifindex, mac, mac, None, link.driver, kind, "", original, False, None, known_by=match)


def _known_by(link: Link, renames: bool) -> tuple[tuple[str, str], ...]:
    """The [Match] by which udev will know a card; empty without one."""
    driver = (("Driver", link.driver),) if link.driver else ()
    if link.mac:
        return (("PermanentMACAddress", link.mac), NOT_USB, *driver)
    if KERNELS_NAME.fullmatch(link.name):
        stays = (ON_CONDITION,) if renames else ()
        return (("OriginalName", link.name), *stays, NOT_USB, *driver)
    for key, pattern in NAMES:
        if pattern.fullmatch(link.name):
            return (("Property", f"{key}={link.name}"), NOT_USB, *driver)
    return ()


def _renames(files: Iterable[LinkFile]) -> bool:
    """Whether a file may give a card a name that is not the kernel's."""
    policies = [line for file in files for line in file.lines if (line.section, line.key) == (LINK, "NamePolicy")]
    return any(RENAMING.intersection(line.value.split()) for line in policies)


def _is_for_usb(file: LinkFile) -> bool:
    paths = collect(file.match).get("Path", [])
    return bool(paths) and all(USB in path and not path.startswith("!") for path in paths)


# --- values ---------------------------------------------------------------------------------


def decide_all(request: Request, observed: Observed, files: ObservedFiles) -> list[Decision]:
    """The decisions for the cards to be. Raises NicError."""
    decisions = [
        decide_for_boot(
            wanted.link, request.known[wanted.setting.option], wanted.setting, files.version, request.processors
        )
        for wanted in observed.wanted
    ]
    return [_as_udev_finds_it(decision, files) for decision in decisions]


def _as_udev_finds_it(decision: Decision, files: ObservedFiles) -> Decision:
    """A decision on a card that udev cannot know, or that it knows only if the kernel's name stays."""
    name = decision.nic.link.name
    if decision.boot_value is None:
        return decision
    if name in files.obstacles:
        return decision._replace(state=None, reason="")  # what is in the way has a reason of its own
    if ON_CONDITION not in files.devices[name].known_by:
        return decision
    reason = "; ".join(filter(None, (decision.reason, KEPT_NAME)))
    return decision._replace(state=PENDING, reason=reason)


def decide_for_boot(
    link: Link, option: Option, setting: Setting, version: int | None, processors: int | None
) -> Decision:
    """The decision on one option of a card to be. Raises NicError for a value that it cannot have."""
    decision = Decision(Nic(link, {}, {}), option, setting)
    if isinstance(setting.value, LinkMode):
        return decision._replace(state=PENDING, reason=ONLY_THE_CARD)
    if setting.value == AUTO or not has_word(option.name, version):
        return decision._replace(state=PENDING, reason=ONLY_ITS_QUEUES)
    if setting.value == ALL and not processors:
        return decision._replace(state=PENDING, reason=NO_PROCESSORS)
    if setting.value == MAX and setting.limit is None:
        return decision._replace(boot_value=MAX)
    value = target_value(
        Nic(link, {option.name: Reading("", MOST if option.limited else None)}, {}),
        option,
        setting,
        frozenset(range(processors or 0)),
    )
    if setting.value == MAX and (version or MAX_SINCE) < MAX_SINCE:
        return decision._replace(state=PENDING, reason=NOT_CUT)
    if setting.rule == EXACT:
        return decision._replace(boot_value=value)
    return _floor(decision, int(value))


def _floor(decision: Decision, value: int) -> Decision:
    """A floor, or a ceiling, which is always left."""
    option, setting, driver = decision.option, decision.setting, decision.nic.link.driver
    beginning = QUEUE_OF_ETHERNET if option.name == TXQUEUELEN else _beginning(option, driver)
    if setting is None or setting.rule != AT_LEAST:
        return decision._replace(state=PENDING, reason=UNKNOWN_DRIVER)
    if beginning is not None and beginning >= value:
        return decision._replace(state=KEPT, reason=BEGINS_WITH_IT)
    if beginning is not None:
        return decision._replace(boot_value=str(value))
    if driver is None and beginning_with_less(option, str(value)):
        return decision._replace(boot_value=str(value), state=PENDING, reason=FOR_DRIVERS)
    return decision._replace(state=PENDING, reason=UNKNOWN_DRIVER)


def _beginning(option: Option, driver: str | None) -> int | None:
    found = BEGINNINGS.get(driver or "")
    return found[PLACES[option.name]] if found is not None and option.name in PLACES else None


def beginning_with_less(option: Option, value: str) -> frozenset[str]:
    """The drivers that a floor of this many descriptors never lowers."""
    if option.name not in PLACES:
        return frozenset()
    return frozenset(driver for driver, found in BEGINNINGS.items() if found[PLACES[option.name]] <= int(value))


def for_drivers(files: ObservedFiles, decisions: Iterable[Decision]) -> ObservedFiles:
    """The cards to be, each known by the drivers as well that all floors in its file are for."""
    devices = dict(files.devices)
    for decision in decisions:
        link = decision.nic.link
        if FOR_DRIVERS not in decision.reason or decision.boot_value is None or link.name not in devices:
            continue
        drivers = beginning_with_less(decision.option, decision.boot_value)
        device = devices[link.name]
        devices[link.name] = device._replace(drivers=drivers if device.drivers is None else device.drivers & drivers)
    return files._replace(devices=devices)
