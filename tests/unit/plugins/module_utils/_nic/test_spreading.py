# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of nic_link that spread packets: steering, tables of flows, sending, the hash of UDP; with their udev rules."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._host.host import HostError
from nic_cards import Card, CardHost, igb, links, predict_links, recorded, refused, virtio

AUTO = {"*": {"rps_cpus": "auto"}}


def four(tmp_path: Path, *cards: Card, isolated: str = "") -> CardHost:
    host = CardHost(tmp_path, *(cards or (igb(),)))
    host.cpus("0-3", isolated)
    return host


def rules(host: CardHost) -> str:
    return host.read_text("/etc/udev/rules.d/90-siptune-queues.rules") or ""


def test_auto_steers_to_those_that_take_no_interrupt_and_stays(tmp_path: Path) -> None:
    host = four(tmp_path, isolated="3")
    host.interrupts("eth0", {24: "0", 25: "0"})
    assert predict_links(host, AUTO).items["eth0 rps_cpus"].after == "1-2"
    item = links(host, AUTO).items["eth0 rps_cpus"]
    assert (item.state, item.wanted, item.after, item.at_boot) == ("changed", "auto", "1-2", "0-2")
    assert host.queue("eth0", "rx-1/rps_cpus") == "00000006"
    assert 'ATTR{queues/rx-1/rps_cpus}="00000007"' in rules(host)  # both interrupts may go to 1 and 2 by then
    (tmp_path / "proc/irq/24/effective_affinity_list").write_text("1\n")  # irqbalance was here
    assert not links(host, AUTO).changed
    assert links(host, {}, state="absent").changed
    assert (host.queue("eth0", "rx-0/rps_cpus"), rules(host), recorded(host)) == ("00000000", "", {})


def test_what_a_boot_brings_of_auto_stays_and_goes_back(tmp_path: Path) -> None:
    host = four(tmp_path, isolated="3")
    host.interrupts("eth0", {24: "0", 25: "0"})
    links(host, AUTO)
    host.reboot()
    for queue in ("rx-0", "rx-1"):
        (tmp_path / f"sys/class/net/eth0/queues/{queue}/rps_cpus").write_text("7\n")
    again = links(host, AUTO)
    assert (again.changed, again.items["eth0 rps_cpus"].after) == (False, "0-2")
    links(host, {}, state="absent")
    assert (host.queue("eth0", "rx-0/rps_cpus"), rules(host), recorded(host)) == ("00000000", "", {})


@pytest.mark.parametrize(
    ("online", "isolated", "present", "reason"),
    [
        ("0-1", "", "0", "not needed: 2 receive queues for 2 CPUs"),
        ("0-3", "0-3", "0", "all CPUs near the card are isolated"),
        ("0-3", "", "4", "somebody else has chosen 2"),
    ],
)
def test_auto_leaves_alone_what_needs_no_steering(
    tmp_path: Path, online: str, isolated: str, present: str, reason: str
) -> None:
    host = four(tmp_path)
    host.cpus(online, isolated)
    for queue in ("rx-0", "rx-1"):
        (tmp_path / f"sys/class/net/eth0/queues/{queue}/rps_cpus").write_text(f"{present}\n")
    result = links(host, AUTO)
    item = result.items["eth0 rps_cpus"]
    assert (item.state, item.reason, item.before) == ("kept", reason, item.after)
    assert recorded(host) == {}
    assert "#-- eth0" not in rules(host)  # but a card that appears later may need it
    assert not links(host, AUTO).changed


def test_auto_ends_where_there_are_queues_enough_by_now(tmp_path: Path) -> None:
    host = four(tmp_path)
    links(host, AUTO)
    for queue in ("rx-2", "rx-3"):
        (tmp_path / "sys/class/net/eth0/queues" / queue).mkdir()
        (tmp_path / "sys/class/net/eth0/queues" / queue / "rps_cpus").write_text("f\n")
    assert links(host, AUTO).items["eth0 rps_cpus"].after == "none"
    assert recorded(host) == {}


def test_auto_never_fails_a_call(tmp_path: Path) -> None:
    host = four(tmp_path)
    (tmp_path / "sys/class/net/eth0/queues/rx-1/rps_cpus").chmod(0o444)

    def no(path: str, text: str) -> None:
        raise refused(path, errno.EPERM)

    host.write_kernel = no  # type: ignore[method-assign]
    result = links(host, {"eth0": {"rps_cpus": "auto", "txqueuelen": 500}})
    assert result.states() == {"eth0 rps_cpus": "readonly", "eth0 txqueuelen": "changed"}
    assert "requires CAP_NET_ADMIN" in result.items["eth0 rps_cpus"].reason
    assert rules(host) == ""
    with pytest.raises(RefusedError, match=r"eth0 rps_cpus: .*requires CAP_NET_ADMIN"):
        links(host, {"eth0": {"rps_cpus": "1"}})


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM])
def test_what_a_driver_says_to_a_hash(tmp_path: Path, number: int) -> None:
    host = four(tmp_path)
    host.card("eth0").refuses[0x2A] = number
    wanted = {"eth0": {"udp_hash": "sdfn", "txqueuelen": 500}}
    if number == errno.EOPNOTSUPP:
        assert links(host, wanted).states() == {"eth0 udp_hash": "absent", "eth0 txqueuelen": "changed"}
        return
    with pytest.raises(RefusedError, match="eth0 udp_hash: the driver refused 'sdfn'"):
        links(host, wanted)
    assert host.card("eth0").txqueuelen == 1000


def test_cpus_that_cannot_be(tmp_path: Path) -> None:
    host = four(tmp_path, isolated="2-3")
    for wanted, reason in (
        ("4", "this host has the CPUs 0-3"),
        ("2-3", "isolated here: 2-3"),
    ):
        with pytest.raises(RefusedError, match=reason):
            links(host, {"eth0": {"rps_cpus": wanted}})
    item = links(host, {"eth0": {"rps_cpus": "1-3"}}).items["eth0 rps_cpus"]
    assert item.after == "1"
    assert item.reason.startswith("without isolated CPUs, to which the kernel steers nothing: 2-3")


def test_the_hash_of_udp(tmp_path: Path) -> None:
    host = four(tmp_path)
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/ethtool").touch()
    (tmp_path / "proc/net").mkdir()
    (tmp_path / "proc/net/snmp").write_text("Ip: Forwarding ReasmReqds\nIp: 1 7\nIcmp: InMsgs\nIcmp: 0\n")
    result = links(host, {"eth0": {"udp_hash": "sdfn"}})
    assert host.card("eth0").hashed_by == {2: 0b11110000, 6: 0b11110000}
    assert result.items["eth0 udp_hash"].at_boot == "sdfn"
    assert [warning.split(":")[0] for warning in result.warnings] == ["eth0 udp_hash"]
    assert "7 fragments" in result.items["eth0 udp_hash"].reason
    assert 'RUN+="/usr/sbin/ethtool -N $name rx-flow-hash udp6 sdfn"' in rules(host)
    assert not links(host, {"eth0": {"udp_hash": "sdfn"}}).changed
    links(host, {}, state="absent")
    assert (host.card("eth0").hashed_by, rules(host)) == ({2: 0b110000, 6: 0b110000}, "")


def test_a_hash_without_ethtool_lasts_until_the_boot(tmp_path: Path) -> None:
    host = four(tmp_path)
    host.card("eth0").hashed_by = {2: 0b110000}  # a driver that knows IPv4 alone
    item = links(host, {"eth0": {"udp_hash": "sdfn"}}).items["eth0 udp_hash"]
    assert (item.state, item.after, item.at_boot) == ("pending", "sdfn", None)
    assert "the program ethtool, which a rule could run, is not installed; in force until the next boot" in item.reason


def test_the_hash_of_netvsc_is_refused(tmp_path: Path) -> None:
    host = four(tmp_path, Card("eth0", "hv_netvsc"))
    host.card("eth0").hashed_by = {2: 0b11110000}
    with pytest.raises(RefusedError, match=r"eth0 udp_hash: cannot be set with hv_netvsc: .* loses fragments"):
        links(host, {"eth0": {"udp_hash": "sd"}})


def test_flows_and_senders(tmp_path: Path) -> None:
    host = four(tmp_path)
    (tmp_path / "proc/sys/net/core").mkdir(parents=True)
    (tmp_path / "proc/sys/net/core/rps_sock_flow_entries").write_text("0\n")
    wanted = {"eth0": {"rps_flow_cnt": 3000, "xps_cpus": "auto"}}
    result = links(host, wanted)
    assert (result.items["eth0 rps_flow_cnt"].after, result.items["eth0 xps_cpus"].after) == (
        "4096",
        "tx-0=0,2 tx-1=1,3",
    )
    assert "has no effect while net.core.rps_sock_flow_entries is 0" in result.items["eth0 rps_flow_cnt"].reason
    assert host.queue("eth0", "tx-1/xps_cpus") == "0000000a"
    assert 'ATTR{queues/tx-1/xps_cpus}="0000000a"' in rules(host)
    assert not links(host, wanted).changed
    assert links(host, {"eth0": {"rps_flow_cnt": 3000}}).items["eth0 xps_cpus"].after == "none"
    assert "xps" not in rules(host)


def test_a_single_transmit_queue_has_none_to_choose(tmp_path: Path) -> None:
    host = four(tmp_path, virtio())
    for queue in ("tx-0", "tx-1"):
        (tmp_path / f"sys/class/net/eth0/queues/{queue}/xps_cpus").unlink()
    item = links(host, {"eth0": {"xps_cpus": "auto"}}).items["eth0 xps_cpus"]
    assert (item.state, item.reason.split(",")[0]) == ("absent", "it has a single transmit queue")


def test_a_queue_that_is_gone_is_no_error(tmp_path: Path) -> None:
    host = four(tmp_path)
    links(host, {"eth0": {"rps_cpus": "1"}})
    for file in (tmp_path / "sys/class/net/eth0/queues/rx-1").iterdir():
        file.unlink()
    assert links(host, {}, state="absent").changed
    assert host.queue("eth0", "rx-0/rps_cpus") == "00000000"


def test_software_names_the_cards_at_its_bottom(tmp_path: Path) -> None:
    host = four(tmp_path, igb(), igb("eth1"), Card("bond0", "", kind="bond"), Card("vlan5", "", kind="vlan"))
    for upper, lower in (("bond0", "eth0"), ("bond0", "eth1"), ("vlan5", "bond0")):
        (tmp_path / f"sys/class/net/{upper}/lower_{lower}").mkdir()
    for name, kind in (("bond0", "bond"), ("vlan5", "vlan")):
        with pytest.raises(RefusedError, match=rf"{name}: is a software interface \({kind}\); .*below it: eth0, eth1"):
            links(host, {name: {"rps_cpus": "auto"}})


def test_our_rules_that_somebody_has_edited_stay(tmp_path: Path) -> None:
    host = four(tmp_path)
    links(host, {"eth0": {"rps_cpus": "1"}})
    path = tmp_path / "etc/udev/rules.d/90-siptune-queues.rules"
    path.write_text("# mine\n" + path.read_text())
    result = links(host, {}, state="absent")
    assert path.exists()
    assert any("somebody else wrote or edited it" in warning for warning in result.warnings)


def test_a_failure_takes_the_rules_back(tmp_path: Path) -> None:
    host = four(tmp_path)
    stage = host.stage

    def full(path: str, record: object) -> object:
        if path.endswith(".rules"):
            raise HostError(path, "no space left on device (ENOSPC)", errno.ENOSPC)
        return stage(path, record)  # type: ignore[arg-type]

    host.stage = full  # type: ignore[method-assign,assignment]
    with pytest.raises(RefusedError, match="no space left"):
        links(host, {"eth0": {"rps_cpus": "1"}})
    assert (host.queue("eth0", "rx-0/rps_cpus"), rules(host), recorded(host)) == ("00000000", "", {})


def test_without_a_running_udev_the_rules_wait_for_it(tmp_path: Path) -> None:
    host = four(tmp_path)
    (tmp_path / "run/udev/control").unlink()
    item = links(host, {"eth0": {"rps_cpus": "1"}, "*": {"rps_flow_cnt": 64}}).items["eth0 rps_cpus"]
    assert (item.state, item.at_boot) == ("changed", "1")
    assert "takes effect when udev adds the interface" in item.reason
    assert "later" not in rules(host)


def test_now_alone_leaves_the_rules(tmp_path: Path) -> None:
    host = four(tmp_path)
    links(host, {"eth0": {"rps_cpus": "1"}}, when="now")
    assert rules(host) == ""
    links(host, {"eth0": {"rps_cpus": "1"}}, when="boot")
    assert "#-- eth0 rps_cpus=1" in rules(host)
