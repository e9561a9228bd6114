# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: files for the next boot in a real chroot, and nothing of the machine that builds it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

from calls import ORIGINALS, boot, write_file
from controller import HERE, PLAIN, Run, playbook
from sandbox import MS_BIND, MS_REC, difference, dump, make_read_only, mount, read

IMAGE = "/run/image"
PYTHON = "/usr/bin/python3"  # of the image, which has this machine's /usr
INSIDE = {
    **PLAIN,
    "ansible_connection": "community.general.chroot",
    "ansible_host": IMAGE,
    "ansible_python_interpreter": PYTHON,
    "siptune_boot_only": True,
}
# The sandbox, as far as it is known before it boots.
MACHINE = {
    "memory": "16G",
    "processors": 8,
    "swap": "none",
    "forwarding": False,
    "interfaces": ["sip0", {"name": "rtp0.200", "default_route": True}, {"name": "enp0s2", "driver": "igb"}],
}
NETWORK = "/etc/sysctl.d/90-siptune-network.conf"
DROP_IN = "/etc/systemd/system/kamailio.service.d/90-siptune.conf"
DEFAULTS = "/etc/default/kamailio"
LINK = "/etc/systemd/network/00-siptune-enp0s2.link"
WRITTEN = {
    NETWORK,
    "/etc/sysctl.d/90-siptune-memory.conf",
    "/etc/sysctl.d/90-siptune-security.conf",
    DROP_IN,
    LINK,
    ORIGINALS,
}
BOUND = ("null", "urandom")
LINKS = ("bin", "lib", "lib64", "sbin")
DIRECTORIES = ("usr", "etc/systemd/system", "etc/sysctl.d", "etc/udev/rules.d", "var/lib", "tmp", "run", "dev")


def build() -> None:
    """A tree with this machine's /usr, read-only as that of rpm-ostree and bootc, and an /etc of its own.

    It has no /etc/os-release, no /proc and no /sys.
    """
    for name in DIRECTORIES:
        os.makedirs(f"{IMAGE}/{name}")
    mount("/usr", f"{IMAGE}/usr", flags=MS_BIND | MS_REC)
    make_read_only(f"{IMAGE}/usr")
    for name in LINKS:
        os.symlink(f"usr/{name}", f"{IMAGE}/{name}")
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", f"{IMAGE}/etc/{name}")
    for name in BOUND:
        Path(f"{IMAGE}/dev/{name}").touch()
        mount(f"/dev/{name}", f"{IMAGE}/dev/{name}", flags=MS_BIND)
    unit = f"[Service]\nEnvironmentFile=-{DEFAULTS}\nExecStart=/usr/sbin/kamailio -m $SHM_MEMORY -M $PKG_MEMORY\n"
    write_file(f"{IMAGE}/etc/systemd/system/kamailio.service", unit)
    write_file(f"{IMAGE}{DEFAULTS}", "SHM_MEMORY=64\nPKG_MEMORY=8\n")


def run(name: str, *words: str, **variables: Any) -> Run:
    return playbook(f"siptune.linux.{name}", {"image": {**INSIDE, **variables}}, *words)


def files() -> dict[str, tuple[int, bytes]]:
    """The files below the image's /etc and /var, with their modes and texts."""
    paths = [
        Path(parent, name) for top in ("etc", "var") for parent, _, names in os.walk(f"{IMAGE}/{top}") for name in names
    ]
    return {str(path)[len(IMAGE) :]: (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) for path in paths}


def said(done: Run) -> str:
    return " ".join(done.output.split())


def test_an_image_gets_files_and_the_machine_that_builds_it_is_not_touched() -> None:
    build()
    machine, bare = dump(), files()
    predicted = run("site", "--check", "--diff", siptune_machine=MACHINE)
    assert predicted.status == 0, predicted.output
    assert files() == bare
    done = run("site", siptune_machine=MACHINE, siptune_capacity={"registrations": 20000})
    assert done.status == 0, done.output
    assert "(an image: files for the next boot, and nothing live)" in done.output
    assert set(files()) - set(bare) == WRITTEN
    assert b"LimitNOFILE=65536:524288\n" in files()[DROP_IN][1]
    assert b"net.core.rmem_max = 16777216\n" in files()[NETWORK][1]
    assert b"Property=ID_NET_NAME_PATH=enp0s2\nPath=!*-usb-*\nDriver=igb\n" in files()[LINK][1]
    assert re.search(rb"^RxBufferSize=[0-9]+$", files()[LINK][1], re.MULTILINE)
    assert "udev cannot know a card by this name before it has it; give its mac" in said(done)
    assert re.search(rb"^SHM_MEMORY=1[0-9]{2}$", files()[DEFAULTS][1], re.MULTILINE)
    tuned = files()
    again = run("site", siptune_machine=MACHINE, siptune_capacity={"registrations": 20000})
    assert "changed=0" in again.output, again.output
    assert files() == tuned
    back = run("rollback")
    assert back.status == 0, back.output
    assert files() == bare
    assert difference(machine, dump()) == {}
    assert not os.path.exists(f"{IMAGE}/run/siptune.lock")


def test_what_nobody_has_given_is_left_to_the_booted_host() -> None:
    build()
    done = run("site", ansible_python_interpreter="auto_silent")  # which looks for /etc/os-release
    assert done.status == 0, done.output
    text = files()[NETWORK][1]
    assert b"net.core.rmem_max" not in text
    assert b"net.core.somaxconn = 4096\n" in text
    left = "left to a run on the booted host: its size depends on siptune_machine"
    for field in ("memory", "interfaces", "forwarding"):
        assert f"{left}.{field}, which is not given" in said(done)


OPENED = re.compile(r'open(?:at)?\((?:AT_FDCWD, )?"(/(?:proc|sys|run)/[^"]*)"')
# How a file is opened that was pinned before, what it is mounted on, and what libselinux looks for as Python loads it:
# all of the module's own process.
OWN = re.compile(r"/proc/self/(fd|fdinfo)/[0-9]+|/proc/(filesystems|self/mounts)|/run/ansible/.*")
TRACE = "/tmp/trace"
TRACED = f"""\
#!/bin/sh
exec strace -f -o {TRACE}.$$ -e trace=open,openat,execve,socket,ioctl,prlimit64,setpriority,kill {PYTHON} "$@"
"""


def test_the_machine_that_builds_the_image_is_not_even_asked() -> None:
    """With all of it mounted in the image, and systemd running to all appearance."""
    build()
    for name in ("proc", "sys"):
        os.makedirs(f"{IMAGE}/{name}")
        mount(f"/{name}", f"{IMAGE}/{name}", flags=MS_BIND | MS_REC)
    os.makedirs(f"{IMAGE}/run/systemd/system")
    write_file(f"{IMAGE}/tmp/python", TRACED)
    os.chmod(f"{IMAGE}/tmp/python", 0o755)
    for name in ("site", "audit", "rollback"):
        done = run(name, siptune_machine=MACHINE, ansible_python_interpreter="/tmp/python")
        assert done.status == 0, done.output
        calls = "".join(path.read_text(errors="replace") for path in Path(f"{IMAGE}/tmp").glob("trace.*"))
        assert "90-siptune-network.conf" in calls
        assert [path for path in OPENED.findall(calls) if not OWN.fullmatch(path)] == []
        for word in ("AF_NETLINK", "SIOCETHTOOL", "systemctl", "udevadm", "nmcli", "setpriority(", "kill("):
            assert word not in calls
        assert [line for line in calls.splitlines() if "prlimit64(" in line and not re.search(r", NULL, ", line)] == []


def boots() -> None:
    """Make this sandbox the host that has booted the image: with its files, and what systemd-sysctl makes of them."""
    for top in ("etc", "var/lib/siptune"):
        shutil.copytree(f"{IMAGE}/{top}", f"/{top}", dirs_exist_ok=True)
    boot()


# In a child network namespace these are read-only, and those of the whole machine are not the sandbox's.
BUFFERS = ("net.core.rmem_max", "net.core.rmem_default", "net.core.wmem_max")
# A real boot sets these before its interfaces have addresses, so that they take them over. The sandbox has its already.
TAKEN_OVER = ("net.ipv4.conf.default.rp_filter", "net.ipv4.conf.default.accept_source_route")
# By the SIP daemons that the sandbox sees, which may be anybody's on this machine.
BY_DAEMONS = ("net.ipv4.ip_local_reserved_ports",)
NOT_HERE = {"siptune_network_sysctl": dict.fromkeys((*BUFFERS, *TAKEN_OVER, *BY_DAEMONS))}


def test_the_booted_host_has_what_the_image_says_and_knows_the_way_back() -> None:
    build()
    fresh = {key: read(key) for key in ("net/ipv4/conf/sip0/accept_redirects", "net/ipv4/conf/all/send_redirects")}
    assert set(fresh.values()) == {"1"}
    tags = ("--tags", "network")
    assert run("site", *tags, siptune_machine=MACHINE, **NOT_HERE).status == 0
    boots()
    assert {read(key) for key in fresh} == {"0"}
    booted = dump()
    host = {"target": {**HERE, **NOT_HERE}}
    done = playbook("siptune.linux.site", host, *tags)
    assert done.status == 0, done.output
    assert "changed=0" in done.output, done.output
    assert difference(booted, dump()) == {}
    back = playbook("siptune.linux.rollback", host, *tags)
    assert back.status == 0, back.output
    assert "goes back with the next boot: it was set by the image, so that no value from before is on record" in said(
        back
    )
    assert not os.path.exists(NETWORK)
    assert not os.path.exists(ORIGINALS)
    assert {read(key) for key in fresh} == {"0"}


def test_an_audit_of_an_image_compares_files_alone() -> None:
    build()
    assert run("site", siptune_machine=MACHINE).status == 0
    os.unlink(f"{IMAGE}/etc/sysctl.d/90-siptune-memory.conf")
    done = run("audit", siptune_machine=MACHINE)
    assert done.status == 0, done.output
    assert "drift vm.max_map_count: not written down for the next boot, wanted" in said(done)
    (host,) = json.loads(Path("/run/siptune-audit.json").read_text(encoding="utf-8"))["hosts"]
    assert host["boot_only"] is True
    assert {item["live"] for item in host["items"]} == {"not looked at"}
    assert host["counters"]["list"] == []


def test_the_inventory_may_calculate_with_what_is_given() -> None:
    build()
    ports = ["{{ ansible_facts.siptune_host.processors + 8000 }}"]
    done = run("site", siptune_machine=MACHINE, siptune_network_reserved_ports=ports)
    assert done.status == 0, done.output
    assert b"ip_local_reserved_ports = 5060-5061,8008\n" in files()[NETWORK][1]


def test_what_an_image_cannot_have_is_refused_before_it_is_touched() -> None:
    build()
    bare = files()
    rolling = run("rolling")
    assert rolling.status != 0
    assert "siptune_boot_only: is true for image. An image carries no calls" in said(rolling)
    slip = run("site", siptune_machine={"memory": "16 apples"})
    assert slip.status != 0
    assert "siptune_machine.memory: must be a size such as 16G, or bytes, not '16 apples'" in said(slip)
    nobody = run("site", siptune_machine={**MACHINE, "interfaces": ["../sip0"]})
    assert nobody.status != 0
    assert "siptune_machine.interfaces: '../sip0' is no name of an interface" in said(nobody)
    other = run("site", siptune_machine=MACHINE, siptune_network_nic_rings={"enp0s2": {"rx": -1}})
    assert other.status != 0
    assert "cannot be -1: allowed are 1 to" in said(other)
    assert files() == bare
