# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what there is of a SIP ALG, and what the plan depends on."""

from __future__ import annotations

import os

from .._engine.effects import read_originals
from .._host.host import Host, unless_refused
from .._host.machine import CONTAINER, virtualization
from .model import MODULES, PATH, TRACKING, Observed, Request, SipAlg
from .parsers import has_rule, zones_with_helper

LOADED = "/proc/modules"
IN_KERNEL = f"/sys/module/{TRACKING}"  # of a module that is loaded or built in, as it has parameters
AUTOMATIC = "/proc/sys/net/netfilter/nf_conntrack_helper"
ZONES = ("/etc/firewalld/zones", "/etc/firewalld/policies")
SERVICES = "/etc/firewalld/services"
RULES = (
    *("/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
    *("/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
)
RULE_DIRECTORIES = ("/etc/nftables", "/etc/nftables.d")  # Red Hat's, and a common one
XML, NFT = ".xml", ".nft"


def sip_alg(host: Host) -> SipAlg:
    """What there is of a SIP ALG, as far as it can be read. Never raises."""
    lines = (host.read_lenient(LOADED) or "").splitlines()
    loaded = {line.split(" ", 1)[0] for line in lines}
    modules = [name for name in MODULES if name in loaded]
    automatic = {"0": False, "1": True}.get((host.read_lenient(AUTOMATIC) or "").strip())
    return SipAlg(modules, not modules and host.exists(IN_KERNEL), automatic, _used_by(host))


def _used_by(host: Host) -> list[str]:
    zones = {path: text for directory in ZONES for path, text in _texts(host, directory, XML).items()}
    found = []
    if zones:
        services = {path.rsplit("/", 1)[-1][: -len(XML)]: text for path, text in _texts(host, SERVICES, XML).items()}
        found = zones_with_helper(zones, services)
    rules = {path: host.read_foreign(path) or "" for path in RULES if host.exists(path)}
    for directory in RULE_DIRECTORIES:
        rules.update(_texts(host, directory, NFT))
    return [*found, *(path for path, text in rules.items() if has_rule(text))]


def _texts(host: Host, directory: str, suffix: str) -> dict[str, str]:
    names = unless_refused(host.list_directory, directory) or []
    paths = [f"{directory}/{name}" for name in names if name.endswith(suffix)]
    return {path: host.read_foreign(path) or "" for path in paths}


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises HostError and OriginalsError."""
    return Observed(
        alg=sip_alg(host),
        own=host.snapshot(PATH),
        originals=read_originals(host),
        owner=(os.geteuid(), os.getegid()),
        container=virtualization(host).kind == CONTAINER,
    )
