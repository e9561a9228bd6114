# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nic_ring and nic_link on the real kernel's software interfaces: veth pairs, bridges, bonds, VLANs and taps.

Cards, and how their drivers round, are tested with models of drivers, and in the virtual machine.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.machine import systemd_version
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import (
    OPTIONS as LINK_OPTIONS_OF_BOOT,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK
from ansible_collections.siptune.linux.plugins.modules import nic_link, nic_ring
from calls import ORIGINALS, call, originals, write_file
from nics import MAY_FLAP, SOFTWARE, make_interfaces, states, sys_net, there, whole_host
from sandbox import difference, ip
from tracing import STARTING, calls_of

OWN_WORK_MILLISECONDS = 20  # of CPU time
DEFAULTS = {name: argument["default"] for name, argument in NIC_LINK.argument_spec.items()}
LINK_FILE = "/etc/systemd/network/00-siptune-sip0.link"
RULES = "/etc/udev/rules.d/90-siptune-queues.rules"


def test_there_and_back() -> None:
    make_interfaces()
    start = whole_host()
    floor = {"value": 1500, "rule": "at_least"}
    wanted = {"sip0": {"txqueuelen": 2000, "rps_cpus": "all"}, "rtp0": {"txqueuelen": floor}}
    predicted = call(nic_link, check=True, interfaces=wanted)
    assert predicted["changed"]
    assert difference(start, whole_host()) == {}

    first = call(nic_link, interfaces=wanted)
    assert [item["after"] for item in first["items"]] == [item["after"] for item in predicted["items"]]
    # Without an option for steering in the .link files of this systemd, there is a rule.
    by_link = (systemd_version(Host()) or 0) >= LINK_OPTIONS_OF_BOOT["ReceivePacketSteeringCPUMask"].since
    assert set(states(first).values()) == {"changed"}
    assert ("ReceivePacketSteeringCPUMask" in Path(LINK_FILE).read_text(encoding="utf-8")) == by_link
    assert os.path.exists(RULES) != by_link
    assert (sys_net("sip0/tx_queue_len"), sys_net("rtp0/tx_queue_len")) == ("2000", "1500")
    assert int(sys_net("sip0/queues/rx-0/rps_cpus").replace(",", ""), 16) == (1 << os.cpu_count()) - 1
    assert "TransmitQueueLength=2000\n" in Path(LINK_FILE).read_text(encoding="utf-8")
    assert originals()["links"]["sip0"]["txqueuelen"]["found"] == "1000"

    assert not call(nic_link, interfaces=wanted)["changed"]
    assert call(nic_link, state="absent")["changed"]
    assert difference(start, whole_host()) == {}
    assert not call(nic_link, state="absent")["changed"]


def test_dropped_options_go_back_unless_somebody_else_has_set_them() -> None:
    make_interfaces()
    call(nic_link, interfaces={"sip0": {"txqueuelen": 2000}, "rtp0": {"txqueuelen": 2000}})
    ip("link", "set", "rtp0", "txqueuelen", "77")
    result = call(nic_link, interfaces={})
    assert states(result) == {"sip0 txqueuelen": "changed", "rtp0 txqueuelen": "kept"}
    assert (sys_net("sip0/tx_queue_len"), sys_net("rtp0/tx_queue_len")) == ("1000", "77")
    assert not os.path.exists(ORIGINALS)


def test_rings_of_interfaces_without_rings() -> None:
    make_interfaces()
    start = whole_host()
    result = call(nic_ring, interfaces={"sip0": {"rx": "max"}, "*": {"rx": "max"}, "driver:igb": {"tx": 1024}})
    assert states(result) == {"sip0 rx": "absent", "* rx": "absent", "driver:igb tx": "absent"}
    assert not result["changed"]
    assert difference(start, whole_host()) == {}


@pytest.mark.parametrize("module", [nic_ring, nic_link], ids=["nic_ring", "nic_link"])
def test_software_interfaces_are_refused_by_name_and_skipped_by_globs(module: ModuleType) -> None:
    make_interfaces()
    start = whole_host()
    options = {"rx": 512} if module is nic_ring else {"txqueuelen": 512}
    assert {"br0", "tap0", "lo"} <= set(there(SOFTWARE))
    for name in there(SOFTWARE):
        result = call(module, interfaces={name: options})
        assert result.get("failed"), name
        assert result["msg"].startswith(f"{name}: is a software interface ("), result["msg"]
        assert result["msg"].endswith("Nothing was changed.")
    assert set(states(call(module, interfaces={"*": options, "br*": options})).values()) == {"absent"}
    assert difference(start, whole_host()) == {}


BAD = [
    ({"nosuch0": {"txqueuelen": 5}}, "nosuch0: no such interface; available: "),
    ({"../sip0": {"txqueuelen": 5}}, "invalid interface name"),
    ({"sip 0": {"txqueuelen": 5}}, "invalid interface name"),
    ({"a" * 16: {"txqueuelen": 5}}, "more than 15 characters"),
    ({"sip0": {"txqueuelen": 32768}}, "allowed are 0 to 32767"),
    ({"sip0": {"txqueuelen": -1}}, "cannot be -1: allowed are 0 to"),
    ({"sip0": {"rps_cpus": "8000"}}, "this host has the CPUs"),
    ({"sip0": {"rps_cpus": ""}}, "sip0 rps_cpus: cannot be ''"),
    ({"sip0": {"xps_cpus": "0-8000"}}, "this host has the CPUs"),
    ({"sip0": {"irq_cpus": "auto"}}, "give a list of CPUs such as 0-3,8, or all or none"),
    ({"sip0": {"udp_hash": "s"}}, "it is sd for the addresses alone, or sdfn"),
    ({"sip0": {"rps_flow_cnt": 2**20 + 1}}, "allowed are 0 to 1048576"),
    ({"br0": {"rps_cpus": 0}}, "br0: is a software interface (bridge); name the hardware below it"),
    ({"sip0": {"channels_rx": 9999}}, "the hardware's maximum is"),
    ({"sip*": {"txqueuelen": 5, "rx": 9}}, "no such option: rx"),
]


@pytest.mark.parametrize(("interfaces", "message"), BAD)
def test_bad_input_is_an_error_and_changes_nothing(interfaces: dict[str, Any], message: str) -> None:
    make_interfaces()
    start = whole_host()
    result = call(nic_link, interfaces={"rtp0": {"txqueuelen": 2000}, **interfaces}, **MAY_FLAP)
    assert result.get("failed")
    assert message in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert difference(start, whole_host()) == {}


def test_a_refused_file_undoes_the_interface() -> None:
    make_interfaces()
    os.rmdir("/etc/systemd/network")
    os.symlink("/run", "/etc/systemd/network")
    start = whole_host()
    result = call(nic_link, interfaces={"sip0": {"txqueuelen": 2000}})
    assert result.get("failed"), result
    assert difference(start, whole_host()) == {}


def test_channels_of_a_veth_pair_are_set_only_if_they_may_flap() -> None:
    make_interfaces()
    ip("link", "add", "big0", "numrxqueues", "2", "numtxqueues", "2", "type", "veth", "peer", "name", "big1")
    ip("link", "set", "big0", "up")
    assert there(["big0"])
    wanted = {"big0": {"channels_rx": 1}}
    assert states(call(nic_link, interfaces=wanted, when="now")) == {"big0 channels_rx": "pending"}
    result = call(nic_link, interfaces=wanted, **MAY_FLAP, when="now")
    (item,) = result["items"]
    assert (item["before"], item["after"], item["state"]) == ("2", "1", "changed"), item
    assert not call(nic_link, interfaces=wanted, **MAY_FLAP, when="now")["changed"]


REFUSED = [
    pytest.param(nic_ring, {"sip0": {"rx": 512}}, "sip0 rx is absent: its driver has no rings", id="option"),
    pytest.param(nic_link, {"nic*": {"txqueuelen": 5}}, "nic* txqueuelen is absent: no hardware interface", id="glob"),
]


@pytest.mark.parametrize(("module", "interfaces", "message"), REFUSED)
def test_missing_fail_fails_before_anything_is_changed(module: ModuleType, interfaces, message: str) -> None:
    make_interfaces()
    start = whole_host()
    others = {"rtp0": {"txqueuelen": 2000}} if module is nic_link else {}
    assert not call(module, interfaces={**interfaces, **others}, check=True).get("failed")
    for check in (True, False):
        result = call(module, interfaces={**interfaces, **others}, missing="fail", check=check)
        assert result.get("failed"), result
        assert message in result["msg"]
        assert result["msg"].endswith("Nothing was changed.")
        assert difference(start, whole_host()) == {}
    assert not call(module, interfaces={**interfaces, **others}).get("failed")
    assert not call(module, state="absent", missing="fail").get("failed")
    assert difference(start, whole_host()) == {}


def test_shadowed_fail_fails_before_anything_is_changed() -> None:
    make_interfaces()
    write_file("/etc/systemd/network/10-users.link", "[Match]\nDriver=veth\n\n[Link]\nTransmitQueueLength=700\n")
    start = whole_host()
    result = call(nic_link, interfaces={"sip0": {"txqueuelen": 2000}}, shadowed="fail")
    assert result.get("failed"), result
    assert "sip0 txqueuelen is shadowed: /etc/systemd/network/10-users.link line 5 sets" in result["msg"]
    assert difference(start, whole_host()) == {}
    assert states(call(nic_link, interfaces={"sip0": {"txqueuelen": 2000}}, when="now", shadowed="fail")) == {
        "sip0 txqueuelen": "changed"
    }


FOUR = ("sip0", "rtp0", "sip0.100", "rtp0.200")


def work(length: int) -> None:
    """A call for four interfaces, without Ansible around it: observe, plan, apply, confirm."""
    wanted = {name: {"txqueuelen": length, "rps_cpus": "0"} for name in FOUR}
    prepared = NIC_LINK.call({**DEFAULTS, "interfaces": wanted})
    all_or_nothing(lambda log: prepared.run(Host(), False, log))


def test_no_process_is_started_but_to_ask_udev_of_a_new_file() -> None:
    make_interfaces()
    programs = [call.line for call in calls_of(lambda: work(2000), STARTING) if call.name == "execve"]
    assert all("udevadm" in line for line in programs), programs
    assert calls_of(lambda: work(2000), STARTING) == []


def test_the_work_of_four_interfaces_is_quick() -> None:
    make_interfaces()
    taken = []
    for length in range(2000, 2010):
        start = time.process_time()
        work(length)
        taken.append(time.process_time() - start)
    assert {sys_net(f"{name}/tx_queue_len") for name in FOUR} == {"2009"}
    assert min(taken) * 1000 < OWN_WORK_MILLISECONDS, taken


MANY = {f"many{number}": {"rps_cpus": "0", "xps_cpus": "auto", "rps_flow_cnt": 512} for number in range(4)}


def test_the_work_of_four_interfaces_of_sixteen_queues_is_quick() -> None:
    make_interfaces()
    for name in MANY:
        ip("link", "add", name, "numrxqueues", "16", "numtxqueues", "16", "type", "veth", "peer", f"{name}p")
    start = whole_host()
    assert set(states(call(nic_link, interfaces=MANY)).values()) == {"changed"}
    taken = []
    for _run in range(5):
        begun = time.process_time()
        prepared = NIC_LINK.call({**DEFAULTS, "interfaces": MANY})
        all_or_nothing(lambda log, prepared=prepared: prepared.run(Host(), False, log))
        taken.append(time.process_time() - begun)
    assert sys_net("many3/queues/rx-15/rps_flow_cnt") == "512"
    call(nic_link, state="absent")
    assert difference(start, whole_host()) == {}
    assert min(taken) * 1000 < OWN_WORK_MILLISECONDS, taken


def test_software_names_what_is_below_it() -> None:
    make_interfaces()
    ip("link", "set", "sip0", "master", "br0")
    result = call(nic_link, interfaces={"br0": {"rps_cpus": "auto"}})
    assert result["msg"].startswith("br0: is a software interface (bridge); name the hardware below it: sip0")
