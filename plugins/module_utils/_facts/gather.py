# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers all facts that sizing needs."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .._alg.observe import sip_alg
from .._host import machine, network
from .._host.container_network import container_network
from .._host.host import Host
from .._host.netlink import observe_links
from .._host.processes import ProcessNames, process_names
from .._packets.facts import packet_path
from .._sip import daemons
from .tuners import tuners

# A media relay bound to an IPv6 address has thousands of sockets; this many are enough to see which services listen.
MOST_LISTENERS = 100


def gather(host: Host) -> dict[str, Any]:
    """The facts as host_facts documents them: plain values, None for whatever cannot be read. Never raises."""
    processes = process_names(host)
    links = observe_links(host)
    read_once = lru_cache(maxsize=None)(host.read_lenient)
    listeners = network.ipv6_listeners(host, read_once)
    systemd_running = host.exists(machine.SYSTEMD_RUNNING)
    default_routes = network.default_routes(host, links)
    virtualization = machine.virtualization(host)
    found = {one.name: daemons.find_processes(host, one, processes) for one in daemons.DAEMONS}
    running = {name: one.daemons for name, one in found.items()}
    interfaces = network.interfaces(host, links)
    facts = {
        "memory_bytes": machine.memory_bytes(host),
        "page_size": mmap.PAGESIZE,
        "processors": machine.processors(host),
        "nr_open": machine.nr_open(host),
        "udp_mem_pages": machine.udp_mem_pages(host),
        "kernel": machine.kernel_release(host),
        "systemd": machine.systemd_version(host),
        "systemd_running": systemd_running,
        "virtualization": virtualization,
        "child_network_namespace": machine.child_network_namespace(host),
        "forwarding": machine.forwarding(host),
        "swap": machine.swap_spaces(host),
        "interfaces": interfaces,
        "packet_path": packet_path(host, interfaces),
        "default_routes": default_routes,
        "strict_reverse_path": network.strict_reverse_path(host, default_routes.ipv4 or ()),
        "container_network": container_network(host, processes, [link.name for link in links or ()]),
        "sip_alg": sip_alg(host),
        "control_connection": network.control_connection(host),
        "ipv6_listeners": None if listeners is None else [str(listener) for listener in listeners[:MOST_LISTENERS]],
        "sip_daemons": _sip_daemons(host, processes, systemd_running, running, read_once),
        "sip_daemons_of_users": daemons.of_users(host, found),
        "rtpengine": _rtpengine(host, running["rtpengine"], virtualization.kind == machine.CONTAINER),
        "tuners": tuners(host, processes),
    }
    if host.boot_only:
        facts.update(_of_image(host))
    return {name: _plain(value) for name, value in facts.items()}


def _sip_daemons(
    host: Host,
    processes: ProcessNames,
    systemd_running: bool,
    running: Mapping[str, Sequence[daemons.Process]],
    read: Callable[[str], str | None],
) -> list[daemons.SipDaemon]:
    records = daemons.sip_daemons(host, processes, systemd_running, running)
    if not records:
        return []
    # Imported here, as hosts without a daemon have no use for it, and each run compiles what it imports.
    from .._sip.configured import with_configuration

    return with_configuration(host, records, running, read)


def _of_image(host: Host) -> dict[str, Any]:
    """What an image has otherwise than a host that runs: its own fs.nr_open, and a page of who knows what size."""
    # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
    from .._host.host import unless_refused
    from .._sysctl.nr_open import nr_open

    found = unless_refused(nr_open, host)
    return {"page_size": None, "nr_open": None if found is None else found.boot}


def _rtpengine(host: Host, running: Sequence[daemons.Process], in_container: bool) -> list[Any]:
    """What the kernel does for each rtpengine. The import is below, as most hosts have none."""
    if not running:
        return []
    from .._sip.kernel_forwarding import kernel_forwarding

    return list(kernel_forwarding(host, running, in_container))


def _plain(value: Any) -> Any:
    """Records as dictionaries, all the way down."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value
