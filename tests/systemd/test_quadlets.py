# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kamailio in a container that podman runs as a quadlet: which limits of its unit it gets, and which not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from machine import START_TIMEOUT_SECONDS, Machine, machine_with

SUITE = "trixie"  # the first Debian whose podman knows quadlets
# In here podman has neither the layers of a file system nor control groups of its own.
SETTINGS = {
    "/etc/containers/containers.conf": '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n',
    "/etc/containers/storage.conf": '[storage]\ndriver = "vfs"\nrunroot = "/run/storage"\ngraphroot = "/var/storage"\n',
}
FILE = "/etc/containers/systemd/edge.container"
# The host's own files are the container's, and it shares the host's network, so that podman changes nothing of it.
QUADLET = """[Container]
Rootfs=/srv/root
Network=host
PodmanArgs=--cgroupns=host --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro
Exec=/usr/sbin/kamailio -DD -E
"""
WANTED: dict[str, Any] = {
    "LimitNOFILE": {"value": 2000, "rule": "at_least"},
    "TasksMax": {"value": 8000, "rule": "at_least"},
    "LimitCORE": 4096,
    "OOMScoreAdjust": 321,
    "Nice": 3,
}


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    with machine_with(SUITE, "podman", "runc") as machine:
        for path, text in {**SETTINGS, FILE: QUADLET}.items():
            machine.write(path, text)
        machine.sh("ip link set lo up; mkdir /srv/root; mount --bind / /srv/root")
        machine.sh("systemctl daemon-reload; systemctl start edge.service")
        yield machine


def daemon(host: Machine) -> dict[str, Any]:
    facts = host.call_module("host_facts", {})["ansible_facts"]["siptune_host"]
    (found,) = [one for one in facts["sip_daemons"] if one["name"] == "kamailio" and one["running"]]
    return found


def pids_of_daemon(host: Machine) -> list[int]:
    """The processes of the daemon in the container, as the host sees them."""
    group = host.show("edge.service", "ControlGroup")
    text = host.sh(f"cat $(find /sys/fs/cgroup/systemd{group} /sys/fs/cgroup{group} -name cgroup.procs 2>/dev/null)")
    return sorted({pid for pid in map(int, text.split()) if host.read(f"/proc/{pid}/comm") == "kamailio\n"})


def all_pids_of_daemon(host: Machine) -> list[int]:
    """The same once there are no more of them: it forks its processes one by one."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    earlier, pids = None, pids_of_daemon(host)
    while pids != earlier and time.monotonic() < deadline:
        time.sleep(1)
        earlier, pids = pids, pids_of_daemon(host)
    return pids


def test_its_unit_is_that_of_the_quadlet(host: Machine) -> None:
    found = daemon(host)
    assert (found["unit"], found["no_unit"], found["user"]) == ("edge.service", "", None)
    assert found["main_pid"] == pids_of_daemon(host)[0]
    assert host.show("edge.service", "SourcePath") == FILE


def test_what_the_unit_gives_reaches_the_container_and_the_rest_is_said(host: Machine) -> None:
    before = [host.limit(pid, "Max open files") for pid in all_pids_of_daemon(host)]
    done = host.module({"edge.service": WANTED})
    drop_in = host.read("/etc/systemd/system/edge.service.d/90-siptune.conf") or ""
    assert drop_in.endswith("[Service]\nLimitCORE=4096\nNice=3\nOOMScoreAdjust=321\n")
    files, tasks = done.items["edge.service.LimitNOFILE"], done.items["edge.service.TasksMax"]
    assert (files.state, files.reason) == ("ok", "podman sets it for the container itself")
    assert (tasks.state, tasks.at_boot) == ("readonly", None)
    assert tasks.reason.endswith(f"write PodmanArgs=--pids-limit=8000 into {FILE}")
    host.sh("systemctl restart edge.service")
    pids = all_pids_of_daemon(host)
    assert len(pids) == len(before)
    assert {host.limit(pid, "Max core file size") for pid in pids} == {("4096", "4096")}
    assert {(host.read(f"/proc/{pid}/oom_score_adj") or "").strip() for pid in pids} == {"321"}
    assert [host.limit(pid, "Max open files") for pid in pids] == before
    again = host.module({"edge.service": WANTED})
    assert not again.changed
    assert set(again.states().values()) == {"ok", "readonly"}


def test_the_way_out_works(host: Machine) -> None:
    """What an item advises, in the quadlet."""
    wanted = {"LimitNOFILE": {"value": 3000, "rule": "at_least"}, "LimitNPROC": 12345}
    reason = host.module({"edge.service": wanted}, check=True).items["edge.service.LimitNPROC"].reason
    advised = reason.partition("write ")[2].partition(" into ")[0]
    assert advised == "PodmanArgs=--ulimit=nproc=12345:12345"
    host.write(FILE, f"{QUADLET}{advised}\nPodmanArgs=--ulimit=nofile=3000:3000\n")
    host.sh("systemctl daemon-reload; systemctl restart edge.service")
    assert {host.limit(pid, "Max open files") for pid in all_pids_of_daemon(host)} == {("3000", "3000")}
    states = host.module({"edge.service": wanted}).states()
    assert (states["edge.service.LimitNOFILE"], states["edge.service.LimitNPROC"]) == ("ok", "ok")


def test_the_pools_of_a_container_are_not_the_hosts(host: Machine) -> None:
    done = host.call_module("daemon_pools", {"pools": {"edge.service": {"shared_mib": 128}}})
    (item,) = [one for one in done["items"] if one["item"] == "edge.service shared_mib"]
    assert (item["state"], done["changed"]) == ("absent", False)
    assert "starts /usr/bin/podman run: give the daemon its pools where that is defined" in item["reason"]


def test_all_goes_back(host: Machine) -> None:
    host.module({"edge.service": {}}, state="absent")
    assert host.read("/etc/systemd/system/edge.service.d/90-siptune.conf") is None
    assert daemon(host)["unit"] == "edge.service"
