# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.kernel import (
    Surroundings,
    follows_other,
    known,
    module_of,
    module_trees,
    mutually_exclusive,
    not_namespaced,
    side_effects,
)
from sysctl_hosts import CONTAINER, METAL


def test_an_interface_key_is_known_for_each_interface_and_glob() -> None:
    switch = known("net/ipv4/conf/all/accept_redirects")
    assert switch is not None
    assert (switch.low, switch.high) == (0, 1)
    for interface in ("eth0.100", "default", "*"):
        assert known(f"net/ipv4/conf/{interface}/accept_redirects") == switch
    assert known("net/ipv4/conf/eth0/unheard_of") is None
    assert known("dev/unheard_of") is None


@pytest.mark.parametrize("kind", ["vm/dirty", "vm/dirty_background"])
def test_ratio_and_bytes_are_mutually_exclusive(kind: str) -> None:
    assert mutually_exclusive(f"{kind}_ratio") == f"{kind}_bytes"
    assert mutually_exclusive(f"{kind}_bytes") == f"{kind}_ratio"
    assert mutually_exclusive("vm/swappiness") is None
    assert (follows_other(f"{kind}_bytes", "0"), follows_other(f"{kind}_bytes", "1")) == (True, False)
    assert not follows_other("vm/swappiness", "0")


@pytest.mark.parametrize(
    ("path", "module", "tree"),
    [
        ("net/netfilter/nf_conntrack_max", "nf_conntrack", "/net/netfilter"),
        ("net/nf_conntrack_max", "nf_conntrack", "/net/nf_conntrack_max"),
        ("net/bridge/bridge-nf-call-iptables", "br_netfilter", "/net/bridge"),
        ("net/sctp/rto_min", "sctp", "/net/sctp"),
    ],
)
def test_a_module_brings_its_keys(path: str, module: str, tree: str) -> None:
    assert module_of(path) == module
    assert tree in module_trees(module)
    assert f"/{path}".startswith(module_trees(module))


def test_most_keys_come_with_the_kernel() -> None:
    assert module_of("net/core/somaxconn") is None


@pytest.mark.parametrize(
    ("path", "effects"),
    [
        ("net/core/somaxconn", []),
        ("vm/dirty_ratio", ["vm/dirty_bytes"]),
        (
            "net/ipv4/ip_forward",
            ["net/ipv4/conf/*/forwarding", "net/ipv4/conf/all/accept_redirects"],
        ),
        (
            "net/ipv4/conf/all/forwarding",
            ["net/ipv4/ip_forward", "net/ipv4/conf/*/forwarding", "net/ipv4/conf/all/accept_redirects"],
        ),
        ("net/ipv4/conf/default/rp_filter", ["net/ipv4/conf/*/rp_filter"]),
        ("net/ipv4/conf/all/rp_filter", []),
        ("net/ipv6/conf/all/disable_ipv6", ["net/ipv6/conf/*/disable_ipv6"]),
        ("net/ipv6/conf/all/accept_redirects", []),
        ("net/ipv6/conf/default/disable_ipv6", []),
    ],
)
def test_side_effects(path: str, effects: list[str]) -> None:
    assert side_effects(path) == effects


SHARED_NETWORK = CONTAINER._replace(child_network_namespace=False)
SHARED_IPC = CONTAINER._replace(child_ipc_namespace=False)


@pytest.mark.parametrize(
    ("path", "surroundings", "reason"),
    [
        ("vm/swappiness", METAL, None),
        ("vm/swappiness", CONTAINER, "whole machine"),
        ("fs/nr_open", CONTAINER, "whole machine"),
        ("net/core/somaxconn", CONTAINER, None),
        ("net/core/somaxconn", SHARED_NETWORK, "shares the network of its machine"),
        ("kernel/sem", CONTAINER, None),
        ("kernel/sem", SHARED_IPC, "whole machine"),
        ("fs/mqueue/msg_max", CONTAINER, None),
        ("kernel/hostname", SHARED_IPC, None),
        ("user/max_user_namespaces", CONTAINER, None),
    ],
)
def test_a_container_has_only_keys_of_its_namespaces(path: str, surroundings: Surroundings, reason: str | None) -> None:
    found = not_namespaced(path, surroundings)
    assert found is None if reason is None else reason in str(found)
