# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what decides on untracked ports: nft, the ruleset of the kernel, and the files that a boot loads.

Imported only where ports are wanted, or something is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .._core.text import printable
from .._host.container_network import container_network
from .._host.host import LONGEST_COMPLAINT, CommandResult, Host, unless_refused
from .._host.machine import CONTAINER, SYSTEMD_RUNNING, child_network_namespace, virtualization
from .._host.processes import process_names
from .._systemd.names import UNIT_PATH as UNIT_DIRECTORIES
from .iptables import has_iptables, with_words
from .model import TCP_LOOSE, UNIT, Balanced, Observed
from .ports import ALL_PORTS, PROTOCOLS
from .ruleset import FAMILIES, Ruleset, RulesetError, parse_ruleset
from .settings import NotrackError, Request, item_of
from .table import COMMENT

PROGRAMS = ("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft")
SYSTEMD_PROGRAMS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
TIMEOUT_SECONDS = 10  # nft takes 0.01 s for a usual ruleset, and seconds for one of 100,000 elements
# The names of the tables of iptables-legacy that are in use, which nft does not show: net/netfilter/x_tables.c
LEGACY_TABLES = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")
IPV6_ADDRESSES = "/proc/net/if_inet6"
LINK_LOCAL_OR_HOST = re.compile(r"^(?:fe[89ab]|0{31}1)", re.IGNORECASE)
RULES = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")
RULE_DIRECTORIES = ("/etc/nftables", "/etc/nftables.d")
INTERFACES = "/sys/class/net"
TCP_LOOSE_PATH = "/proc/sys/" + TCP_LOOSE.replace(".", "/")
IPVS = "/proc/net/ip_vs"
_SERVICE = re.compile(r"^(?:FWM +([0-9A-F]{8})|(TCP|UDP) +\S+:([0-9A-F]{4})) ", re.MULTILINE)
_SAME_NAME = re.compile(r"^[ \t]*(?:add[ \t]+|create[ \t]+)?table[ \t]+inet[ \t]+siptune\b", re.MULTILINE)
_STATEFUL = re.compile(r"^[^#\n]*\b(?:ct|masquerade|snat|dnat|redirect)\b", re.MULTILINE)
# Of an image: what a firewall of these makes of its files shows on the booted host alone.
FIREWALLS = (
    *("/usr/sbin/firewalld", "/usr/bin/firewalld", "/usr/sbin/ufw", "/usr/bin/dockerd", "/etc/cni/net.d"),
    *("/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
)


def with_firewall(host: Host, request: Request, found: Observed) -> Observed:
    """The observed files with everything else that the plan depends on. Raises HostError and NotrackError."""
    programs = SYSTEMD_PROGRAMS if host.boot_only else (SYSTEMD_RUNNING,)
    rules = dict(_rule_files(host))
    named = {path: COMMENT in text for path, text in rules.items() if _SAME_NAME.search(text)}
    found = found._replace(
        program=next(filter(host.exists, PROGRAMS), ""),
        systemd=any(map(host.exists, programs)),
        same_name=tuple(path for path, ours in named.items() if not ours),
        copies=tuple(path for path, ours in named.items() if ours),
        drop_ins=tuple(_drop_ins(host)),
        families=FAMILIES if _has_ipv6(host) else FAMILIES[:1],
        tcp_loose=(host.read_lenient(TCP_LOOSE_PATH) or "").strip() != "0",
    )
    if host.boot_only:
        return found._replace(opaque=_unknown_in_image(host, rules))
    if virtualization(host).kind == CONTAINER and child_network_namespace(host) is not True:
        return found._replace(not_own="this container shares the network of its machine: do it there")
    if not found.program:
        return found
    if request.ports:
        return _judged(host, request, found)
    try:
        return found._replace(ruleset=read_ruleset(host, found.program, item_of(request.ports)))
    except NotrackError:  # the files go back all the same
        return found


def _judged(host: Host, request: Request, found: Observed) -> Observed:
    """With what decides on what becomes of untracked packets. Raises HostError and NotrackError."""
    legacy = [path for path in LEGACY_TABLES if (host.read_lenient(path) or "").strip()]
    opaque = ""
    if legacy:
        names = ", ".join(sorted({name for path in legacy for name in (host.read_lenient(path) or "").split()}))
        opaque = (
            f"{legacy[0]} names tables of iptables-legacy ({printable(names)}), whose rules nft does not show. Move "
            "them to nftables (iptables-legacy-save, iptables-nft-restore), take the old ones out and boot"
        )
    return found._replace(
        ruleset=read_ruleset(host, found.program, item_of(request.ports)),
        opaque=opaque,
        balanced=tuple(balanced(host.read_lenient(IPVS) or "")),
        containers=tuple(container_network(host, process_names(host), _interfaces(host))),
    )


def balanced(text: str) -> Iterator[Balanced]:
    """The virtual services of IPVS of TCP and UDP. A mark of the firewall, or port 0, may be any port of theirs.

    Source: net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show()
    """
    for mark, protocol, digits in _SERVICE.findall(text):
        port = int(digits or "0", 16)
        for one in [protocol.lower()] if protocol else PROTOCOLS:
            name = f"{one.upper()} port {port}" if port else f"any {one.upper()} port, by {IPVS}"
            yield Balanced(one, ((port, port),) if port else ALL_PORTS, f"mark {mark}, by {IPVS}" if mark else name)


def read_ruleset(host: Host, program: str, item: str) -> Ruleset:
    """The ruleset of the kernel. Raises HostError and NotrackError, of this item."""
    try:
        ruleset = parse_ruleset(_listed(host, program, item, "-j", "list", "ruleset"))
    except RulesetError as error:
        raise NotrackError(item, f"the ruleset cannot be judged: {error}") from error
    if has_iptables(ruleset):
        with_words(ruleset, _listed(host, program, item, "-a", "list", "ruleset"))
    return ruleset


def _listed(host: Host, program: str, item: str, *words: str) -> str:
    done = run_nft(host, program, *words)
    if done.status:
        raise NotrackError(item, f"the ruleset cannot be read: {complaint(done)}")
    return done.stdout


def run_nft(host: Host, program: str, *words: str, text: str | None = None) -> CommandResult:
    """What nft says to these words. Raises HostError."""
    done = host.run([program, *words], TIMEOUT_SECONDS, text)
    return CommandResult(127, "", f"{program} is not there any more") if done is None else done


def complaint(done: CommandResult) -> str:
    """What nft says of a failure, in one line."""
    return " ".join(done.stderr[:LONGEST_COMPLAINT].split()) or f"nft ends with status {done.status}"


def _has_ipv6(host: Host) -> bool:
    """Whether the host has an IPv6 address that others can reach. Source: proc_net(5), if_inet6."""
    lines = (host.read_lenient(IPV6_ADDRESSES) or "").splitlines()
    return any(line and not LINK_LOCAL_OR_HOST.match(line) for line in lines)


def _interfaces(host: Host) -> list[str]:
    return unless_refused(host.list_directory, INTERFACES) or []


def _rule_files(host: Host) -> Iterator[tuple[str, str]]:
    """The usual files of nftables with their texts."""
    inside = [
        f"{directory}/{name}"
        for directory in RULE_DIRECTORIES
        for name in unless_refused(host.list_directory, directory) or []
        if name.endswith(".nft")
    ]
    for path in (*RULES, *inside):
        text = host.read_foreign(path)
        if text:
            yield path, text


def _drop_ins(host: Host) -> Iterator[str]:
    """The drop-ins of our unit, none of which is ours."""
    for directory in UNIT_DIRECTORIES:
        place = f"{directory}/{UNIT}.d"
        for name in unless_refused(host.list_directory, place) or []:
            if name.endswith(".conf"):
                yield f"{place}/{name}"


def _unknown_in_image(host: Host, rules: dict[str, str]) -> str:
    """Why the firewall that an image will have is not known; empty where it has none that matters."""
    signs = [path for path in FIREWALLS if host.exists(path)]
    signs += [path for path, text in rules.items() if _STATEFUL.search(text)]
    if not signs:
        return ""
    return f"left to a run on the booted host: what its firewall ({', '.join(signs)}) lets in shows only there"
