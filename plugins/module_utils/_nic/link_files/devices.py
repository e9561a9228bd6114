# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of a host as udev judges them, from /sys, the udev database, ethtool and rtnetlink."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..._host.ethtool import EthtoolError, pack_address_request, unpack_address
from ..._host.host import Host, unless_refused
from ..._host.netlink import LOOPBACK_KIND, Link, observe_links
from ..._host.network import SYS_CLASS_NET, driver
from .match import Device

# The udev database: a file per interface, with a line E:NAME=VALUE per property. It is internal to systemd; parts that
# cannot be read count as unknown.
UDEV_DATABASE = "/run/udev/data"
UDEV_CONTROL = "/run/udev/control"  # the socket of a running systemd-udevd

NET_NAME_RENAMED = "4"  # linux/netdevice.h: it has been renamed, so its first name is unknown
LOOPBACK = "loopback"
# ARPHRD_ of linux/if_arp.h, by which systemd names the types without a DEVTYPE
TYPES = {"1": "ether", "32": "infiniband", "768": "tunnel", "769": "tunnel6", "772": LOOPBACK, "776": "sit"}


def observe_devices(host: Host) -> dict[str, Device]:
    """The interfaces of our network namespace that /sys shows, by name. Raises HostError."""
    found = {}
    for link in observe_links(host) or []:
        index = (host.read_lenient(f"{SYS_CLASS_NET}/{link.name}/ifindex") or "").strip()
        if index == str(link.ifindex):
            found[link.name] = _device(host, link)
    return found


def _device(host: Host, link: Link) -> Device:
    directory = f"{SYS_CLASS_NET}/{link.name}"
    uevent = parse_pairs(host.read_lenient(f"{directory}/uevent") or "")
    database = read_database(host, link.ifindex)
    virtual = not host.exists(f"{directory}/device")
    renamed = (host.read_lenient(f"{directory}/name_assign_type") or "").strip() == NET_NAME_RENAMED
    known = database or {}
    return Device(
        name=link.name,
        ifindex=link.ifindex,
        mac=(host.read_lenient(f"{directory}/address") or "").strip(),
        permanent_mac=link.permanent_mac or permanent_address(host, link.name),
        path=known.get("ID_PATH", "") if virtual or database is not None else None,
        driver=known.get("ID_NET_DRIVER") or driver(host, link.name) or "",
        type=uevent.get("DEVTYPE") or TYPES.get((host.read_lenient(f"{directory}/type") or "").strip()),
        kind="" if link.kind == LOOPBACK_KIND else link.kind,
        original_name=None if renamed else link.name,
        virtual=virtual,
        properties=None if database is None else {**uevent, "SUBSYSTEM": "net", **database},
        applied=known.get("ID_NET_LINK_FILE"),
    )


def parse_pairs(text: str, prefix: str = "") -> dict[str, str]:
    """The pairs of lines NAME=VALUE, of those that begin with a prefix."""
    return dict(re.findall(rf"^{prefix}([^=\n]+)=(.*)$", text, re.MULTILINE))


def read_database(host: Host, ifindex: int) -> Mapping[str, str] | None:
    """The properties of an interface in the udev database; None if udev has never seen it."""
    text = host.read_lenient(f"{UDEV_DATABASE}/n{ifindex}")
    return None if text is None else parse_pairs(text, "E:")


def permanent_address(host: Host, name: str) -> str:
    """The permanent address of a card from its driver, for kernels whose rtnetlink lacks it; empty without one."""
    try:
        return unpack_address(unless_refused(host.ethtool, name, pack_address_request()) or b"") or ""
    except EthtoolError:
        return ""
