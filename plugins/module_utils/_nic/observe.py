# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe the interfaces of a host for a plan. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable

from .._engine.effects import read_originals
from .._engine.originals import Originals
from .._host.cpus import online_cpus
from .._host.host import Host
from .._host.netlink import Link
from .._sip.gate import blocked_by_calls
from .driver import observe_interfaces, read_nic, with_qdiscs
from .interfaces import assign_records, resolve
from .link_files.file import ETC, PREFIXES, SUFFIX, is_interface_name, is_own_name
from .link_files.observe import observe as observe_link_files
from .model import Nic, Observed, Request
from .options import QUEUE_OPTIONS, TXQUEUELEN
from .safety import flaps
from .surroundings import lower_interfaces, named_options, observe_surroundings

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises NicError, HostError and OriginalsError."""
    originals = read_originals(host)
    links = observe_interfaces(host)
    named = [rule.pattern for rule in request.rules if rule.is_name and rule.pattern in links]
    software = [name for name in named if links[name].virtual_kind]
    wanted, unmatched = resolve(request.rules, links, lower_interfaces(host, software))
    recorded, keys, gone = assign_records(originals.links, links.values(), request.known)
    options: dict[str, list[str]] = {}
    for name, option in [(one.link.name, one.setting.option) for one in wanted] + [
        (name, option) for name, mine in recorded.items() for option in mine
    ]:
        options.setdefault(name, []).append(option)
    if any(TXQUEUELEN in mine for mine in options.values()):
        links = with_qdiscs(host, links)
    boot_names = _boot_names(host, originals, [*options, *map(_name_in, gone)])
    nics = {name: _read(host, request, links[name], mine) for name, mine in options.items()}
    asked = named_options(request.rules).union(*options.values())
    online = online_cpus(host) if QUEUE_OPTIONS & asked else frozenset()
    may_flap = request.live and any(flaps(nics[name], request.known[one]) for name in options for one in options[name])
    return Observed(
        links=links,
        nics=nics,
        wanted=wanted,
        unmatched=unmatched,
        originals=originals,
        recorded=recorded,
        keys=keys,
        gone=gone,
        known=frozenset(request.known),
        boot_id=(host.read_lenient(BOOT_ID) or "").strip(),
        online=online,
        boot=observe_link_files(host, boot_names, originals) if request.boot else None,
        boot_names=boot_names,
        blocked_by_calls=blocked_by_calls(host, request.disruptive and may_flap, request.despite_calls),
        surroundings=observe_surroundings(host, asked, wanted, online),
    )


def _read(host: Host, request: Request, link: Link, options: Iterable[str]) -> Nic:
    """The options of an interface, and with them all others of their groups."""
    groups = {request.known[option].group for option in options}
    return read_nic(host, link, [option for option in request.known.values() if option.group in groups])


def _boot_names(host: Host, originals: Originals, names: Iterable[str]) -> list[str]:
    """These interfaces, and those for which a file or a profile may hold a setting of ours."""
    files = [name for name in host.list_directory(ETC) if is_own_name(f"{ETC}/{name}")]
    of_files = filter(is_interface_name, map(_interface_of, files))
    of_profiles = [original.interface for mine in originals.profiles.values() for original in mine.values()]
    return list(dict.fromkeys([*names, *of_files, *map(_name_in, originals.links), *of_profiles]))


def _name_in(key: str) -> str:
    """The interface's name in a key of the record of originals."""
    return key.partition(" ")[0]


def _interface_of(file_name: str) -> str:
    prefix = next(prefix for prefix in PREFIXES if file_name.startswith(prefix))
    return file_name[len(prefix) : -len(SUFFIX)]
