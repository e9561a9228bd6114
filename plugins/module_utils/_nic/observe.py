# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe the interfaces of a host for a plan. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._engine.effects import read_originals
from .._engine.originals import Originals
from .._host.cpus import online_cpus
from .._host.host import Host
from .._host.netlink import Link
from .._packets.interrupts import OWN_SCRIPT
from .._sip.gate import blocked_by_calls
from .driver import observe_interfaces, read_nic, with_qdiscs
from .interfaces import assign_records, resolve
from .link_files import model as link_files_model
from .link_files.base import file_of_image
from .link_files.file import ETC, PREFIXES, SUFFIX, is_interface_name, is_own_name
from .link_files.observe import observe as observe_link_files
from .link_words import NAMES
from .model import Nic, Observed, Request
from .options import IRQ_CPUS, QUEUE_OPTIONS, TXQUEUELEN
from .safety import flaps
from .surroundings import lower_interfaces, named_options, observe_surroundings

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises NicError, HostError and OriginalsError."""
    originals = read_originals(host)
    if request.cards is not None:
        return _observe_image(host, request, originals)
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
    asked = named_options(request.rules).union(*options.values())
    boot_names = _boot_names(host, originals, [*options, *map(_name_in, gone)])
    boot = observe_link_files(host, boot_names, originals) if request.boot else None
    if boot is not None and (IRQ_CPUS in asked or host.exists(OWN_SCRIPT)):
        from .irq_script import PATHS  # here, as few calls set interrupts, and each run compiles what it imports

        boot = boot._replace(own={**boot.own, **{path: host.snapshot(path) for path in PATHS}})
    by_image, unused = _lines_of_image(boot, links, request)
    for name, mine in by_image.items():
        options[name] = [*options.get(name, []), *(option for option in mine if option not in options.get(name, []))]
    if any(TXQUEUELEN in mine for mine in options.values()):
        links = with_qdiscs(host, links)
    nics = {name: _read(host, request, links[name], mine) for name, mine in options.items()}
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
        boot=boot,
        boot_names=boot_names,
        blocked_by_calls=blocked_by_calls(host, request.disruptive and may_flap, request.despite_calls),
        surroundings=observe_surroundings(host, asked, wanted, online),
        by_image=by_image,
        unused=unused,
    )


def _observe_image(host: Host, request: Request, originals: Originals) -> Observed:
    """The files of an image, and the cards that it is for. What else a booted host has on record stays as it is."""
    # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
    from .image import in_image, links_of

    links = links_of(request.cards or ())
    wanted, unmatched = resolve(request.rules, links)
    files = [path for path, original in originals.files.items() if original.image and is_own_name(path)]
    names = list(dict.fromkeys([*links, *(_interface_of(path.rsplit("/", 1)[1]) for path in files)]))
    boot = in_image(observe_link_files(host, names, originals), links)
    nics = {name: Nic(link, {}, {}) for name, link in links.items()}
    known = frozenset(request.known)
    return Observed(links, nics, wanted, unmatched, originals, {}, {}, (), known, "", frozenset(), boot, names)


def _lines_of_image(
    boot: link_files_model.Observed | None, links: Mapping[str, Link], request: Request
) -> tuple[dict[str, dict[str, str]], frozenset[str]]:
    """The lines of this module's options in an image's .link files, and the interfaces to which udev applied none."""
    if boot is None or not any(original.image for original in boot.originals.files.values()):
        return {}, frozenset()
    files = {name: file_of_image(boot, name) for name in links}
    found = {
        name: {option: file.lines[NAMES[option]] for option in request.known if NAMES.get(option) in file.lines}
        for name, file in files.items()
        if file is not None
    }
    unused = frozenset(name for name, file in files.items() if file is not None and not file.applied)
    return {name: options for name, options in found.items() if options}, unused


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
