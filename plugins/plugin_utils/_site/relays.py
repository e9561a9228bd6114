# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rtpengines of a host: whether the kernel forwards their packets, what it costs if not, and what would help.

Source: rtpengine, docs/usage.md, "In-kernel Packet Forwarding"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Where packets are forwarded; OFF is in user space as well, as the configuration has it.
KERNEL, USER, OFF, UNKNOWN = "kernel", "user", "off", "unknown"

FIELDS = (
    *("unit", "pid", "table", "table_reason", "no_fallback", "module", "loaded", "in_use", "rule"),
    *("kernel", "kernel_has_module", "newest_kernel", "newest_has_module"),
    *("user_packets", "kernel_packets", "user_packets_total", "kernel_packets_total"),
)
ANY_MODULE = "nft_rtpengine or xt_RTPENGINE"
COST = "each packet then costs a wake-up of the daemon and two system calls"
PACKAGE = "rtpengine-kernel-dkms (ngcp-rtpengine-kernel-dkms of Sipwise)"
RESTART = "restart the daemon once it has no calls"

# The first seconds of a stream always go through the daemon, so that a share of few packets says nothing.
ENOUGH_PACKETS = 10_000
LOW_SHARE = 50  # per cent; no constant of rtpengine


def relay_records(result: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The rtpengines in a result of sip_counters_info, in its order."""
    return [_record(one) for one in (result or {}).get("rtpengine") or []]


def relay_name(relay: Mapping[str, Any]) -> str:
    """The relay's unit or, without one, its process."""
    return relay["unit"] or f"rtpengine, process {relay['pid']}"


def relay_lines(relay: Mapping[str, Any]) -> list[str]:
    """What there is to say of a relay: its warnings, and first its summary unless one of them begins with that."""
    warnings, summary = relay["warnings"], relay["summary"]
    return warnings if any(one.startswith(summary) for one in warnings) else [summary, *warnings]


def _record(given: Mapping[str, Any]) -> dict[str, Any]:
    relay = {field: given.get(field) for field in FIELDS}
    relay = {**relay, "reason": given.get("reason") or "", "forwards": _forwards(relay), "kernel_share": _share(relay)}
    cause, help_ = _in_user_space(relay) if relay["forwards"] == USER else ("", "")
    summary = _summary(relay, cause)
    warnings = [f"{summary}; {COST}: {help_}"] if help_ else []
    return {**relay, "summary": summary, "warnings": [*warnings, *_low_share(relay), *_newest_kernel(relay)]}


def _summary(relay: Mapping[str, Any], cause: str) -> str:
    if relay["forwards"] == KERNEL:
        share = "" if relay["kernel_share"] is None else f": {_share_words(relay)}"
        return f"forwards in the kernel, by {relay['module'] or ANY_MODULE} and table {relay['table']}{share}"
    return {
        USER: f"forwards in user space: {cause}",
        OFF: "forwards in user space, as its configuration names no table of the kernel",
        UNKNOWN: f"does not show whether it forwards in the kernel: {_unknown(relay)}",
    }[relay["forwards"]]


def _forwards(relay: Mapping[str, Any]) -> str:
    """One of KERNEL, USER, OFF and UNKNOWN."""
    if relay["table"] is not None and relay["table"] < 0:
        return OFF
    seen = [relay[field] for field in ("loaded", "in_use", "rule")]
    if False in seen:
        return USER
    known = relay["table"] is not None and (None not in seen or relay["kernel_packets"])
    return KERNEL if known else UNKNOWN


def _unknown(relay: Mapping[str, Any]) -> str:
    return relay["table_reason"] or "the files of the module cannot be read"


# --- why it is not the kernel ----------------------------------------------------------------


def _in_user_space(relay: Mapping[str, Any]) -> tuple[str, str]:
    """Why a relay forwards in user space against its configuration, and what helps; "" where that is not known."""
    module, kernel, table = relay["module"] or ANY_MODULE, relay["kernel"] or "of this host", relay["table"]
    if table is None:
        return f"no module {module} is loaded, and whether it is to use one is not known: {_unknown(relay)}", ""
    if relay["loaded"] is False and relay["kernel_has_module"]:
        loads = f"modprobe {module}, which fails where Secure Boot wants a signature; then {RESTART}"
        return f"the module {module} is there for the running kernel {kernel}, but is not loaded", loads
    if relay["loaded"] is False and relay["kernel_has_module"] is False:
        build = f"install {PACKAGE} and the headers of {kernel}, load the module, and {RESTART}"
        return f"the running kernel {kernel} has no module {module}", build
    if relay["loaded"] is False:
        return f"no module {module} is loaded, and whether the kernel {kernel} has one cannot be seen from here", ""
    if relay["in_use"] is False:
        why = "started before the module was loaded, or was built for another version of it"
        return f"{module} is loaded, but table {table} is not in use", f"the daemon {why}: {RESTART}"
    makes = "rtpengine --nftables-start since 12.0, rtpengine-iptables-setup start on Debian 12 (with rtpengine-utils)"
    return f"no firewall rule hands packets to {module}", f"a reload of the firewall may have removed it: {makes}"


def _newest_kernel(relay: Mapping[str, Any]) -> Iterator[str]:
    """A warning of the newest kernel, if a boot of it would end the forwarding."""
    newest, now = relay["newest_kernel"], relay["kernel"]
    if relay["forwards"] == OFF or relay["table"] is None or newest is None or relay["newest_has_module"] is not False:
        return
    if newest == now and not relay["loaded"]:
        return  # said of the running kernel
    then = "the daemon does not start, as it has no-fallback" if relay["no_fallback"] else "it forwards in user space"
    which = "the running kernel, the newest that is installed," if newest == now else "the newest installed kernel"
    module = relay["module"] or ANY_MODULE
    yield (
        f"{which} {newest} has no module {module} on the disk: once that is booted, {then}; "
        f"install its headers, and run dkms autoinstall -k {newest}"
    )


# --- the share of packets --------------------------------------------------------------------


def _share(relay: Mapping[str, Any]) -> float | None:
    """The share of packets that go through the kernel in per cent; None if there are none, or nobody knows."""
    user, kernel = relay["user_packets"], relay["kernel_packets"]
    if user is None or kernel is None or user + kernel == 0:
        return None
    return round(100 * kernel / (user + kernel), 1)


def _share_words(relay: Mapping[str, Any]) -> str:
    return f"{relay['kernel_share']:g} % of {relay['user_packets'] + relay['kernel_packets']:,} packets"


def _low_share(relay: Mapping[str, Any]) -> Iterator[str]:
    share = relay["kernel_share"]
    if relay["forwards"] != KERNEL or share is None or share >= LOW_SHARE:
        return
    if relay["user_packets"] + relay["kernel_packets"] < ENOUGH_PACKETS:
        return
    yield (
        f"only {_share_words(relay)} go through the kernel; {COST}: calls that are transcoded, recorded or last some "
        "seconds only do so by design, or the rule stands in a chain that packets do not reach"
    )
