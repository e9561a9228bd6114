# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signs of a container network, each alone, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.container_network import container_network
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import ProcessNames

NOBODY = ProcessNames({1: "systemd"}, True)
KUBE_PROXY = ProcessNames({1: "systemd", 36: "kube-proxy"}, True)
STATUS = "PPid:\t30\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t36\t1\n"


@pytest.mark.parametrize("name", ["cali0a1b2c", "cilium_host", "flannel.1", "cni0", "kube-ipvs0", "vxlan.calico"])
def test_an_interface_is_a_sign(tmp_path: Path, name: str) -> None:
    assert container_network(Host(str(tmp_path)), NOBODY, ["lo", "eth0", name]) == [f"the interface {name}"]


@pytest.mark.parametrize("name", ["eth0", "docker0", "lxcbr0", "veth1", "virbr0", "mycali0", "wg0"])
def test_other_interfaces_are_none(tmp_path: Path, name: str) -> None:
    assert container_network(Host(str(tmp_path)), NOBODY, ["lo", name]) == []


@pytest.mark.parametrize(
    ("name", "counts"),
    [("10-calico.conflist", True), ("05-cilium.conf", True), ("x.json", True), ("README", False), ("a.conf~", False)],
)
def test_a_configuration_is_a_sign(tmp_path: Path, name: str, counts: bool) -> None:
    directory = tmp_path / "etc/cni/net.d"
    directory.mkdir(parents=True)
    (directory / name).write_text("{}")
    assert container_network(Host(str(tmp_path)), NOBODY, []) == ([f"/etc/cni/net.d/{name}"] if counts else [])


class Unreadable(Host):
    """A host that refuses to list the directory of configurations."""

    def list_directory(self, path: str) -> list[str]:
        raise HostError(path, "Permission denied (EACCES)")


def test_a_directory_that_cannot_be_read_counts_as_a_sign(tmp_path: Path) -> None:
    assert container_network(Unreadable(str(tmp_path)), NOBODY, []) == [
        "/etc/cni/net.d, which cannot be read: Permission denied (EACCES)"
    ]


@pytest.mark.parametrize(("uid", "counts"), [(0, True), (1000, False)])
def test_kube_proxy_counts_as_root_alone_and_in_its_container(tmp_path: Path, uid: int, counts: bool) -> None:
    status = tmp_path / "proc/36/status"
    status.parent.mkdir(parents=True)
    status.write_text(STATUS.format(uid=uid))
    assert container_network(Host(str(tmp_path)), KUBE_PROXY, []) == (["kube-proxy runs"] if counts else [])
    assert container_network(Host(str(tmp_path)), ProcessNames({36: "kube-proxy-x"}, True), []) == []
