# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects around the plan of interface options: observe the interfaces, carry the plan out, confirm it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .._core.change import Change, UndoLog
from .._engine.effects import finalize_originals, read_originals, store_originals, tidy
from .._engine.originals import Originals
from .._host.cpus import online_cpus
from .._host.host import Host, HostError
from .._host.netlink import Link
from .._sip.gate import blocked_by_calls
from .driver import (
    GONE_REASON,
    GoneError,
    UnsupportedError,
    observe_interfaces,
    read_nic,
    set_options,
    with_qdiscs,
)
from .interfaces import assign_records, resolve
from .items import items
from .link_files.file import ETC, PREFIXES, SUFFIX, is_interface_name, is_own_name
from .link_files.model import LinkPlan, merge_links
from .link_files.observe import apply_links, observe_links
from .model import Decision, Nic, Observed, Request, item_name
from .options import NEGOTIATED, RPS_CPUS, TXQUEUELEN, Option
from .originals import finalize
from .plan import GroupWrite, Plan, flaps, plan_boot
from .target import is_rounded

BOOT_ID = "/proc/sys/kernel/random/boot_id"


# --- observe --------------------------------------------------------------------------------


def observe(host: Host, request: Request) -> Observed:
    """What the plan for this request has to know. Raises NicError, HostError and OriginalsError."""
    originals = read_originals(host)
    links = observe_interfaces(host)
    targets, unmatched = resolve(request.rules, links)
    recorded, keys, gone = assign_records(originals.links, links.values(), request.known)
    options: dict[str, list[str]] = {}
    for name, option in [(target.link.name, target.want.option) for target in targets] + [
        (name, option) for name, mine in recorded.items() for option in mine
    ]:
        options.setdefault(name, []).append(option)
    if any(TXQUEUELEN in mine for mine in options.values()):
        links = with_qdiscs(host, links)
    persisted = _persisted(host, originals, [*options, *(key.partition(" ")[0] for key in gone)])
    nics = {name: _read(host, request, links[name], mine) for name, mine in options.items()}
    may_flap = request.live and any(flaps(nics[name], request.known[one]) for name in options for one in options[name])
    return Observed(
        links=links,
        nics=nics,
        targets=targets,
        unmatched=unmatched,
        originals=originals,
        recorded=recorded,
        keys=keys,
        gone=gone,
        known=frozenset(request.known),
        boot_id=(host.read_lenient(BOOT_ID) or "").strip(),
        online=online_cpus(host) if any(RPS_CPUS in mine for mine in options.values()) else frozenset(),
        persistent=observe_links(host, persisted, originals) if request.boot else None,
        persisted=persisted,
        blocked_by_calls=blocked_by_calls(host, request.disruptive and may_flap, request.despite_calls),
    )


def _read(host: Host, request: Request, link: Link, options: Iterable[str]) -> Nic:
    """The options of an interface, and with them all others of their groups."""
    groups = {request.known[option].group for option in options}
    return read_nic(host, link, [option for option in request.known.values() if option.group in groups])


def _persisted(host: Host, originals: Originals, names: Iterable[str]) -> list[str]:
    """These interfaces, and those for which a file or a profile may hold something of ours."""
    files = [name for name in host.list_directory(ETC) if is_own_name(f"{ETC}/{name}")]
    of_files = filter(is_interface_name, map(_interface_of, files))
    return list(dict.fromkeys([*names, *of_files, *(key.partition(" ")[0] for key in originals.links)]))


def _interface_of(file_name: str) -> str:
    prefix = next(prefix for prefix in PREFIXES if file_name.startswith(prefix))
    return file_name[len(prefix) : -len(SUFFIX)]


# --- apply and confirm ----------------------------------------------------------------------


class Outcome(NamedTuple):
    """The changes with what the drivers really took, and the part of the boots to come as it was carried out."""

    changes: list[Change]
    changed: bool
    boot: LinkPlan | None


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Carry out a plan, and note how to undo it. Raises HostError.

    The originals come first, so that nothing is changed unrecorded. Files come after the drivers, as only a driver
    can tell that it does not know an option, which is then not written down either.
    """
    tidy(host, *(observed.persistent.own if observed.persistent else ()))
    stored = observed.originals
    if planned.changed or planned.originals != observed.originals:
        stored = planned.originals
        store_originals(host, stored, log)
    unknown = frozenset(place for write in planned.writes for place in _set_group(host, write, log))
    after = _read_back(host, planned, unknown)
    boot, verdicts = planned.boot, {}
    if boot is not None:
        if unknown:
            boot = plan_boot(request, observed, planned.decisions, unknown) or boot
        verdicts = apply_links(host, boot, log)
    finalize_originals(host, _finalized(observed, planned, boot, after, unknown), stored, log)
    moved = any(after[decision.place] != decision.before for decision in planned.decisions if decision.place in after)
    changes = items(request, observed, planned.decisions, after, verdicts, unknown)
    return Outcome(changes, moved or bool(boot and boot.changed), boot)


def _finalized(
    observed: Observed,
    planned: Plan,
    boot: LinkPlan | None,
    after: Mapping[tuple[str, str], str],
    unknown: frozenset[tuple[str, str]],
) -> Originals:
    links = finalize(planned.originals.links, planned.decisions, after, unknown, observed)
    if boot is None:
        return planned.originals._replace(links=links)
    return planned.originals._replace(files=boot.finalized, links=merge_links(links, boot.links))


def _set_group(host: Host, write: GroupWrite, log: UndoLog) -> list[tuple[str, str]]:
    """Set the options of a group; what the driver turns out not to know. Raises HostError.

    A driver refuses a request as a whole for one option that it does not know, so then each is tried alone.
    """
    link = write.nic.link
    log.note(
        ", ".join(item_name(link.name, option.name) for option in write.values), lambda: _put_group_back(host, write)
    )
    try:
        set_options(host, link, write.values)
        return []
    except UnsupportedError:
        if len(write.values) == 1:
            return [(link.name, option.name) for option in write.values]
    unknown = []
    for option, value in write.values.items():
        try:
            set_options(host, link, {option: value})
        except UnsupportedError:
            unknown.append((link.name, option.name))
    return unknown


def _put_group_back(host: Host, write: GroupWrite) -> None:
    """Undo a change; nothing that is right already is set, as that may take the link down again."""
    with contextlib.suppress(GoneError, UnsupportedError):
        now = _readings(host, write.nic.link.name, write.values)
        different = {option: value for option, value in write.before.items() if now.get(option.name) != value}
        if different:
            set_options(host, write.nic.link, different)


def _readings(host: Host, name: str, options: Iterable[Option]) -> dict[str, str]:
    """What these options of an interface are now. Raises GoneError, HostError."""
    link = observe_interfaces(host).get(name)
    if link is None:
        raise GoneError(name, GONE_REASON, errno.ENODEV)
    return {option: reading.value for option, reading in read_nic(host, link, options).readings.items()}


def _read_back(host: Host, planned: Plan, unknown: frozenset[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What the options that were set read now. Raises HostError for one that the driver took and dropped."""
    written: dict[str, list[Decision]] = {}
    for decision in planned.decisions:
        if decision.write and decision.place not in unknown:
            written.setdefault(decision.nic.link.name, []).append(decision)
    after = {}
    for name, decisions in written.items():
        now = _readings(host, name, [decision.option for decision in decisions])
        for decision in decisions:
            value = now.get(decision.option.name)
            if value is None:
                raise HostError(item_name(*decision.place), "cannot be read any more after it was set")
            _check_taken(decision, value)
            after[decision.place] = value
    return after


def _check_taken(decision: Decision, now: str) -> None:
    wanted = decision.target or ""
    if now != decision.before or now == wanted or is_rounded(decision.option, wanted, now):
        return
    if decision.negotiated and decision.option.name in NEGOTIATED:
        return
    raise HostError(item_name(*decision.place), f"the driver took '{wanted}' without complaint and kept {now}")
