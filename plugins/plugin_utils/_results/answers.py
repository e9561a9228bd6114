# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host answers to a module of this collection, checked on the controller before anybody uses it.

The host is not trusted: its root may answer anything. What passes has the module's own fields alone, so that it sets
no variable, adds no host, and says nothing in another host's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, PARTS, call_name

from .schema import LONGEST_LINE, Check, ResultError, flag, integer, line, many, maybe, one_of, record, sentence, text
from .shapes import (
    CALLS_FIELDS,
    COUNTED_FIELDS,
    COUNTED_MORE,
    DIFF,
    FACTS_FIELDS,
    FILES,
    ITEM_FIELDS,
    ITEM_NAMED,
    ITEMS,
    LOAD_FIELDS,
    MOST_CALLS,
    MOST_ITEMS,
    MOST_WARNINGS,
    PAM,
    RESERVED_FIELDS,
    SIPTUNE_HOST,
    STALL_FIELDS,
    STORAGE,
    UNDONE,
    WAITED,
    WORDS,
    tuners,
)

FACT = "siptune_host"
INTERPRETER = "discovered_interpreter_python"  # set by ansible-core itself, which refuses it from a host
MOST_CHARACTERS = 64 << 20  # of all texts of an answer together

# Of every module; ansible-core adds some of them where a module could not run at all.
COMMON: dict[str, Check] = {
    "changed": flag,
    "failed": flag,
    "rc": maybe(integer(-(1 << 31), 1 << 31)),
    "module_stdout": text(1 << 20),
    "module_stderr": text(1 << 20),
}
CHANGES: dict[str, Check] = {"items": ITEMS}
_PARTS = [call_name(layer, part) for layer in LAYERS for part in PARTS[layer]]


def _calls(name: Check) -> dict[str, Check]:
    """The fields of the modules that run several calls, whose names are checked by `name`."""
    call = record(
        {"name": name, "module": line()},
        {"changed": flag, "failed": flag, "msg": WORDS, "files": FILES, "pam": PAM},
    )
    item = record({"call": name, **ITEM_NAMED}, ITEM_FIELDS)
    return {"calls": many(call, MOST_CALLS, unique="name"), "items": many(item, MOST_ITEMS)}


_DISCOVERED: dict[str, Check] = {INTERPRETER: maybe(line())}
FACTS: dict[str, Check] = {"ansible_facts": record({FACT: SIPTUNE_HOST}, _DISCOVERED)}
# The fields that a module returns when it has not failed, and those that it may return.
MODULES: dict[str, tuple[Mapping[str, Check], Mapping[str, Check]]] = {
    **dict.fromkeys(
        ("sysctl_bulk", "nic_ring", "nic_link", "sip_alg", "systemd_limits", "daemon_pools", "journald_limits"),
        (CHANGES, {"undone": UNDONE, "files": FILES}),
    ),
    "sip_sockets": (CHANGES, {"undone": UNDONE}),
    "limits_file": (CHANGES, {"undone": UNDONE, "files": FILES, "pam": PAM}),
    "transaction": (_calls(line()), {"undone": UNDONE}),
    "tune": (
        {**_calls(one_of(_PARTS)), **FACTS},
        {"undone": UNDONE, "counters": record(COUNTED_FIELDS, COUNTED_MORE), "storage": STORAGE},
    ),
    "host_facts": (FACTS, {}),
    "sip_counters_info": (COUNTED_FIELDS, COUNTED_MORE),
    "sip_calls_info": (CALLS_FIELDS, {}),
    "sip_calls_wait": (CALLS_FIELDS, WAITED),
    "sip_load": (LOAD_FIELDS, {}),
    "sip_stall": (STALL_FIELDS, {}),
    "sip_reserve": (RESERVED_FIELDS, {}),
}
# What ssh says when a connection with a terminal ends, on the same stream as the errors of the module.
_FAREWELL = re.compile(r"(Shared c|C)onnection to .+ closed\.?")
# A Python that is too old does not get past the syntax of ansible-core's own part: 3.6 of EL 8, for one.
_TOO_OLD = "SyntaxError"
_NEWER_PYTHON = (
    ": the Python of this host is too old for ansible-core and for siptune, which takes 3.8 or later; install a newer "
    "one beside it, such as python3.12, and name it: ansible_python_interpreter=/usr/bin/python3.12"
)


def checked(module: str, answer: Mapping[str, Any], with_diff: bool) -> dict[str, Any]:
    """The answer of a host to this module, built anew. Raises ResultError."""
    _check_size(answer)
    own, more = MODULES[module]
    more = {**COMMON, **more, **({"diff": DIFF} if with_diff else {})}
    if flag(answer.get("failed", False), "failed"):
        # Facts of a run that failed are nobody's.
        fields = {name: check for name, check in {**own, **more}.items() if name != "ansible_facts"}
        found = record({"msg": WORDS}, fields)(answer, "")
        found["msg"] += _last_words(answer, [name for name in ("module_stderr", "module_stdout") if name in found])
    else:
        found = record(own, {**more, "msg": WORDS})(answer, "")
        found["changed"] = found.get("changed", False)
    facts = answer.get("ansible_facts")
    if "ansible_facts" not in found and isinstance(facts, Mapping) and INTERPRETER in facts:
        found["ansible_facts"] = record({}, _DISCOVERED)(facts, "ansible_facts")
    _check_calls(found)
    warnings = list(_warnings(answer.get("warnings") or []))
    return {**found, "warnings": warnings} if warnings else found


def _last_words(answer: Mapping[str, Any], streams: Iterable[str]) -> str:
    """What Python or the shell said last where a module could not run: Ansible's own message lacks the cause."""
    for stream in streams:
        for said in map(str.strip, reversed(answer[stream].splitlines())):
            if said and not _FAREWELL.fullmatch(said):
                advice = _NEWER_PYTHON if said.startswith(_TOO_OLD) else ""
                return f" ({sentence()(said[:LONGEST_LINE], stream)}{advice})"
    return ""


def _check_size(answer: object) -> None:
    """Raises ResultError for more than a controller should hold for hours. Goes down without calling itself."""
    characters, left = 0, [answer]
    while left:
        value = left.pop()
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, Mapping):
            left += [*value, *value.values()]
        elif isinstance(value, Sequence):
            left += value
        characters += 1
        if characters > MOST_CHARACTERS:
            raise ResultError("", f"must have at most {MOST_CHARACTERS} characters")


def _check_calls(found: Mapping[str, Any]) -> None:
    """Raises ResultError for an item of a call that is not there."""
    if "calls" not in found:
        return
    names = {call["name"] for call in found["calls"]}
    for position, item in enumerate(found.get("items", [])):
        one_of(names)(item["call"], f"items[{position}].call")


def _warnings(given: object) -> Iterator[str]:
    """The warnings as text: ansible-core 2.19 and later make records of them."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ResultError("warnings", "must be a list")
    words = sentence(1 << 14)
    for position, one in enumerate(given[:MOST_WARNINGS]):
        message = getattr(getattr(one, "event", None), "msg", one)
        yield words(message, f"warnings[{position}]")


# --- of several modules together, as the playbooks register them -----------------------------

_PART_RESULT = record(
    {},
    {
        **dict.fromkeys(("changed", "failed", "unreachable", "skipped"), flag),
        "msg": WORDS,
        "items": ITEMS,
        "files": FILES,
    },
)
_COUNTERS_RESULT = record(
    {},
    {
        **dict.fromkeys(("changed", "failed", "unreachable", "skipped"), flag),
        "msg": WORDS,
        **COUNTED_FIELDS,
        **COUNTED_MORE,
    },
)


def checked_layer(layer: str, parts: Sequence[Any]) -> list[Any]:
    """The results of a layer's calls, None for a call that did not run. Raises ResultError."""
    return [maybe(_PART_RESULT)(part, f"{layer}[{position}]") for position, part in enumerate(parts)]


def checked_counters(result: Any) -> dict[str, Any] | None:
    """A result of sip_counters_info, None if it did not run. Raises ResultError."""
    return maybe(_COUNTERS_RESULT)(result, "counters")


def checked_storage(found: Any) -> list[Any]:
    """The field `storage` of siptune.linux.tune. Raises ResultError."""
    checked_found: list[Any] = STORAGE(found, "storage")
    return checked_found


def checked_tuners(facts: Any) -> dict[str, Any]:
    """The fact `tuners`. Raises ResultError."""
    return tuners(facts, "tuners")


def checked_daemons(facts: Any) -> list[dict[str, Any]]:
    """The fact `sip_daemons`; none where it is unknown. Raises ResultError."""
    return FACTS_FIELDS["sip_daemons"](facts, "sip_daemons") or []


def checked_facts(facts: Any) -> dict[str, Any]:
    """The fact of siptune.linux.host_facts, which may come from a cache. Raises ResultError."""
    return SIPTUNE_HOST(facts, FACT)
