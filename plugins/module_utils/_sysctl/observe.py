# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from the host what the plan of sysctl settings depends on."""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections.abc import Iterable, Sequence

from .._engine.effects import read_originals
from .._engine.originals import Originals
from .._engine.owned_files import text_of
from .._host.host import FileRecord, Host, HostError
from .._host.machine import CONTAINER, child_network_namespace, memory_bytes, systemd_version, virtualization
from .._host.rlimits import INFINITY, read_open_files_limit
from .boot import SYSTEMD_SYSCTL, files_read_at_boot
from .conf import FIRST_SYSTEMD_WITH_GLOBS, boot_of, rules_path
from .hazards import COUNTERS, KIBIBYTE, PORT_KEYS, Resources, concerns
from .kernel import Surroundings, module_of, side_effects
from .key import (
    GLOB_CHARACTERS,
    SysctlError,
    display_name,
    expand_braces,
    for_interface,
    interface_of,
    is_glob,
    part_matches,
)
from .model import LiveKey, Observed, Request
from .nr_open import asked_nofile
from .safety import IPV6, needs_accept_ra, needs_highest_nofile, needs_ipv6_reasons
from .settings import Setting
from .writers import later_assignments, writers

PROC_SYS = "/proc/sys"
DEFAULT_DESTINATION = "00000000"  # of a default route in /proc/net/route, proc_net(5)
FIRST_IPC_NAMESPACE = "ipc:[4026531839]"  # PROC_IPC_INIT_INO, include/linux/proc_ns.h


def observe(host: Host, request: Request) -> Observed:
    """The host as far as the plan for this request depends on it. Raises HostError, SysctlError, OriginalsError."""
    originals = read_originals(host)
    own, own_rules, no_files = _own_files(host, request)
    of_image = _keys_of_image(own, originals, request.path)
    wanted = keys_to_observe(request.settings, originals, request.path)
    paths, matches, live = _read_keys(host, dict.fromkeys((*wanted, *of_image)))
    lowers_nr_open = needs_highest_nofile(paths, request.settings, originals)
    # The interface of a key that is gone may have another name by now.
    away = [key for key in paths if key in originals.keys and key not in live and interface_of(key) is not None]
    others = _read_keys(host, dict.fromkeys(for_interface(key, "*") for key in away))
    return Observed(
        live={**others[2], **live},
        matches={**others[1], **matches},
        own=own,
        own_rules=own_rules,
        no_files=no_files,
        others=files_read_at_boot(host, request.path),
        originals=originals,
        surroundings=_surroundings(host),
        loaded_modules=_loaded_modules(host) if any(map(module_of, paths)) else frozenset(),
        systemd_sysctl=next(filter(host.exists, SYSTEMD_SYSCTL), None),
        glob_lines=(systemd_version(host) or 0) >= FIRST_SYSTEMD_WITH_GLOBS,
        udev=host.exists(posixpath.dirname(rules_path(request.path))),
        owner=(os.geteuid(), os.getegid()),
        ipv6_reasons=_ipv6_reasons(host) if needs_ipv6_reasons(paths) else (),
        highest_nofile=_highest_nofile(host) if lowers_nr_open else None,
        asked_nofile=asked_nofile(host) if lowers_nr_open else None,
        accept_ra=_accept_ra(host) if needs_accept_ra(paths) else {},
        later=later_assignments(writers(host), live),
        resources=_resources(host) if any(map(concerns, paths)) else Resources(),
        boot_only=host.boot_only,
    )


def _read_keys(host: Host, wanted: Iterable[str]) -> tuple[list[str], dict[str, Sequence[str]], dict[str, LiveKey]]:
    """The paths of these keys and globs, the matches of each glob, and what exists of them. Raises SysctlError."""
    matches: dict[str, Sequence[str]] = {key: _expand(host, key) for key in wanted if is_glob(key)}
    paths = dict.fromkeys([key for key in wanted if not is_glob(key)])
    for expanded in matches.values():
        paths.update(dict.fromkeys(expanded))
    live = {path: key for path, key in ((path, live_key(host, path)) for path in paths) if key is not None}
    return list(paths), matches, live


def _keys_of_image(own: FileRecord | None, originals: Originals, path: str) -> list[str]:
    """The keys and globs of our file if an image has brought it: they may have no original on record."""
    file = originals.files.get(path)
    return boot_of([(path, text_of(own))]).paths if file is not None and file.image else []


def _own_files(host: Host, request: Request) -> tuple[FileRecord | None, FileRecord | None, dict[str, str]]:
    """Our sysctl.d file and its udev rules; and the ones that are no plain files, with the reason.

    On the way back, what stands in their place does not keep the keys from going back. Raises HostError.
    """
    records: list[FileRecord | None] = []
    refused: dict[str, str] = {}
    for path in (request.path, rules_path(request.path)):
        try:
            records.append(host.snapshot(path))
        except HostError as error:
            if request.settings:
                raise
            records.append(None)
            refused[path] = error.reason
    return records[0], records[1], refused


def keys_to_observe(settings: Iterable[Setting], originals: Originals, path: str) -> list[str]:
    """The keys and globs whose live values `plan` needs: wanted ones, ours of earlier runs, and those they affect."""
    wanted = [setting.path for setting in settings]
    # Keys of other files count where the kernel changes others along with them.
    ours = [key for key, original in originals.keys.items() if path in original.owners or side_effects(key)]
    affected = [effect for key in (*wanted, *ours) for effect in side_effects(key)]
    # Whether `default` has the key distinguishes a missing interface from a mistyped key.
    defaults = [for_interface(key, "default") for key in wanted if interface_of(key) is not None]
    ports = PORT_KEYS if not set(PORT_KEYS).isdisjoint(wanted) else ()  # each of them takes ports from the other
    return list(dict.fromkeys((*wanted, *ours, *affected, *defaults, *ports)))


def live_key(host: Host, path: str) -> LiveKey | None:
    """A key of the running kernel; None if it does not exist. Raises SysctlError for a directory of keys."""
    file = f"{PROC_SYS}/{path}"
    try:
        value = host.read_text(file)
    except HostError as error:
        if error.errno == errno.EISDIR:
            raise SysctlError(display_name(path), "is a directory of keys, not a key") from error
        if error.errno == errno.ENOENT:  # its interface went away after it was opened: proc_sys_call_handler()
            return None
        return LiveKey(None, False)
    return None if value is None else LiveKey(value.strip().replace("\t", " "), host.writable(file))


def _expand(host: Host, pattern: str) -> list[str]:
    """The existing keys that a glob matches, in the order of their names."""
    found = [path for expanded in expand_braces(pattern) for path in _expand_parts(host, expanded.split("/"))]
    return sorted(set(found), key=lambda path: path.split("/"))


def _expand_parts(host: Host, parts: Sequence[str]) -> list[str]:
    found = [""]
    for part in parts:
        if GLOB_CHARACTERS.isdisjoint(part):
            found = [f"{path}/{part}" for path in found]
        else:
            found = [
                f"{path}/{name}"
                for path in found
                for name in host.list_directory(PROC_SYS + path)
                if part_matches(part, name)
            ]
    return [path[1:] for path in found if host.exists(PROC_SYS + path)]


def _surroundings(host: Host) -> Surroundings:
    return Surroundings(
        container=virtualization(host).kind == CONTAINER,
        child_network_namespace=child_network_namespace(host) is True,
        child_ipc_namespace=host.read_link("/proc/self/ns/ipc") not in (FIRST_IPC_NAMESPACE, None),
    )


def _loaded_modules(host: Host) -> frozenset[str]:
    """Names of the loaded modules; empty on a kernel without loadable modules. Source: proc_modules(5)."""
    lines = (host.read_text("/proc/modules") or "").splitlines()
    return frozenset(line.split(" ", 1)[0] for line in lines)


def _ipv6_reasons(host: Host) -> list[str]:
    # Imported here because few calls need it, and each run on a target compiles all that it imports.
    from .._host.network import ipv6_in_use

    return ipv6_in_use(host)


def _accept_ra(host: Host) -> dict[str, str]:
    """accept_ra of the interfaces with an IPv6 default route from router advertisements."""
    from .._host.network import advertised_default_routes

    found = {name: live_key(host, f"{IPV6}{name}/accept_ra") for name in advertised_default_routes(host)}
    return {name: (key.value if key is not None else None) or "" for name, key in found.items()}


def _resources(host: Host) -> Resources:
    """What a value may starve the host of."""
    from .._host.network import advertised_default_routes

    found = {key: re.match(number, host.read_lenient(file) or "") for key, (file, number) in COUNTERS.items()}
    page = re.search(r"^Hugepagesize: +([0-9]{1,12}) kB$", host.read_lenient("/proc/meminfo") or "", re.MULTILINE)
    routes = [line.split() for line in (host.read_lenient("/proc/net/route") or "").splitlines()]
    return Resources(
        memory_bytes=memory_bytes(host),
        huge_page_bytes=int(page.group(1)) * KIBIBYTE if page else None,
        in_use={key: int(number.group(1)) for key, number in found.items() if number},
        advertised=advertised_default_routes(host),
        uplinks=sorted({fields[0] for fields in routes if fields[1:2] == [DEFAULT_DESTINATION]}),
    )


def _highest_nofile(host: Host) -> int:
    """The highest hard limit of open files that any process has."""
    pairs = [read_open_files_limit(host, int(name)) for name in host.list_directory("/proc") if name.isdigit()]
    return max((pair[1] for pair in pairs if pair is not None and pair[1] != INFINITY), default=0)
