# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interface options as the driver and the kernel have them: reading them, group by group, and setting them."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Mapping

from .._engine.originals import PATH as RECORD
from .._host import qdisc
from .._host.cpus import NONE
from .._host.ethtool import (
    UDP_V4_FLOW,
    UDP_V6_FLOW,
    EthtoolError,
    LinkSettings,
    Structure,
    pack_address_request,
    pack_driver_request,
    pack_get,
    pack_hash,
    pack_hash_request,
    pack_link,
    pack_link_request,
    pack_set,
    unpack_address,
    unpack_driver,
    unpack_hash,
    unpack_link,
    unpack_link_words,
    unpack_numbers,
)
from .._host.host import Host, HostError
from .._host.netlink import Link, observe_links
from .affinity import read_interrupts, slot_of, why_readonly, write_interrupts
from .model import Nic, Reading, item_name
from .modes import describe, with_mode
from .options import (
    HASH_GROUP,
    INTERRUPT_GROUP,
    IRQ_CPUS,
    LINK_MODE,
    MODE_GROUP,
    QUEUE_GROUP,
    RPS_CPUS,
    RPS_FLOW_CNT,
    TXQUEUELEN,
    UDP_HASH,
    XPS_CPUS,
    Group,
    NicError,
    Option,
    as_number,
    as_text,
)
from .parts import joined, value_of
from .queues import path_of, read_queues, write_queues

LONGEST_SHOWN = 40
UDP_FLOWS = {"udp4": UDP_V4_FLOW, "udp6": UDP_V6_FLOW}  # by their names in ethtool(8)
NO_QUEUES = {
    RPS_CPUS: "the /sys that is mounted here does not show its receive queues",
    RPS_FLOW_CNT: "the /sys that is mounted here does not show its receive queues",
    XPS_CPUS: "it has a single transmit queue, or the /sys that is mounted here does not show them",
}
UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS)
GONE = (errno.ENODEV, errno.ENXIO)
GONE_REASON = "the interface is gone: it was unplugged or renamed a moment ago"


class GoneError(HostError):
    """The interface was there a moment ago."""


class UnsupportedError(HostError):
    """The driver does not support the request."""


class ManagedError(UnsupportedError):
    """The kernel keeps the interrupts of this card to itself."""


# --- interfaces ------------------------------------------------------------------------------


def observe_interfaces(host: Host) -> dict[str, Link]:
    """All interfaces of our network namespace, with driver and permanent address of hardware. Raises NicError."""
    links = [] if host.boot_only else observe_links(host)  # an image has files for cards, and no cards
    if links is None:
        raise NicError("network interfaces", "cannot be read: rtnetlink gave no answer")
    return {link.name: link if link.virtual_kind else _with_driver(host, link) for link in links}


def _with_driver(host: Host, link: Link) -> Link:
    try:
        link = link._replace(driver=unpack_driver(request(host, link.name, pack_driver_request())))
        if link.permanent_mac is None:
            link = link._replace(permanent_mac=unpack_address(request(host, link.name, pack_address_request())))
    except (HostError, EthtoolError):  # a device without ethtool, such as a tunnel of an old kernel, or a suspended one
        pass
    return link


def with_qdiscs(host: Host, links: Mapping[str, Link]) -> dict[str, Link]:
    """The links with their queueing disciplines; without them if the kernel does not report any."""
    found = qdisc.parse_kinds(qdisc.dump(host) or b"")
    return {name: link._replace(qdiscs=found.get(link.ifindex, ())) for name, link in links.items()}


def request(host: Host, name: str, packed: bytes) -> bytes:
    """One request of ethtool's. Raises GoneError, UnsupportedError, HostError."""
    try:
        return host.ethtool(name, packed)
    except HostError as error:
        raise _explained(error, name) from error


def _explained(error: HostError, name: str) -> HostError:
    if error.errno in GONE:
        return GoneError(name, GONE_REASON, error.errno)
    if error.errno in UNSUPPORTED:
        return UnsupportedError(name, error.reason, error.errno)
    if error.errno == errno.EBUSY:
        return HostError(name, f"the driver is busy, try again: {error.reason}", error.errno)
    if error.errno in (errno.EPERM, errno.EACCES):
        return HostError(name, f"requires CAP_NET_ADMIN: {error.reason}", error.errno)
    return error


# --- reading ---------------------------------------------------------------------------------


def read_nic(host: Host, link: Link, options: Iterable[Option]) -> Nic:
    """These options of an interface.

    A driver that does not answer is no error: the kernel reports ENODEV for a card that is down and suspended, and one
    such card must not keep a host from being tuned.
    """
    wanted = list(options)
    nic = Nic(link, {}, {}, {})
    for group in dict.fromkeys(option.group for option in wanted):
        members = [option.name for option in wanted if option.group == group]
        try:
            part = _read_group(host, link, group, [option for option in wanted if option.group == group])
        except UnsupportedError:
            part = Nic(link, {}, dict.fromkeys(members, f"{_driver(link)} has no {group.name}"))
        except HostError as error:
            gone = isinstance(error, GoneError)
            why = "the card is suspended, or was unplugged a moment ago (ENODEV)" if gone else error.reason
            reason = f"{_driver(link)} does not report its {group.name}: {why}"
            part = Nic(link, {}, dict.fromkeys(members, reason), unresponsive=frozenset(members))
        nic = _merged(nic, part)
    return nic


def _driver(link: Link) -> str:
    return f"the driver {link.driver}" if link.driver else "its driver"


def _merged(nic: Nic, part: Nic) -> Nic:
    return Nic(
        nic.link,
        {**nic.readings, **part.readings},
        {**nic.missing, **part.missing},
        {**nic.readonly, **part.readonly},
        part.settings or nic.settings,
        nic.unresponsive | part.unresponsive,
        {**nic.parts, **part.parts},
        part.interrupts or nic.interrupts,
        part.slot or nic.slot,
    )


def _read_group(host: Host, link: Link, group: Group, options: Iterable[Option]) -> Nic:
    if group.structure is not None:
        return _read_numbers(host, link, group, group.structure, options)
    if group == QUEUE_GROUP:
        return _read_queue(link)
    if group == MODE_GROUP:
        return _read_mode(host, link)
    if group == HASH_GROUP:
        return _read_hash(host, link)
    if group == INTERRUPT_GROUP:
        return _read_interrupts(host, link)
    (option,) = options
    return _read_queues(host, link, option)


def _read_numbers(host: Host, link: Link, group: Group, structure: Structure, options: Iterable[Option]) -> Nic:
    fields = _numbers(host, link.name, structure)
    readings, missing = {}, {}
    for option in options:
        maximum = fields.get(f"{option.field}_max") if option.limited else None
        if maximum == 0:
            missing[option.name] = f"{_driver(link)} has no {option.field} {group.name}"
        else:
            readings[option.name] = Reading(as_text(option, fields[option.field]), maximum)
    return Nic(link, readings, missing)


def _numbers(host: Host, name: str, structure: Structure) -> dict[str, int]:
    try:
        return unpack_numbers(structure, request(host, name, pack_get(structure)))
    except EthtoolError as error:
        raise HostError(name, f"the driver's answer is invalid: {error}") from error


def _read_queue(link: Link) -> Nic:
    if link.tx_queue_length is None:
        return Nic(link, {}, {TXQUEUELEN: "the kernel does not report the length of its queue"})
    return Nic(link, {TXQUEUELEN: Reading(str(link.tx_queue_length))}, {})


def _read_queues(host: Host, link: Link, option: Option) -> Nic:
    name = option.name
    values = read_queues(host, link, name)
    if not values:
        return Nic(link, {}, {name: NO_QUEUES[name]})
    readonly = {}
    if not all(host.writable(path_of(link, name, queue)) for queue in values):
        readonly[name] = "not writable from here: /sys is read-only"
    return Nic(link, {name: Reading(joined(values))}, {}, readonly, parts={name: tuple(values)})


def _read_interrupts(host: Host, link: Link) -> Nic:
    found = read_interrupts(host, link)
    if not found:
        unresponsive = frozenset() if link.up else frozenset([IRQ_CPUS])  # drivers ask for them when a link goes up
        reason = f"{_driver(link)} has no interrupts of receive queues here"
        return Nic(link, {}, {IRQ_CPUS: reason}, unresponsive=unresponsive, slot=slot_of(host, link))
    numbers = tuple(one.number for one in found.values())
    reason = why_readonly(host, numbers)
    return Nic(
        link,
        {IRQ_CPUS: Reading(joined({name: one.cpus for name, one in found.items()}))},
        {},
        {IRQ_CPUS: reason} if reason else {},
        parts={IRQ_CPUS: tuple(found)},
        interrupts=numbers,
        slot=slot_of(host, link),
    )


def _read_hash(host: Host, link: Link) -> Nic:
    """The fields that UDP is hashed by. A driver may know IPv4 alone; one that knows neither has no such option."""
    found: dict[str, str] = {}
    for name, flow in UDP_FLOWS.items():
        try:
            found[name] = unpack_hash(request(host, link.name, pack_hash_request(flow))) or NONE
        except UnsupportedError:
            if not found:
                raise
        except EthtoolError as error:
            raise HostError(link.name, f"the driver's answer is invalid: {error}") from error
    return Nic(link, {UDP_HASH: Reading(joined(found))}, {}, parts={UDP_HASH: tuple(found)})


def _read_mode(host: Host, link: Link) -> Nic:
    settings = link_settings(host, link.name)
    text = describe(settings)
    if not text:
        return Nic(link, {}, {LINK_MODE: f"{_driver(link)} has no link modes to choose from"})
    return Nic(link, {LINK_MODE: Reading(text)}, {}, {}, settings)


def link_settings(host: Host, name: str) -> LinkSettings:
    """The present and the possible settings of a link. Raises HostError."""
    try:
        words = unpack_link_words(request(host, name, pack_link_request()))
        return unpack_link(request(host, name, pack_link_request(words)))
    except EthtoolError as error:
        raise HostError(name, f"the driver's answer is invalid: {error}") from error


def read_values(host: Host, name: str, options: Iterable[Option]) -> dict[str, str]:
    """The present values of these options of an interface, by name. Raises GoneError, HostError."""
    link = observe_interfaces(host).get(name)
    if link is None:
        raise GoneError(name, GONE_REASON, errno.ENODEV)
    return {option: reading.value for option, reading in read_nic(host, link, options).readings.items()}


# --- setting ---------------------------------------------------------------------------------


def set_options(host: Host, link: Link, values: Mapping[Option, str]) -> None:
    """Set options of one group, and leave the others of the group as they are.

    Raises HostError and GoneError that name the items, and UnsupportedError if the driver does not support one.
    """
    item = ", ".join(item_name(link.name, option.name) for option in values)
    group = next(option.group for option in values)
    try:
        _set_group(host, link, group, values)
    except UnsupportedError:
        raise
    except HostError as error:
        if isinstance(error, GoneError):
            raise GoneError(item, error.reason, error.errno) from error
        asked = ", ".join(values.values())
        raise HostError(item, f"the driver refused '{asked}': {_explained(error, item).reason}", error.errno) from error
    except (ValueError, OverflowError, struct.error) as error:
        # A setting has been checked. An original may have been edited in its record.
        asked = ", ".join(values.values())[:LONGEST_SHOWN]
        raise HostError(item, f"'{asked}' cannot have been its value; check {RECORD}") from error


def _set_group(host: Host, link: Link, group: Group, values: Mapping[Option, str]) -> None:
    if group.structure is not None:
        answer = request(host, link.name, pack_get(group.structure))
        numbers = {option.field: as_number(option, text) for option, text in values.items()}
        request(host, link.name, pack_set(group.structure, answer, numbers))
        return
    text = next(iter(values.values()))
    if group == MODE_GROUP:
        request(host, link.name, pack_link(with_mode(link_settings(host, link.name), text)))
    elif group == HASH_GROUP:
        _set_hash(host, link, text)
    elif group == INTERRUPT_GROUP:
        _set_interrupts(host, link, text)
    elif group == QUEUE_GROUP:
        _set_queue(host, link.name, int(text))
    else:
        _set_queues(host, link, next(iter(values)), text)


def _set_queue(host: Host, name: str, frames: int) -> None:
    try:
        host.set_tx_queue_length(name, frames)
    except HostError as error:
        raise _explained(error, name) from error


def _set_hash(host: Host, link: Link, text: str) -> None:
    for part in _read_hash(host, link).parts[UDP_HASH]:
        letters = value_of(text, part)
        if letters is not None:
            request(host, link.name, pack_hash(UDP_FLOWS[part], "" if letters == NONE else letters))


def _set_interrupts(host: Host, link: Link, text: str) -> None:
    try:
        write_interrupts(host, link, text)
    except HostError as error:
        if error.errno == errno.EIO:  # of managed ones, where their files do not say so
            raise ManagedError(link.name, error.reason, error.errno) from error
        raise


def _set_queues(host: Host, link: Link, option: Option, text: str) -> None:
    try:
        write_queues(host, link, option.name, text)
    except HostError as error:
        raise _explained(error, link.name) from error
