# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of sysctl keys: their two spellings, globs, and the order in which keys must be written.

Inside the collection a key is its path below /proc/sys, `net/ipv4/conf/eth0.100/rp_filter`. People
write and read it with dots, `net.ipv4.conf.eth0/100.rp_filter`. Source: sysctl.d(5).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from .._core.errors import ItemError

GLOB_CHARACTERS = frozenset("*?[")
LONGEST_KEY = 1024  # far above any real key; a longer one was pasted by accident
FORBIDDEN_STARTS = {
    "/": "an absolute path is not a sysctl key; leave out /proc/sys/",
    "-": "the prefix '-' is not needed; by default missing keys are reported and do not fail the call",
    "#": "would be read as a comment",
    ";": "would be read as a comment",
}
_SWAP_SEPARATORS = str.maketrans("./", "/.")

MOST_PATTERNS = 256
LONGEST_INTERFACE_NAME = 15  # IFNAMSIZ less the final NUL, linux/if.h
_STARS = re.compile(r"\*+")
_INNERMOST_BRACES = re.compile(r"\{([^{}]*)\}")
_GLOB_TOKEN = re.compile(
    r"\[(?P<negated>[!^]?)(?P<characters>\]?[^\]]*)\]|\\(?P<escaped>.)|.",
    re.DOTALL,
)

FORWARDING_SWITCHES = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding")
_CUTTING_SWITCHES = {"forwarding": 2, "disable_ipv6": 3}  # of IPv6, with their ranks
_PER_INTERFACE = ("net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/")


class SysctlError(ItemError):
    """A key, a value or a file that cannot be used, with the item and the reason."""


def parse_key(text: object) -> str:
    """The path below /proc/sys that a key names, `net.ipv4.tcp_sack` or `net/ipv4/tcp_sack`.

    The first separator decides, as in sysctl.d(5): after a dot, dots and slashes trade places, so
    an interface name keeps its dot in `net.ipv4.conf.eth0/100.rp_filter`. Globs stay as they are.
    Raises SysctlError for anything that could name something outside /proc/sys or break a line.
    """
    if not isinstance(text, str):
        raise SysctlError(repr(text), "a sysctl key must be a string such as net.ipv4.tcp_sack")
    path = _with_slashes(text)
    reason = _spelling_fault(text) or _path_fault(path)
    if reason:
        raise SysctlError(repr(text)[:LONGEST_KEY], reason)
    return path


def _spelling_fault(text: str) -> str | None:
    if not text:
        return "the key is empty"
    if len(text) > LONGEST_KEY:
        return "too long for a sysctl key"
    if not text.isprintable() or " " in text or "=" in text:
        return "a key must not contain blanks, '=', or control or undecodable characters"
    if "{" in text or "}" in text:
        return "braces are not expanded; write one setting per key, or a glob"
    return FORBIDDEN_STARTS.get(text[0])


def _path_fault(path: str) -> str | None:
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "empty parts and '..' are not allowed"
    if len(parts) < 2:
        return "a sysctl key has at least two parts, such as net.ipv4.tcp_sack"
    if "." in parts[0] or GLOB_CHARACTERS & set(parts[0]):
        return "the first part must be a directory of /proc/sys, such as net, vm or kernel"
    return None


def _with_slashes(text: str) -> str:
    for character in text:
        if character == "/":
            return text
        if character == ".":
            return text.translate(_SWAP_SEPARATORS)
    return text


def read_key(text: str) -> str:
    """The path of a key as systemd-sysctl reads it from a file: the same spellings, without any check."""
    return "/".join(part for part in _with_slashes(text).split("/") if part)


def display_name(path: str) -> str:
    """The dotted spelling of a path below /proc/sys; the inverse of `parse_key`."""
    return path.translate(_SWAP_SEPARATORS)


def is_spelled(path: str) -> bool:
    """Whether a line of a file can name the key. An interface may have a name that no line can hold, such as a=b."""
    try:
        return parse_key(display_name(path)) == path
    except SysctlError:
        return False


def is_glob(path: str) -> bool:
    """Whether the path is a pattern for several keys."""
    return not GLOB_CHARACTERS.isdisjoint(path)


def glob_matches(pattern: str, path: str) -> bool:
    """Whether a glob matches the path. A wildcard never matches a slash. Source: glob(7)."""
    return any(match(path) for match in _compiled(pattern))


def part_matches(pattern: str, name: str) -> bool:
    """Whether one part of a glob matches one part of a path."""
    return _part_expression(pattern).match(name) is not None


def expand_braces(pattern: str) -> list[str]:
    """The globs that `a{b,c}d` stands for, as systemd-sysctl expands them (GLOB_BRACE, glob(3)).

    A pattern that would expand to more than MOST_PATTERNS globs is returned as it is.
    """
    patterns = [pattern]
    while True:
        found = [_INNERMOST_BRACES.search(one) for one in patterns]
        if not any(found):
            return patterns
        patterns = [
            one[: braces.start()] + choice + one[braces.end() :] if braces else one
            for one, braces in zip(patterns, found)
            for choice in (braces.group(1).split(",") if braces else [""])
        ]
        if len(patterns) > MOST_PATTERNS:
            return [pattern]


@functools.lru_cache(maxsize=None)
def _compiled(pattern: str) -> list[Callable[[str], object]]:
    return [
        re.compile("/".join(_part_expression(part).pattern[:-2] for part in expanded.split("/")) + r"\Z").match
        for expanded in expand_braces(pattern)
    ]


@functools.lru_cache(maxsize=None)
def _part_expression(pattern: str) -> re.Pattern[str]:
    """A part of a glob as a regular expression. Source: glob(7); a leading dot must be named."""
    expression = "" if pattern.startswith(".") else r"(?!\.)"
    pattern, position = _STARS.sub("*", pattern), 0
    while position < len(pattern):
        found = _GLOB_TOKEN.match(pattern, position)
        if found is None:
            break
        position = found.end()
        escaped, characters = found.group("escaped"), found.group("characters")
        if characters is not None:
            expression += _character_set(characters, bool(found.group("negated")))
        elif escaped is not None:
            expression += re.escape(escaped)
        else:
            expression += {"*": "[^/]*", "?": "[^/]"}.get(found.group(), re.escape(found.group()))
    return re.compile(expression + r"\Z")


def _character_set(characters: str, negated: bool) -> str:
    """The characters between the brackets of a glob, as a regular expression that never matches a slash."""
    members, position = "", 0
    while position < len(characters):
        low = characters[position]
        span = characters[position : position + 3]
        if len(span) == 3 and span[1] == "-":
            members += f"{re.escape(low)}-{re.escape(span[2])}" if low <= span[2] else ""
            position += 3
        else:
            members += re.escape(low)
            position += 1
    if not members:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{members}]"


def interface_of(path: str) -> str | None:
    """The third level of a per-interface key (`eth0`, `all`, `default`, or a glob); None for any other key."""
    parts = path.split("/")
    if len(parts) == 5 and path.startswith(_PER_INTERFACE):
        return parts[3]
    return None


def split_interface_of(path: str) -> str | None:
    """The interface `eth0.100` of a key such as net.ipv4.conf.eth0.100.rp_filter, where its dot separates two levels.

    None for any other key.
    """
    parts = path.split("/")
    if len(parts) > 5 and path.startswith(_PER_INTERFACE):
        return ".".join(parts[3:-1])
    return None


def for_interface(path: str, interface: str) -> str:
    """The same per-interface key of another interface."""
    parts = path.split("/")
    parts[3] = interface
    return "/".join(parts)


def write_rank(path: str) -> tuple[int, int]:
    """The rank of a key in the order of writes, so that no write undoes another. Equal ranks keep their order.

    The forwarding switches of IPv4 come first, as they also set the redirect keys (inet_forward_change(),
    net/ipv4/devinet.c). `all` is copied to every interface and `default` to those without an address, so single
    interfaces come after both. What takes routes or addresses away comes late, when all else has gone well: IPv6
    forwarding, then disable_ipv6, whose lo is last, as `all` would remove ::1 again.
    """
    if path in FORWARDING_SWITCHES:
        return 0, 0
    leaf, place = path.rpartition("/")[2], {None: 1, "all": 1, "default": 2}.get(interface_of(path), 3)
    if not path.startswith("net/ipv6/conf/") or leaf not in _CUTTING_SWITCHES:
        return 1, place
    return _CUTTING_SWITCHES[leaf], 4 if interface_of(path) == "lo" else place
