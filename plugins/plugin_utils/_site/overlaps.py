# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where other tuners of a host set other values than siptune, who wins, and how to make both agree.

Pure: from the fact `tuners` of siptune.linux.host_facts and the items of a run to plain data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.change import ABSENT, KEPT, READONLY, SHADOWED
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import AT_LEAST, AT_MOST, EXACT, RULE_WORDS
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.kernel import mutually_exclusive
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import (
    SysctlError,
    display_name,
    glob_matches,
    is_glob,
    read_key,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.value import lowered, raised, satisfied

TUNED = "TuneD"
BPFTUNE = "bpftune"
SIPTUNE = "siptune"
MAIN_FILE = "/etc/tuned/tuned-main.conf"
Ours = dict[str, list[tuple[Mapping[str, Any], "Wanted"]]]  # items and what is wanted, by the path of the key
MOST_NAMED = 6  # of the keys, in a warning
NOT_OURS = (ABSENT, READONLY)
WORDS = {word: rule for rule, word in RULE_WORDS.items() if word}

# What bpftune may change while it runs. Source: bpftune-tcp-buffer(8), bpftune-udp-buffer(8), bpftune-net-buffer(8),
# bpftune-ip-frag(8), bpftune-tcp-conn(8), bpftune-neigh(8).
BPFTUNE_KEYS = (
    *("net.core.rmem_max", "net.core.rmem_default", "net.ipv4.udp_mem"),
    *("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_mem", "net.ipv4.tcp_max_orphans"),
    *("net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_no_metrics_save"),
    *("net.core.netdev_max_backlog", "net.core.netdev_budget", "net.core.netdev_budget_usecs"),
    *("net.ipv4.ipfrag_high_thresh", "net.ipv6.ip6frag_high_thresh", "net.ipv4.tcp_congestion_control"),
    *("net.ipv4.neigh.default.gc_thresh3", "net.ipv6.neigh.default.gc_thresh3"),
)

REAPPLIES = (
    "it reads sysctl.d again after its profile, so that siptune's files there win; when it stops, it puts back the "
    "values that it found at its start"
)
OVERRIDES = f"it sets its profile over sysctl.d whenever it starts, as {MAIN_FILE} says reapply_sysctl = 0"
LET_REAPPLY = (
    f"to make both agree, say reapply_sysctl = 1 in {MAIN_FILE} and restart tuned, or give these keys in a profile of "
    "your own that includes {profile}, or leave them to TuneD: null in the inventory"
)
PASSED_OVER = (
    f"it passes over {{keys}} then, as reapply_sysctl_exclude in {MAIN_FILE} says, and its own value stays: take them "
    "out of that line and restart tuned, or leave them to TuneD: null in the inventory"
)
WRITE_DOWN = (
    "siptune writes no line for a key that the host meets already, so that TuneD has the last word there: give it as "
    "exact in the inventory, or leave it to TuneD: null"
)
BACKS_OFF = (
    "it changes them by itself while it runs, and leaves a key alone once somebody sets it, as siptune does; it does "
    "not know the values that a boot has set before its start"
)
STOP_IT = "where the values must hold, disable bpftune, or leave these keys to it: null in the inventory"
PROCPS_LAST = "TuneD reads it last, after sysctl.d, although a boot does not read it here"


class Wanted(NamedTuple):
    """The value that siptune wants for a kernel parameter or glob, given as a path below /proc/sys."""

    path: str
    rule: str
    value: str


# --- settings against each other -------------------------------------------------------------


def undoes(their: Mapping[str, Any], wanted: Wanted) -> bool:
    """Whether another tuner's setting (`key`, `value`, perhaps `rule`) leaves a value that siptune does not want."""
    path, value = read_key(their["key"]), their["value"]
    if value is None:
        return False
    if mutually_exclusive(wanted.path) == path:
        return value != "0" and wanted.value != "0"  # the kernel sets the one to 0 when the other is set
    if not _one_key(path, wanted.path):
        return False
    rule = their.get("rule", EXACT)
    try:
        if rule == AT_LEAST:
            value = raised(wanted.path, value, wanted.value)
        elif rule == AT_MOST:
            value = lowered(wanted.path, value, wanted.value)
        return not satisfied(wanted.path, wanted.rule, wanted.value, value)
    except SysctlError:
        return True  # siptune never wants an unreadable value


def _one_key(one: str, other: str) -> bool:
    return one == other or (is_glob(one) and glob_matches(one, other)) or (is_glob(other) and glob_matches(other, one))


def shown(their: Mapping[str, Any]) -> str:
    """Another tuner's value as a person reads it."""
    return f"{RULE_WORDS.get(their.get('rule', EXACT), '')}{their['value']}"


# --- the warning of a run --------------------------------------------------------------------


def warning(tuners: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> str:
    """The warning of TuneD for a run with these items; empty if both agree or TuneD is not used on the host."""
    tuned = tuners.get("tuned") or {}
    if not (tuned.get("active") or tuned.get("enabled")):
        return ""
    wanted = [one for one in map(wanted_of, items) if one is not None]
    against = [their for their in tuned.get("sysctl") or [] if any(undoes(their, one) for one in wanted)]
    unknown = tuned.get("unknown") or []
    if not against and not unknown:
        return ""
    said = [f"TuneD, profile {tuned.get('profile')}, {_when(tuned)}"]
    if against:
        named = _some([f"{their['key']} = {shown(their)}" for their in against])
        said += [f"it sets {named}, where siptune wants something else", _effect(tuned)]
        lost = [one for one in wanted if any(undoes(their, one) for their in against) and not _reapplies(tuned, one)]
        if tuned.get("reapply_sysctl") and lost:
            said.append(PASSED_OVER.format(keys=_some(sorted({display_name(one.path) for one in lost}))))
        if not tuned.get("reapply_sysctl"):
            said.append(LET_REAPPLY.format(profile=tuned.get("profile")))
    if unknown:
        said.append(f"its files do not show all that it sets: {'; '.join(unknown)}")
    return "; ".join(said)


def _effect(tuned: Mapping[str, Any]) -> str:
    return REAPPLIES if tuned.get("reapply_sysctl") else OVERRIDES


def _when(tuner: Mapping[str, Any]) -> str:
    now = "runs" if tuner.get("active") else "does not run"
    return f"{now} and {'is' if tuner.get('enabled') else 'is not'} started at boot"


# --- the audit -------------------------------------------------------------------------------


def overlaps(tuners: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The other tuners of a host that is audited, each with the keys in which it and siptune differ.

    `items` are those of the audit's document. A file of sysctl.d is among them only if it differs in a key.
    """
    ours: Ours = {}
    for item in items:
        wanted = wanted_of(item)
        if wanted is not None:
            ours.setdefault(wanted.path, []).append((item, wanted))
    found = [_tuned_record(tuners.get("tuned") or {}, ours), _bpftune_record(tuners.get("bpftune") or {}, ours)]
    found += [_file_record(file, ours) for file in tuners.get("sysctl_files") or []]
    return [record for record in found if record is not None]


def wanted_of(item: Mapping[str, Any]) -> Wanted | None:
    """The value that an item wants; None for an item that is not a kernel parameter, or not this host's."""
    name, text = item["item"], item["wanted"]
    if text is None or item["state"] in NOT_OURS or " " in name or "." not in name:
        return None
    for words, rule in WORDS.items():
        if str(text).startswith(words):
            return Wanted(read_key(name), rule, str(text)[len(words) :])
    return Wanted(read_key(name), EXACT, str(text))


def _against(their: Mapping[str, Any], ours: Ours) -> list[tuple[Mapping[str, Any], Wanted]]:
    """The items that another tuner's setting leaves at an unwanted value."""
    path = read_key(their["key"])
    if is_glob(path):
        places = [place for place in ours if glob_matches(path, place)]
    else:
        places = [place for place in (path, mutually_exclusive(path)) if place is not None and place in ours]
    return [(item, wanted) for place in places for item, wanted in ours[place] if undoes(their, wanted)]


def _record(
    name: str, detail: str, when: Mapping[str, Any], keys: list[dict[str, Any]], effect: str, advice: str
) -> dict[str, Any]:
    """A tuner of the document; `when` has whether it is `active` now and `enabled` at boot."""
    return {
        "name": name,
        "detail": detail,
        "active": when.get("active"),
        "at_boot": when.get("enabled"),
        "effect": effect,
        "advice": advice,
        "keys": keys,
    }


def _key(item: Mapping[str, Any], theirs: str, wins: str) -> dict[str, Any]:
    return {"item": item["item"], "theirs": theirs, "wanted": item["wanted"], "wins": wins}


def _tuned_record(tuned: Mapping[str, Any], ours: Ours) -> dict[str, Any] | None:
    if not (tuned.get("active") or tuned.get("enabled")):
        return None
    keys = []
    for their in tuned.get("sysctl") or []:
        for item, wanted in _against(their, ours):
            wins = _at_boot(item, wanted) if _reapplies(tuned, wanted) else TUNED
            keys.append(_key(item, _said(their, wanted), wins or TUNED))
    advice = _advice(tuned, [str(key["item"]) for key in keys if key["wins"] == TUNED])
    unknown = tuned.get("unknown") or []
    effect = "; ".join([_effect(tuned), *(f"its files do not show all that it sets: {what}" for what in unknown)])
    return _record(TUNED, f"profile {tuned.get('profile')}, {_when(tuned)}", tuned, keys, effect, advice)


def _advice(tuned: Mapping[str, Any], lost: Sequence[str]) -> str:
    """How to make both agree on the keys that TuneD wins."""
    if not tuned.get("reapply_sysctl"):
        return LET_REAPPLY.format(profile=tuned.get("profile")) if lost else ""
    passed_over = [key for key in lost if key in (tuned.get("not_reapplied") or ())]
    parts = [PASSED_OVER.format(keys=_some(passed_over))] if passed_over else []
    return "; ".join([*parts, WRITE_DOWN] if len(passed_over) < len(lost) else parts)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _reapplies(tuned: Mapping[str, Any], wanted: Wanted) -> bool:
    """Whether TuneD sets what sysctl.d says of a key again, after its profile."""
    return bool(tuned.get("reapply_sysctl")) and display_name(wanted.path) not in (tuned.get("not_reapplied") or ())


def _said(their: Mapping[str, Any], wanted: Wanted) -> str:
    """Their value; with their key where that is not siptune's, but a glob or the mutually exclusive key."""
    same = read_key(their["key"]) == wanted.path
    return shown(their) if same else f"{display_name(read_key(their['key']))} = {shown(their)}"


def _at_boot(item: Mapping[str, Any], wanted: Wanted) -> str:
    """Who has the last word in sysctl.d: siptune, another file, or nobody ("")."""
    if item["state"] == SHADOWED:
        return str(item["reason"]).split(" ", 1)[0] or "another file"
    if item["state"] == KEPT or item["boot_planned"] is None:
        return ""
    return SIPTUNE if satisfied(wanted.path, wanted.rule, wanted.value, str(item["boot_planned"])) else ""


def _bpftune_record(bpftune: Mapping[str, Any], ours: Ours) -> dict[str, Any] | None:
    if not (bpftune.get("active") or bpftune.get("enabled")):
        return None
    places = [read_key(key) for key in BPFTUNE_KEYS]
    keys = [_key(item, "as it sees fit", BPFTUNE) for place in places for item, _wanted in ours.get(place, [])]
    return _record(BPFTUNE, _when(bpftune), bpftune, keys, BACKS_OFF, STOP_IT if keys else "")


def _file_record(file: Mapping[str, Any], ours: Ours) -> dict[str, Any] | None:
    last = {their["key"]: their for their in file["sysctl"]}
    keys = []
    for their in last.values():
        for item, wanted in _against(their, ours):
            wins = _at_boot(item, wanted) if file["at_boot"] else file["file"]
            keys.append(_key(item, f"{_said(their, wanted)} (line {their['line']})", wins or file["file"]))
    if not keys:
        return None
    tool = file.get("managed_by")
    effect = "a boot reads it" if file["at_boot"] else PROCPS_LAST
    if tool:
        effect += f"; {tool} seems to write it, and will again"
    advice = ""
    if any(key["wins"] == file["file"] for key in keys):
        where = f", in {tool}" if tool else ""
        advice = f"take these lines out of it{where}, or leave the keys to it: null in the inventory"
    boot = {"active": None, "enabled": file["at_boot"]}
    return _record(file["file"], f"written by {tool}" if tool else "", boot, keys, effect, advice)
