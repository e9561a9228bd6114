# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The [Match] section of a .link file, as udev judges it.

Everything here is a function of texts and records. A property of a device that is unknown gives None, which is neither
yes nor no. Sources: systemd.link(5), "[Match] Section Options"; net_match_config() of systemd 247, 252 and 257;
fnmatch(3).
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

ANY = "*"
GLOB_CHARACTERS = "*?[\\"


class Device(NamedTuple):
    """An interface as udev judges it. A text is empty if the interface has none, and None if it is unknown.

    `original_name` is the name that the kernel, or the creator of the interface, gave it: udev compares that when the
    device is added. `properties` are those of the udev database; `applied` is the .link file that it names.

    `known_by` is the [Match] by which udev will know a card that an image is for, and `drivers` are those that all
    floors in its file are for, None for any.
    """

    name: str
    ifindex: int
    mac: str | None
    permanent_mac: str | None
    path: str | None
    driver: str | None
    type: str | None
    kind: str | None
    original_name: str | None
    virtual: bool
    properties: Mapping[str, str] | None
    applied: str | None = None
    known_by: tuple[tuple[str, str], ...] = ()
    drivers: frozenset[str] | None = None


# The first systemd that knows a key. Source: systemd.link(5). An older one ignores it, with a warning.
KEYS = {
    "MACAddress": 211,
    "PermanentMACAddress": 245,
    "Path": 211,
    "Driver": 211,
    "Type": 211,
    "Kind": 251,
    "Property": 243,
    "OriginalName": 218,
}
# Conditions on the host, not on the interface. These are not judged: udev's own record decides.
HOST_KEYS = {
    "Host": 211,
    "Virtualization": 211,
    "KernelCommandLine": 211,
    "KernelVersion": 237,
    "Architecture": 211,
    "Firmware": 249,
    "Credential": 252,
}
ADDRESS_KEYS = ("MACAddress", "PermanentMACAddress")  # which cannot be negated
# In 247 an empty value does not reset these, in 249 it does.
RESET_SINCE = {"OriginalName": 249, "Property": 249}
# Before that, a list without any valid address is one that no device is in; tried with 247 and 252.
EMPTY_LIST_OF_ADDRESSES_UNTIL = 250
NEWEST = 10**6


def matches(lines: Iterable[tuple[str, str]], device: Device, version: int | None = None) -> bool | None:
    """Whether the keys and values of a [Match] section hold for a device; None if that is unknown.

    All keys must hold. A section without any valid one matches nothing: udev ignores the file.
    """
    known = NEWEST if version is None else version
    words = collect(lines, known)
    verdicts = [_TESTS[key](values, device) for key, values in words.items() if key in _TESTS]
    verdicts += [None for key in words if key in HOST_KEYS]
    if not verdicts or False in verdicts:
        return False
    return None if None in verdicts else True


def collect(lines: Iterable[tuple[str, str]], version: int = NEWEST) -> dict[str, list[str]]:
    """The words of each valid key. A list that begins with ! negates each; an empty value resets the list."""
    found: dict[str, list[str]] = {}
    for key, value in lines:
        since = KEYS.get(key, HOST_KEYS.get(key))
        if since is None or since > version:
            continue
        if not value:
            if key not in RESET_SINCE or version >= RESET_SINCE[key]:
                found.pop(key, None)
        elif key in HOST_KEYS:
            found[key] = [value]
        else:
            negation = "!" if value.startswith("!") and key not in ADDRESS_KEYS else ""
            words = [negation + word for word in _words(value[len(negation) :]) if _valid(key, word)]
            if words or (key in ADDRESS_KEYS and version < EMPTY_LIST_OF_ADDRESSES_UNTIL):
                found.setdefault(key, []).extend(words)
    return found


def _words(text: str) -> list[str]:
    """Words as a shell splits them, with backslashes kept for fnmatch(3); none where a quotation mark is missing."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        return []


def _valid(key: str, word: str) -> bool:
    if key in ADDRESS_KEYS:
        return read_mac(word) is not None
    return key != "Property" or "=" in word[1:]


def read_mac(text: str) -> str | None:
    """A hardware address as the kernel writes it, from any of the spellings of systemd.link(5)."""
    digits = re.sub(r"[:.-]", "", text.lower())
    spellings = r"[0-9a-f]{1,2}(:[0-9a-f]{1,2})+|[0-9a-f]{1,2}(-[0-9a-f]{1,2})+|[0-9a-f]{4}(\.[0-9a-f]{4})+"
    if not re.fullmatch(spellings, text.lower()):
        return None
    if "." not in text:
        digits = "".join(part.rjust(2, "0") for part in re.split("[:-]", text.lower()))
    return ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))


# --- one key --------------------------------------------------------------------------------


def _mac_test(value: Callable[[Device], str | None]) -> Callable[[Sequence[str], Device], bool | None]:
    def test(words: Sequence[str], device: Device) -> bool | None:
        mac = value(device)
        return None if mac is None else mac != "" and mac in [read_mac(word) for word in words]

    return test


def _glob_test(value: Callable[[Device], str | None]) -> Callable[[Sequence[str], Device], bool | None]:
    return lambda words, device: any_matches(words, value(device))


def any_matches(patterns: Sequence[str], text: str | None) -> bool | None:
    """Whether no negated glob matches and, if there are others, one of those does. None matches an empty text."""
    positive = [pattern for pattern in patterns if not pattern.startswith("!")]
    negative = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    if text is None:
        return True if ANY in positive and not negative else None
    if text and any(glob_matches(pattern, text) for pattern in negative):
        return False
    return not positive or (text != "" and any(glob_matches(pattern, text) for pattern in positive))


def glob_matches(pattern: str, text: str) -> bool:
    """fnmatch(3) without flags, which knows a backslash and [^...], other than Python's own."""
    pattern = re.sub(r"\\(.)", lambda escaped: f"[{escaped.group(1)}]", pattern)
    return fnmatch.fnmatchcase(text, pattern.replace("[^", "[!"))


def _property_test(words: Sequence[str], device: Device) -> bool | None:
    if device.properties is None:
        return None
    for word in words:
        negated = word.startswith("!")
        name, _equals, pattern = word[negated:].partition("=")
        has = name in device.properties and glob_matches(pattern, device.properties[name])
        if has == negated:
            return False
    return True


_TESTS: dict[str, Callable[[Sequence[str], Device], bool | None]] = {
    "MACAddress": _mac_test(lambda device: device.mac),
    "PermanentMACAddress": _mac_test(lambda device: device.permanent_mac),
    "Path": _glob_test(lambda device: device.path),
    "Driver": _glob_test(lambda device: device.driver),
    "Type": _glob_test(lambda device: device.type),
    "Kind": _glob_test(lambda device: device.kind),
    "OriginalName": _glob_test(lambda device: device.original_name),
    "Property": _property_test,
}


# --- our own match --------------------------------------------------------------------------


def own_match(device: Device, others: Iterable[Device]) -> list[tuple[str, str]]:
    """A [Match] section for this device alone; empty if every possible one might match another device.

    A card is matched by its permanent address, which bonds and VLANs do not inherit, or without one by its slot. Type
    and driver are added, because a virtual function may show the address of its paired synthetic card. A software
    interface is matched by its name, if it has had that from the start.
    """
    traits = (("Type", device.type), ("Driver", device.driver))
    kind = [(key, value) for key, value in traits if value and _plain(value)]
    path = [("Path", device.path)] if device.path and _plain(device.path) else []
    if device.permanent_mac:
        candidates = [[("PermanentMACAddress", device.permanent_mac), *kind]]
        candidates += [candidates[0] + path] if path else []
    elif path:
        candidates = [path + kind]
    elif device.virtual and device.original_name == device.name and _plain(device.name):
        candidates = [[("OriginalName", device.name), *kind]]
    else:
        return []
    rest = [other for other in others if other.ifindex != device.ifindex]
    for candidate in candidates:
        if not any(matches(candidate, other) is not False for other in rest):
            return candidate
    return []


def _plain(value: str) -> bool:
    """Whether a value stands for itself in a list of globs."""
    return not re.search(r"[\s'\"!]", value) and not any(character in value for character in GLOB_CHARACTERS)
