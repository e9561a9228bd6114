# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sets kernel parameters at boot outside of sysctl.d, after systemd-sysctl: ufw, systemd-networkd and scripts.

Sources: ufw-framework(8); systemd.network(5), networkd.conf(5) and src/network/networkd-sysctl.c; rc-local.service(8);
interfaces(5); NetworkManager-dispatcher(8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from .._engine.conf_files import effective_files
from .._host.host import Host, unless_refused
from .conf import PROCPS_FILE, Assignment, parse
from .key import glob_matches, interface_of, is_glob, part_matches, read_key

ENABLED_UNITS = "/etc/systemd/system"
DEPENDENCIES = (".wants", ".requires")  # directories of what `systemctl enable` links
EXECUTABLE = 0o111

UFW, UFW_DEFAULTS, UFW_SYSCTL = "/etc/ufw/ufw.conf", "/etc/default/ufw", "/etc/ufw/sysctl.conf"
NETWORKD = "systemd-networkd"
NETWORKD_RUNS = "/run/systemd/netif/state"
NETWORK_FILES = tuple(f"{place}/systemd/network" for place in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"))
NETWORKD_FILES = ("/etc/systemd/networkd.conf",)
NETWORKD_DROP_INS = "/etc/systemd/networkd.conf.d"
INTERFACES, INTERFACES_D = "/etc/network/interfaces", "/etc/network/interfaces.d"
SCRIPTS = ("/etc/rc.local", "/etc/rc.d/rc.local")
SCRIPT_DIRECTORIES = (
    *("/etc/network/if-pre-up.d", "/etc/network/if-up.d"),
    *("/etc/NetworkManager/dispatcher.d", "/etc/networkd-dispatcher/configured.d"),
    "/etc/networkd-dispatcher/routable.d",
)
NO_INTERFACES = ("all", "default", "lo")  # what a pattern for interfaces does not mean


class Writer(NamedTuple):
    """A file by which a program sets keys, and the program's name, '' for a script of somebody's own.

    `names` are the interfaces that a .network file is for, as globs.
    """

    file: str
    who: str
    assignments: Sequence[Assignment]
    names: Sequence[str] = ()


def starts_at_boot(host: Host, unit: str) -> bool:
    """Whether a unit is enabled, by the links that systemctl(1) makes for that."""
    names = unless_refused(host.list_directory, ENABLED_UNITS) or []
    return any(host.exists(f"{ENABLED_UNITS}/{name}/{unit}") for name in names if name.endswith(DEPENDENCIES))


def writers(host: Host) -> list[Writer]:
    """All of them, in the order in which they set keys at boot. Never raises: what cannot be read is not there."""
    return [*_ufw(host), *_networkd(host), *_scripts(host)]


def later_assignments(found: Iterable[Writer], paths: Iterable[str]) -> list[Assignment]:
    """What they set of these existing keys, and of keys that they name in full.

    Of the .network files that are for an interface, networkd takes the first one.
    """
    existing = [path for path in paths if interface_of(path) not in NO_INTERFACES]
    assigned: list[Assignment] = []
    taken: list[str] = []
    for writer in found:
        for one in writer.assignments:
            if not is_glob(one.path) and not writer.names:
                assigned.append(one)
                continue
            for path in existing if is_glob(one.path) else [one.path]:
                interface = interface_of(path) or ""
                if glob_matches(one.path, path) and not any(part_matches(name, interface) for name in taken):
                    assigned.append(one._replace(path=path))
        taken += writer.names
    return assigned


def _inside(host: Host, directory: str) -> list[str]:
    return [f"{directory}/{name}" for name in sorted(unless_refused(host.list_directory, directory) or [])]


# --- ufw ------------------------------------------------------------------------------------


def _ufw(host: Host) -> Iterator[Writer]:
    """ufw's own file for sysctl(8), which it reads where the firewall is enabled."""
    if _shell_value(host, UFW, "ENABLED").lower() != "yes":
        return
    file = _shell_value(host, UFW_DEFAULTS, "IPT_SYSCTL") if host.exists(UFW_DEFAULTS) else UFW_SYSCTL
    if file.startswith("/"):
        yield Writer(file, "ufw", parse(host.read_lenient(file) or "", file))


def _shell_value(host: Host, file: str, name: str) -> str:
    """The value of the last line NAME=value of a shell's file, without its quotes; '' without one."""
    found = re.findall(rf"^[ \t]*{name}=[\"']?([^\"'\s#]*)", host.read_lenient(file) or "", re.MULTILINE)
    return found[-1] if found else ""


# --- systemd-networkd -----------------------------------------------------------------------

_BOOLEANS = {
    **dict.fromkeys(("1", "yes", "y", "true", "t", "on"), "1"),
    **dict.fromkeys(("0", "no", "n", "false", "f", "off"), "0"),
}
_FILTERS = {"no": "0", "strict": "1", "loose": "2"}
_PRIVACY = {**{word: {"1": "2", "0": "0"}[value] for word, value in _BOOLEANS.items()}, "prefer-public": "1"}
_NUMBERS = {str(number): str(number) for number in range(256)}
_ALL_IPV4 = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding")
_ALL_IPV6 = ("net/ipv6/conf/all/forwarding",)

# The keys of an interface that a line of [Network] sets, with the value for each word. networkd takes router
# advertisements itself or not at all, and always tells the kernel not to.
_OF_INTERFACES = {
    "IPv4Forwarding": ("net/ipv4/conf/{}/forwarding", _BOOLEANS),
    "IPv6Forwarding": ("net/ipv6/conf/{}/forwarding", _BOOLEANS),
    "IPv6AcceptRA": ("net/ipv6/conf/{}/accept_ra", dict.fromkeys(_BOOLEANS, "0")),
    "IPv6PrivacyExtensions": ("net/ipv6/conf/{}/use_tempaddr", _PRIVACY),
    "IPv6DuplicateAddressDetection": ("net/ipv6/conf/{}/dad_transmits", _NUMBERS),
    "IPv6HopLimit": ("net/ipv6/conf/{}/hop_limit", _NUMBERS),
    "IPv6ProxyNDP": ("net/ipv6/conf/{}/proxy_ndp", _BOOLEANS),
    "IPv4ReversePathFilter": ("net/ipv4/conf/{}/rp_filter", _FILTERS),
    "IPv4AcceptLocal": ("net/ipv4/conf/{}/accept_local", _BOOLEANS),
    "IPv4RouteLocalnet": ("net/ipv4/conf/{}/route_localnet", _BOOLEANS),
    "IPv4ProxyARP": ("net/ipv4/conf/{}/proxy_arp", _BOOLEANS),
}
# IPForward= switches on for the whole host, and never off.
_FORWARDS = {
    **{word: (*_ALL_IPV4, *_ALL_IPV6) for word, value in _BOOLEANS.items() if value == "1"},
    "ipv4": _ALL_IPV4,
    "ipv6": _ALL_IPV6,
}
_OF_HOST = {"IPv4Forwarding": _ALL_IPV4, "IPv6Forwarding": _ALL_IPV6}


def _networkd(host: Host) -> Iterator[Writer]:
    if not (host.exists(NETWORKD_RUNS) or starts_at_boot(host, f"{NETWORKD}.service")):
        return
    for file in (*NETWORKD_FILES, *effective_files(_inside(host, NETWORKD_DROP_INS), ".conf")):
        yield Writer(file, NETWORKD, list(_host_wide(host.read_lenient(file) or "", file)))
    for file in effective_files([path for place in NETWORK_FILES for path in _inside(host, place)], ".network"):
        text = host.read_lenient(file) or ""
        names = _matched(text)
        if names:
            parts = [(text, file)]
            drop_ins = [
                path for place in NETWORK_FILES for path in _inside(host, f"{place}/{file.rpartition('/')[2]}.d")
            ]
            parts += [(host.read_lenient(path) or "", path) for path in effective_files(drop_ins, ".conf")]
            lines = [one for content, path in parts for one in _of_network(content, path, names)]
            yield Writer(file, NETWORKD, lines, names)


def _matched(text: str) -> list[str]:
    """The interfaces, as globs, that a .network file is for; [] where it is not for names alone."""
    # Imported here, as few hosts use networkd.
    from .._systemd.syntax import section_lines

    lines = [(name, value) for _number, name, value in section_lines(text, "Match")]
    if any(name != "Name" for name, _value in lines):
        return []
    names = [word for _name, value in lines for word in value.split()]
    return [] if any(word.startswith("!") for word in names) else names or ["*"]


def _of_network(text: str, file: str, names: Sequence[str]) -> Iterator[Assignment]:
    from .._systemd.syntax import section_lines

    for number, directive, word in section_lines(text, "Network"):
        if directive == "IPForward":
            yield from (Assignment(path, "1", file, number) for path in _FORWARDS.get(word.lower(), ()))
        key, values = _OF_INTERFACES.get(directive, ("", {}))
        value = values.get(word.lower())
        if value is not None:
            yield from (Assignment(key.format(name), value, file, number) for name in names)


def _host_wide(text: str, file: str) -> Iterator[Assignment]:
    from .._systemd.syntax import section_lines

    for number, directive, word in section_lines(text, "Network"):
        value = _BOOLEANS.get(word.lower())
        if value is not None:
            yield from (Assignment(path, value, file, number) for path in _OF_HOST.get(directive, ()))


# --- scripts --------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$\{?[A-Za-z0-9_]+\}?")
_COMMAND = re.compile(r"(?:^|[\s;&|(/])sysctl\s+([^;&|#)]*)")
_ECHO = re.compile(r"\becho\s+(?:-n\s+)?[\"']?([^\"'>]*?)[\"']?\s*>\s*[\"']?/proc/sys/([^\s\"';&|)]+)")
_UP = re.compile(r"(?:pre-up|up|post-up)\s")  # the lines of interfaces(5) that run a command
_LOADS = re.compile(r"(?:-[a-zA-Z]*p|--load=?)(.*)")  # sysctl -p FILE


def _scripts(host: Host) -> Iterator[Writer]:
    """Scripts that run at boot or as an interface comes up, and interfaces(5), whose lines may call sysctl(8)."""
    for file in (INTERFACES, *_inside(host, INTERFACES_D)):
        yield from _script(host, file, lambda line: _UP.match(line) is not None)
    for file in (*SCRIPTS, *(path for place in SCRIPT_DIRECTORIES for path in _inside(host, place))):
        record = unless_refused(host.snapshot, file)
        if record is not None and record.mode & EXECUTABLE:
            yield from _script(host, file, lambda _line: True)


def _script(host: Host, file: str, runs: Callable[[str], bool]) -> Iterator[Writer]:
    text = host.read_lenient(file) or ""
    if "sysctl" not in text and "/proc/sys/" not in text:
        return
    # Imported here, as few hosts have such a script.
    from .._systemd.syntax import logical_lines

    found = [one for number, line in logical_lines(text) if runs(line) for one in _called(host, line, file, number)]
    if found:
        yield Writer(file, "", found)


def _called(host: Host, line: str, file: str, number: int) -> Iterator[Assignment]:
    """What a line of a script sets. A variable in a key stands for some interface."""
    import shlex

    for found in _ECHO.finditer(line):
        yield Assignment(_VARIABLE.sub("*", found.group(2)), found.group(1).strip(), file, number)
    for found in _COMMAND.finditer(line):
        try:
            words = shlex.split(found.group(1))
        except ValueError:  # a quote that does not end here
            continue
        for word, following in zip(words, [*words[1:], ""]):
            loads, (key, equals, value) = _LOADS.fullmatch(word), word.partition("=")
            if loads:
                other = loads.group(1) or following or PROCPS_FILE
                yield from parse(host.read_lenient(other) or "", other) if other.startswith("/") else ()
            elif equals and not word.startswith("-") and "$" not in value:
                yield Assignment(read_key(_VARIABLE.sub("*", key)), value.strip(), file, number)
