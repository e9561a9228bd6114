# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks: refuses changes that would lock people out of the host, and those that nobody could take back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .._core.setting import AT_LEAST
from .._core.text import whole_number
from .._engine.originals import Originals
from .conf import boot_of
from .hazards import LEAST_PORTS, PORT_KEYS, WIDEN, free_ports
from .kernel import is_locked
from .key import SysctlError, display_name, interface_of
from .model import Decision, Observed
from .settings import IRREVERSIBLE, Setting
from .value import same

NR_OPEN = "fs/nr_open"
IPV6 = "net/ipv6/conf/"
ADVICE = "To have the rest, leave the key out; with the roles, set it to null in the inventory's own settings"
KERNELS_PORTS = "32768 60999"  # ip_local_port_range of every kernel: ip-sysctl.rst
ROUTER_ACCEPTS = "2"  # accept_ra: take router advertisements although forwarding is on, ip-sysctl.rst


def check_safety(decisions: Iterable[Decision], observed: Observed) -> None:
    """Raises SysctlError where a value, now or at boot, would lock people out, or could not be taken back."""
    texts = {decision.path: decision.write or decision.line for decision in decisions}
    wanted = {path: text for path, text in texts.items() if text is not None}
    _check_ports(wanted, observed)
    for decision in decisions:
        path, text, now = decision.path, wanted.get(decision.path), decision.before or ""
        if text is None:
            continue
        reason = objection(path, text, now, observed, wanted)
        if reason is not None:
            raise SysctlError(display_name(path), f"{reason}. {ADVICE}")
        reason = locked_in(path, text, now)
        if reason and not decision.setting.irreversible:
            allow = f"To set it all the same, give the key as {{value: {text}, {IRREVERSIBLE}: true}}"
            raise SysctlError(display_name(path), f"{reason}. {allow}. {ADVICE}")


def _check_ports(wanted: Mapping[str, str], observed: Observed) -> None:
    """Raises SysctlError where fewer ports are left than a host can live with, and fewer than before."""
    changed = [path for path in PORT_KEYS if path in wanted]
    now = {path: observed.live[path].value or "" for path in PORT_KEYS if path in observed.live}
    if observed.boot_only and changed:
        boot = boot_of(observed.others)
        found = {path: boot.assignment(path) for path in PORT_KEYS}
        now = {PORT_KEYS[0]: KERNELS_PORTS, **{path: line.value or "" for path, line in found.items() if line}}
    before, after = free_ports(now), free_ports({**now, **wanted})
    if not changed or after is None or after.left >= LEAST_PORTS or (before and after.left >= before.left):
        return
    raise SysctlError(display_name(changed[-1]), f"{after}: fewer than {LEAST_PORTS}. {WIDEN}. {ADVICE}")


def locked_in(path: str, text: str, now: str) -> str:
    """What cannot be taken back once `text` is written over `now`; '' if the kernel lets the key go back."""
    if not is_locked(path, text) or same(path, text, now):
        return ""
    return f"the kernel does not take {now or 'the former value'} back once it is {text}: only a boot brings it back"


def objection(
    path: str, text: str, now: str, observed: Observed, wanted: Mapping[str, str] = MappingProxyType({})
) -> str | None:
    """The reason why writing `text` over `now` would lock people out; None if it would not.

    `wanted` has the values that are set together with it, by key.
    """
    if switches_ipv6_off(path, text) and now != text and observed.ipv6_reasons:
        return f"IPv6 is in use here and is not switched off: {'; '.join(observed.ipv6_reasons)}"
    if switches_forwarding_on(path, text) and not switches_forwarding_on(path, now):
        return _lost_default_route(interface_of(path), observed, wanted)
    if path == NR_OPEN and text != now:
        return _too_low(_number(text), _number(now), observed)
    return None


def switches_ipv6_off(path: str, value: str) -> bool:
    """Whether the setting disables IPv6 on the whole host or on an interface other than the loopback."""
    leaf = path.rpartition("/")[2]
    return leaf == "disable_ipv6" and path.startswith(IPV6) and interface_of(path) != "lo" and value != "0"


def switches_forwarding_on(path: str, value: str) -> bool:
    """Whether the setting makes the host, or an interface, forward IPv6."""
    return path.startswith(IPV6) and path.endswith("/forwarding") and value not in ("0", "")


def _lost_default_route(interface: str | None, observed: Observed, wanted: Mapping[str, str]) -> str | None:
    """The interfaces that would lose the default route that a router advertises.

    A host that forwards takes no advertisements, unless accept_ra is 2, and the kernel drops what it has learned from
    them: rt6_purge_dflt_routers(), net/ipv6/route.c. `default` is for interfaces as they come with the next boot.
    """
    lost = [
        name
        for name, accepts in observed.accept_ra.items()
        if interface in ("all", "default", name) and wanted.get(f"{IPV6}{name}/accept_ra", accepts) != ROUTER_ACCEPTS
    ]
    if not lost:
        return None
    keys = ", ".join(display_name(f"{IPV6}{name}/accept_ra") for name in lost)
    return (
        f"the IPv6 default route of {', '.join(lost)} comes from router advertisements, which a host that forwards "
        f"does not take: the route would go away. Set {keys} to {ROUTER_ACCEPTS} as well"
    )


def _too_low(files: int, now: int, observed: Observed) -> str | None:
    if files < (observed.highest_nofile or 0):
        return (
            f"{files} is below a descriptor limit in use ({observed.highest_nofile}): logins and services with such a "
            "limit would be refused"
        )
    asked = observed.asked_nofile
    if asked is not None and files < min(now or asked.files, asked.files):  # in an image, there is no value now
        return (
            f"{files} is below the descriptor limit that {asked.source} asks for ({asked.files}): logins or services "
            "with this limit would be refused; lower that limit first"
        )
    return None


def _number(text: str) -> int:
    """The number, or 0 for any other text. Only an edited record of originals can have such a text."""
    return whole_number(text) or 0


def needs_ipv6_reasons(paths: Iterable[str]) -> bool:
    """Whether `plan` needs to know if IPv6 is in use, given the keys that it may write."""
    return any(switches_ipv6_off(path, "1") for path in paths)


def needs_accept_ra(paths: Iterable[str]) -> bool:
    """Whether `plan` needs to know where default routes from router advertisements are."""
    return any(switches_forwarding_on(path, "1") for path in paths)


def needs_highest_nofile(paths: Iterable[str], settings: Iterable[Setting], originals: Originals) -> bool:
    """Whether `plan` needs the highest limit of open files of any process, as it may lower fs.nr_open."""
    if NR_OPEN not in paths:
        return False
    floors = [setting for setting in settings if setting.path == NR_OPEN and setting.rule == AT_LEAST]
    return not floors or NR_OPEN in originals.keys
