# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our files and the real udev of three systemd versions: it accepts them and keeps the name; none applies early."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from machine import Machine

VERSIONS = {"bullseye": 247, "bookworm": 252, "trixie": 257}
OURS = "/etc/systemd/network/00-siptune-v0.link"
USERS = "/etc/systemd/network/10-users.link"
QUEUE = {"TransmitQueueLength": "2000"}
RX = {"RxBufferSize": "512"}

RULES = "/etc/udev/rules.d/90-siptune-queues.rules"

# A module's call, in short. Prints the verdicts, or the error.
CALL = """
import json, sys, types
for name, path in (
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", ["/srv/siptune"]),
):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine import effects as files
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import Setting
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.plan import plan
host, owner = Host(), sys.argv[1]
originals = files.read_originals(host)
settings = {"v0": {name: Setting(value, "A test.") for name, value in json.loads(sys.argv[2]).items()}}
planned = plan(observe(host, settings, originals), settings, owner)
def effects(log):
    files.store_originals(host, originals._replace(files=planned.recorded), log)
    verdicts = apply(host, planned, log)
    files.store_originals(host, originals._replace(files=planned.finalized), log)
    return {option: list(verdict) for (_, option), verdict in verdicts.items()}
try:
    print(json.dumps({"changed": planned.changed, "verdicts": all_or_nothing(effects)}))
except RefusedError as error:
    print(json.dumps({"refused": str(error), "undone": error.undone, "not_undone": error.not_undone}))
"""


@pytest.fixture
def cable(container: Machine) -> Iterator[Machine]:
    """A container with one end of a virtual Ethernet pair called v0, which udev knows."""
    container.sh(
        "rm -rf /etc/systemd/network/* /var/lib/siptune; udevadm control --reload;"
        "ip link add v0 type veth peer name v1; udevadm settle"
    )
    container.write("/root/links.py", CALL)
    yield container
    container.sh("ip link delete v1; rm -rf /etc/systemd/network/* /var/lib/siptune")


def call(machine: Machine, owner: str, **options: str) -> dict[str, Any]:
    return json.loads(machine.run("/usr/bin/python3", "/root/links.py", owner, json.dumps(options)))


def value(machine: Machine, name: str) -> str:
    return (machine.read(f"/sys/class/net/v0/{name}") or "").strip()


def applied(machine: Machine) -> str:
    """The file that the running udev names for v0, after an add event as at boot."""
    machine.sh("udevadm control --reload; udevadm trigger --action=add /sys/class/net/v0; udevadm settle")
    text = machine.read(f"/run/udev/data/n{value(machine, 'ifindex')}") or ""
    return next(line for line in text.split("\n") if line.startswith("E:ID_NET_LINK_FILE=")).partition("=")[2]


def test_udev_takes_our_file_at_the_next_add_and_not_before(cable: Machine) -> None:
    version = VERSIONS[cable.suite]
    before = (value(cable, "tx_queue_len"), value(cable, "address"))
    ring = call(cable, "nic_ring", **RX)["verdicts"]["RxBufferSize"]
    assert ring[:2] == ["changed", "512"]
    assert ring[2].startswith("unchecked") == (version == 247)
    queue = call(cable, "nic_link", **QUEUE)["verdicts"]["TransmitQueueLength"]
    assert queue[:2] == (["pending", None] if version == 247 else ["changed", "2000"])
    # udevadm of 252 applies what it tests: it was shown the naming alone.
    assert (value(cable, "tx_queue_len"), value(cable, "address")) == before
    assert not call(cable, "nic_link", **QUEUE)["changed"]
    assert applied(cable) == OURS
    assert value(cable, "tx_queue_len") == (before[0] if version == 247 else "2000")
    assert value(cable, "address") == before[1]
    assert not call(cable, "nic_ring", **RX)["changed"]  # with udev's record of our own file
    call(cable, "nic_link")
    call(cable, "nic_ring")
    assert cable.read(OURS) is None
    assert applied(cable).endswith("/99-default.link")


def test_steering_is_kept_by_our_file_or_by_our_rules(cable: Machine) -> None:
    wanted = {"interfaces": {"v0": {"rps_cpus": "0", "rps_flow_cnt": 64}}}
    result = cable.call_module("nic_link", wanted)
    assert [(item["state"], item["at_boot"]) for item in result["items"]] == [("changed", "0"), ("changed", "64")]

    def live() -> tuple[int, str]:
        return int(value(cable, "queues/rx-0/rps_cpus").replace(",", ""), 16), value(cable, "queues/rx-0/rps_flow_cnt")

    assert live() == (1, "64")
    # As a boot does.
    cable.sh("for file in rps_cpus rps_flow_cnt; do echo 0 > /sys/class/net/v0/queues/rx-0/$file; done")
    assert (applied(cable) == OURS) == (VERSIONS[cable.suite] >= 256)
    assert live() == (1, "64")
    assert not cable.call_module("nic_link", wanted)["changed"]
    assert cable.call_module("nic_link", {"state": "absent"})["changed"]
    assert (cable.read(RULES), cable.read(OURS)) == (None, None)


def test_an_interface_that_appears_later_has_what_its_glob_says(cable: Machine) -> None:
    """Only a card does: a parent with a driver is what VLANs, bridges and these cables have not."""
    cable.call_module("nic_link", {"interfaces": {"late*": {"rps_flow_cnt": 64}, "v0": {"rps_flow_cnt": 64}}})
    assert 'ENV{.SIPTUNE_NAME}=="late*", DRIVERS=="?*", TEST==' in (cable.read(RULES) or "")
    cable.sh("ip link add late0 type veth peer name late1; udevadm settle")
    assert int((cable.read("/sys/class/net/late0/queues/rx-0/rps_flow_cnt") or "").strip()) == 0
    cable.sh("ip link delete late0")
    cable.call_module("nic_link", {"state": "absent"})


def test_a_file_that_would_rename_the_interface_is_put_back(cable: Machine) -> None:
    """The user's file came after the interface had its name, and ours would repeat it."""
    cable.write(USERS, f"[Match]\nMACAddress={value(cable, 'address')}\n\n[Link]\nName=renamed0\n")
    answer = call(cable, "nic_ring", **RX)
    if VERSIONS[cable.suite] == 247:  # its udevadm prints no name: ours says what the user's file says
        assert answer["verdicts"]["RxBufferSize"][2].startswith("unchecked")
        assert "Name=renamed0" in (cable.read(OURS) or "")
        return
    assert "would rename v0 to renamed0" in answer["refused"]
    assert (answer["undone"], answer["not_undone"]) == ([], [])  # but for the item itself
    assert cable.read(OURS) is None
    assert cable.read("/var/lib/siptune/originals.json") is None


def test_the_users_own_file_wins_by_precedence(cable: Machine) -> None:
    users = "[Match]\nDriver=veth\nOriginalName=v*\n\n[Link]\nNamePolicy=keep\nTransmitQueueLength=700\nMTUBytes=1400\n"
    cable.write(USERS, users)
    answer = call(cable, "nic_link", **QUEUE, RxFlowControl="no")
    if VERSIONS[cable.suite] >= 248:
        assert answer["verdicts"]["TransmitQueueLength"][:2] == ["shadowed", "700"]
    assert cable.read(USERS) == users
    assert applied(cable) == OURS
    assert value(cable, "mtu") == "1400"
    assert value(cable, "tx_queue_len") == ("1000" if VERSIONS[cable.suite] == 247 else "700")


def test_a_mask_and_a_drop_in_count_as_udev_counts_them(cable: Machine) -> None:
    cable.sh("ln -s /dev/null /etc/systemd/network/73-usb-net-by-mac.link")
    cable.write("/etc/systemd/network/99-default.link.d/mtu.conf", "[Link]\nMTUBytes=1300\n")
    call(cable, "nic_ring", **RX)
    assert ("MTUBytes=1300" in (cable.read(OURS) or "")) == (VERSIONS[cable.suite] >= 248)
    assert applied(cable) == OURS
    assert value(cable, "mtu") == ("1500" if VERSIONS[cable.suite] == 247 else "1300")


# Writes random .link files, and compares which of them we and udev find to be the first that matches.
JUDGE = """
import os, random, subprocess, sys, types
for name, path in (
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", ["/srv/siptune"]),
):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import winner
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.udev import parse_trial
chance, host, directory = random.Random(int(sys.argv[1])), Host(), "/etc/systemd/network"
mac = open("/sys/class/net/v0/address").read().strip()
WORDS = {
    "MACAddress": [mac, mac.upper(), mac.replace(":", "-"), "00:00:00:00:00:01", "nonsense", mac[:-1]],
    "PermanentMACAddress": [mac, "00:00:00:00:00:01"],
    "Path": ["*-usb-*", "*", "pci-*"],
    "Driver": ["veth", "v*", "igb", "VETH", "v[!a]th", "v[^e]th", "ve\\\\th", '"veth"', "'v'eth"],
    "Type": ["ether", "loopback", "e*", "wlan"],
    "Kind": ["veth", "bridge", "v?th"],
    "OriginalName": ["v0", "v*", "v1", "*", "eth0", "v[0-9]", "V0"],
    "Property": ["INTERFACE=v0", "INTERFACE=v1", '"SUBSYSTEM=net"', "ID_NET_DRIVER=v*", "NONE=1", "broken"],
    "Nonsense": ["x"],
}
def section():
    lines = []
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3))):
        key = chance.choice(sorted(WORDS))
        words = [chance.choice(WORDS[key]) for _ in range(chance.choice((0, 1, 1, 1, 2)))]
        lines.append(f"{key}={chance.choice(('', '', '!'))}{' '.join(words)}")
    return "[Match]\\n" + "\\n".join(lines) + "\\n[Link]\\nDescription=x\\n"
decided = 0
for trial in range(int(sys.argv[2])):
    for name in os.listdir(directory):
        os.unlink(f"{directory}/{name}")
    for number in range(3):
        with open(f"{directory}/{chance.randint(10, 99)}-{number}.link", "w") as stream:
            stream.write(section())
    seen = observe(host, ["v0"], NOTHING)
    ours = winner(seen.files, seen.devices["v0"], seen.version, None)
    if ours.unknown is not None:
        continue
    decided += 1
    words = ["udevadm", "test-builtin", "net_setup_link", "/sys/class/net/v0"]
    said = parse_trial(subprocess.run(words, capture_output=True, text=True).stdout, "", "").file
    mine = "" if ours.file is None else ours.file.path
    if os.path.realpath(said) != os.path.realpath(mine):
        print("udev:", said, "we:", mine)
        for file in seen.files:
            print(file.path, file.texts)
        sys.exit(1)
print(decided)
"""
TRIALS = 300


def test_we_find_the_file_that_udev_finds(cable: Machine) -> None:
    cable.write("/root/judge.py", JUDGE)
    cable.sh("mkdir -p /etc/systemd/network")
    assert int(cable.run("/usr/bin/python3", "/root/judge.py", "20260101", str(TRIALS))) > TRIALS / 2
