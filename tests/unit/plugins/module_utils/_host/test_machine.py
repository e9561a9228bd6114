# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine is, from text captured on metal, virtual machines and containers."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.machine import (
    FIRST_NAMESPACES,
    MachineEvidence,
    Swap,
    Virtualization,
    child_network_namespace,
    forwarding,
    identify_container,
    identify_machine,
    parse_memory_bytes,
    parse_namespace,
    parse_swaps,
    parse_systemd_version,
    processors,
    swap_spaces,
    systemd_version,
    udp_mem_pages,
    virtualization,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import ProcessNames
from hypothesis import given
from hypothesis import strategies as st

ALL_PROCESSES = ProcessNames({1: "systemd"}, complete=True)
OWN_PROCESSES = ProcessNames({4711: "python3"}, complete=False)


def tree(root: Path, files: dict[str, str]) -> Host:
    for path, text in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Host(str(root))


# --- memory, processors, swap ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("meminfo", "expected"),
    [
        ("MemTotal:       24684092 kB\nMemFree:        24475292 kB\n", 24684092 * 1024),
        ("MemFree:        24475292 kB\n", None),
        ("MemTotal:       24684092 MB\n", None),
        ("", None),
    ],
    ids=["Debian 12", "no total", "another unit", "empty"],
)
def test_memory(meminfo: str, expected: int | None) -> None:
    assert parse_memory_bytes(meminfo) == expected


@pytest.mark.parametrize(
    ("online", "expected"), [("0-1\n", 2), ("0\n", 1), ("0,2,4-5\n", 4), ("", None), ("0-x\n", None), (None, None)]
)
def test_processors(tmp_path: Path, online: str | None, expected: int | None) -> None:
    files = {} if online is None else {"/sys/devices/system/cpu/online": online}
    assert processors(tree(tmp_path, files)) == expected


SWAPS = """Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/dm-1                               partition\t999420\t\t0\t\t-2
/dev/zram0                              partition\t8388604\t\t512\t\t100
/var/swap\\040file                       file\t\t2097148\t\t0\t\t-3
/dev/nbd0                               remote\t\t4\t\t0\t\t-4
"""


@pytest.mark.parametrize(
    ("swaps", "expected"),
    [
        (
            SWAPS,
            [
                Swap("/dev/dm-1", "disk", 999420 * 1024),
                Swap("/dev/zram0", "zram", 8388604 * 1024),
                Swap("/var/swap file", "file", 2097148 * 1024),
                Swap("/dev/nbd0", "other", 4096),
            ],
        ),
        ("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", []),
        ("", None),
        ("Filename\n/dev/sda2 partition unknown 0 -1\n", None),
    ],
    ids=["each kind", "none", "unreadable", "a line not understood"],
)
def test_swap(swaps: str, expected: list[Swap] | None) -> None:
    assert parse_swaps(swaps) == expected


# --- systemd ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["libsystemd-shared-252.so", "libsystemd-core-252.so"], 252),
        (["libsystemd-shared-257.5-2.so"], 257),
        (["libsystemd-shared-247.so", "libsystemd-shared-252.so"], 252),
        (["libsystemd-shared.so", "systemd", "libsystemd-shared-9x.so"], None),
        ([], None),
    ],
    ids=["Debian", "release in the name", "two during an upgrade", "no version", "nothing"],
)
def test_systemd_version_in_names(names: list[str], expected: int | None) -> None:
    assert parse_systemd_version(names) == expected


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("/lib/systemd/libsystemd-shared-247.so", 247),
        ("/usr/lib/systemd/libsystemd-shared-239.so", 239),
        ("/usr/lib64/systemd/libsystemd-shared-252-32.el9.so", 252),
        ("/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so", 257),
        ("/usr/lib/arm-linux-gnueabihf/systemd/libsystemd-shared-252.so", 252),
    ],
    ids=["Debian 11", "RHEL 8", "RHEL 9", "Debian 13", "Debian 12 on ARM"],
)
def test_systemd_version_of_a_host(tmp_path: Path, library: str, expected: int) -> None:
    assert systemd_version(tree(tmp_path, {"/usr/lib/systemd/systemd": "", library: ""})) == expected


def test_a_library_alone_is_no_systemd(tmp_path: Path) -> None:
    library = "/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so"
    assert systemd_version(tree(tmp_path, {library: ""})) is None


# --- container, virtual machine or metal -----------------------------------------------------

CHILD = {**FIRST_NAMESPACES, "pid": 4026532211}


@pytest.mark.parametrize(
    ("namespaces", "private_mounts", "declared", "markers", "expected"),
    [
        (CHILD, False, "lxc", [], ("container", "lxc")),
        (CHILD, False, "", ["podman", "docker"], ("container", "podman")),
        (CHILD, False, "", [], ("container", None)),
        (FIRST_NAMESPACES, False, "", [], None),
        (FIRST_NAMESPACES, False, "", ["docker"], None),
        (FIRST_NAMESPACES, True, "", ["docker"], ("container", "docker")),
        (FIRST_NAMESPACES, True, "", [], None),
        ({**FIRST_NAMESPACES, "uts": 4026532300}, False, "", ["podman"], ("container", "podman")),
        (dict.fromkeys(FIRST_NAMESPACES), False, "", ["docker"], ("container", "docker")),
        (dict.fromkeys(FIRST_NAMESPACES), False, "", [], None),
    ],
    ids=[
        "declared by its manager",
        "two markers",
        "child namespace without a marker",
        "machine",
        "container image booted as a machine",
        "container that shares all but the mounts",
        "service with mounts of its own",
        "container that shares the processes",
        "marker and no namespaces to compare",
        "nothing known",
    ],
)
def test_container(
    namespaces: dict, private_mounts: bool, declared: str, markers: list[str], expected: tuple | None
) -> None:
    found = identify_container(namespaces, private_mounts, declared, markers)
    assert found == (Virtualization(*expected) if expected else None)


X86_METAL = "cpu:type:x86,ven0000fam0006mod009E:feature:,0000,0001,009D,00C0\n"
X86_GUEST = "cpu:type:x86,ven0002fam0019mod0001:feature:,0000,0001,009D,009E,009F,00C0\n"
ARM = "cpu:type:aarch64:feature:,0000,0001,0002,009F\n"


def evidence(
    *dmi: str,
    clocksources: str | None = None,
    modalias: str | None = None,
    device_tree: str | None = None,
    xen: str | None = None,
) -> MachineEvidence:
    return MachineEvidence(dmi, clocksources, modalias, device_tree, xen)


@pytest.mark.parametrize(
    ("given_evidence", "expected"),
    [
        (
            evidence("ThinkPad T14\n", "LENOVO\n", clocksources="tsc hpet acpi_pm \n", modalias=X86_METAL),
            ("metal", None),
        ),
        (evidence("", "", clocksources="tsc kvm-clock \n", modalias=X86_GUEST), ("vm", "kvm")),
        (evidence("Standard PC\n", "QEMU\n", clocksources="tsc hpet \n", modalias=X86_GUEST), ("vm", "qemu")),
        (evidence("Standard PC\n", "QEMU\n", clocksources="kvm-clock tsc\n", modalias=X86_GUEST), ("vm", "kvm")),
        (evidence("VMware Virtual Platform\n", clocksources="tsc\n", modalias=X86_GUEST), ("vm", "vmware")),
        (evidence("", clocksources="hyperv_clocksource_tsc_page tsc\n", modalias=X86_GUEST), ("vm", "microsoft")),
        (evidence("VirtualBox\n", "innotek GmbH\n", modalias=X86_METAL), ("vm", "oracle")),
        (evidence("ORACLE SERVER X9-2\n", "Oracle Corporation\n", modalias=X86_METAL), ("metal", None)),
        (evidence("m5.metal\n", "Amazon EC2\n", modalias=X86_METAL), ("metal", None)),
        (evidence("m5.large\n", "Amazon EC2\n", clocksources="kvm-clock\n", modalias=X86_GUEST), ("vm", "kvm")),
        (evidence("c7g.large\n", "Amazon EC2\n", modalias=ARM), ("vm", "amazon")),
        (evidence("c7g.metal\n", "Amazon EC2\n", modalias=ARM), ("metal", None)),
        (evidence("Unknown\n", modalias=X86_GUEST), ("vm", None)),
        (evidence("PowerEdge\n", clocksources="xen tsc\n", modalias=X86_GUEST, xen="control_d\n"), ("metal", None)),
        (evidence("HVM domU\n", "Xen\n", clocksources="xen tsc\n", modalias=X86_GUEST, xen=""), ("vm", "xen")),
        (evidence("", device_tree="linux,kvm\0", modalias=ARM), ("vm", "kvm")),
        (evidence("", device_tree="acme,hypervisor\0"), ("vm", None)),
        (evidence("", device_tree="linux,dummy-virt", modalias=ARM), ("vm", "qemu")),
        (evidence("KVM Virtual Machine\n", "QEMU\n", modalias=ARM), ("vm", "kvm")),
        (evidence("Altra\n", "Ampere\n", modalias=ARM), ("metal", None)),
        (evidence("", "", modalias=ARM), (None, None)),
        (evidence(), (None, None)),
    ],
    ids=[
        "laptop",
        "Firecracker, no DMI",
        "QEMU emulating",
        "QEMU with KVM",
        "VMware",
        "Hyper-V",
        "VirtualBox that hides",
        "Oracle server",
        "EC2 metal",
        "EC2 guest",
        "EC2 guest on ARM",
        "EC2 metal on ARM",
        "unknown hypervisor",
        "Xen dom0",
        "Xen domU",
        "ARM guest by device tree",
        "unknown hypervisor by device tree",
        "QEMU's board without firmware",
        "ARM guest by DMI",
        "ARM server",
        "ARM without DMI",
        "nothing",
    ],
)
def test_machine(given_evidence: MachineEvidence, expected: tuple) -> None:
    assert identify_machine(given_evidence) == Virtualization(*expected)


@pytest.mark.parametrize(
    ("link", "expected"), [("pid:[4026531836]", 4026531836), ("pid:[]", None), ("/dev/null", None), (None, None)]
)
def test_namespace(link: str | None, expected: int | None) -> None:
    assert parse_namespace(link) == expected


def link_namespaces(root: Path, process: str, **inodes: int) -> None:
    directory = root / "proc" / process / "ns"
    directory.mkdir(parents=True)
    for name, inode in inodes.items():
        (directory / name).symlink_to(f"{name}:[{inode}]")


def test_a_podman_container(tmp_path: Path) -> None:
    link_namespaces(tmp_path, "self", **CHILD, mnt=4026532210)
    link_namespaces(tmp_path, "1", **CHILD, mnt=4026532210)
    host = tree(tmp_path, {"/proc/1/environ": "PATH=/bin\0container=podman\0", "/run/.containerenv": ""})
    assert virtualization(host) == Virtualization("container", "podman")


def test_an_image_with_a_marker_that_runs_as_a_virtual_machine(tmp_path: Path) -> None:
    link_namespaces(tmp_path, "self", **FIRST_NAMESPACES, mnt=4026531832)
    host = tree(tmp_path, {"/.dockerenv": "", "/sys/devices/system/cpu/modalias": X86_GUEST})
    assert virtualization(host) == Virtualization("vm", None)
    link_namespaces(tmp_path, "1", mnt=4026532999)
    assert virtualization(host) == Virtualization("container", "docker")


def test_a_host_that_tells_nothing(tmp_path: Path) -> None:
    assert virtualization(Host(str(tmp_path))) == Virtualization(None, None)


# --- one key each ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/proc/sys/net/core/somaxconn": "4096\n"}, True),
        ({"/proc/sys/net/core/somaxconn": "4096\n", "/proc/sys/net/core/netdev_max_backlog": "1000\n"}, False),
        ({"/proc/sys/vm/swappiness": "60\n"}, None),
    ],
    ids=["child", "first", "no /proc/sys/net"],
)
def test_network_namespace(tmp_path: Path, files: dict[str, str], expected: bool | None) -> None:
    assert child_network_namespace(tree(tmp_path, files)) is expected


@pytest.mark.parametrize(("text", "expected"), [("1\n", True), ("0\n", False), ("", None)])
def test_forwarding(tmp_path: Path, text: str, expected: bool | None) -> None:
    assert forwarding(tree(tmp_path, {"/proc/sys/net/ipv4/ip_forward": text})) is expected


def test_a_swap_file_with_a_strange_name_keeps_its_bytes(tmp_path: Path) -> None:
    host = tree(tmp_path, {"/proc/swaps": ""})
    (tmp_path / "proc/swaps").write_bytes(b"Filename Type\n/sw\xff\xfep file 1024 0 -2\n")
    assert swap_spaces(host) == [Swap("/sw\udcff\udcfep", "file", 1048576)]


@given(text=st.text())
def test_arbitrary_text_never_raises(text: str) -> None:
    for parse in (parse_memory_bytes, parse_swaps, parse_namespace):
        parse(text)
    parse_memory_bytes("MemTotal: " + text + " kB")
    parse_swaps("Filename\n" + text)
    parse_systemd_version([text, f"libsystemd-shared-{text}.so"])
    identify_machine(evidence(text, clocksources=text, modalias=":type:x86" + text, device_tree=text, xen=text))


@given(digits=st.text("0123456789", min_size=1, max_size=5000))
def test_a_number_of_any_length_never_raises(digits: str) -> None:
    parse_memory_bytes(f"MemTotal: {digits} kB\n")
    parse_swaps(f"Filename\n/dev/sda1 partition {digits} 0 -1\n")
    parse_namespace(f"pid:[{digits}]")
    parse_systemd_version([f"libsystemd-shared-{digits}.so"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("188082\t250779\t376164\n", [188082, 250779, 376164]),
        ("1 2\n", None),
        ("1 2 3 4\n", None),
        ("1 x 3\n", None),
        (None, None),
    ],
)
def test_the_memory_of_udp(tmp_path: Path, text: str | None, expected: list[int] | None) -> None:
    if text is not None:
        (tmp_path / "proc/sys/net/ipv4").mkdir(parents=True)
        (tmp_path / "proc/sys/net/ipv4/udp_mem").write_text(text)
    assert udp_mem_pages(Host(str(tmp_path))) == expected
