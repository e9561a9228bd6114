# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a network of containers (CNI) sets this host's interfaces up, which may need rp_filter to be its own."""

from __future__ import annotations

from collections.abc import Iterable

from .host import Host, HostError
from .processes import ProcessNames, process_status

CONFIGURATIONS = "/etc/cni/net.d"
CONFIGURATION_SUFFIXES = (".conf", ".conflist", ".json")  # containernetworking/cni, libcni/conf.go
# The interfaces of Calico, Cilium, Flannel, the plug-ins' own bridge (cni0), kube-router and kube-proxy with IPVS,
# Weave, Antrea and OVN-Kubernetes. Sources: the documentation of each.
INTERFACE_PREFIXES = ("cali", "vxlan.calico", "cilium", "flannel", "cni", "kube-", "weave", "antrea-", "ovn-k8s")
KUBE_PROXY = "kube-proxy"
ROOT = 0


def container_network(host: Host, processes: ProcessNames, interfaces: Iterable[str]) -> list[str]:
    """The signs of a container network, for people to read; empty where there is none. Never raises.

    A directory of configurations that cannot be read counts as one: leaving rp_filter alone loses no call.
    """
    signs = [f"the interface {name}" for name in interfaces if name.startswith(INTERFACE_PREFIXES)][:1]
    try:
        found = [name for name in host.list_directory(CONFIGURATIONS) if name.endswith(CONFIGURATION_SUFFIXES)]
        signs += [f"{CONFIGURATIONS}/{name}" for name in found[:1]]
    except HostError as error:
        signs.append(f"{CONFIGURATIONS}, which cannot be read: {error.reason}")
    if any(_is_roots(host, pid) for pid in processes.pids_named(KUBE_PROXY)):
        signs.append(f"{KUBE_PROXY} runs")
    return signs


def _is_roots(host: Host, pid: int) -> bool:
    """Whether a process is root's, in a container too: anybody can give a process of his own any name."""
    status = process_status(host, pid)
    return status is not None and status.uid == ROOT
