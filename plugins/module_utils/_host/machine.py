# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine: memory, processors, kernel, systemd, virtualization, swap.

Parsers take text and never raise; text that they cannot read is None. The functions over a `Host`
below them only fetch the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .cpus import online_cpus
from .host import Host, unless_refused
from .processes import FIRST_PROCESS, process_environment

KIBIBYTE = 1024

CONTAINER = "container"
VIRTUAL_MACHINE = "vm"
METAL = "metal"

# --- memory, processors, swap ----------------------------------------------------------------


def parse_memory_bytes(meminfo: str) -> int | None:
    """MemTotal of /proc/meminfo in bytes. Source: proc_meminfo(5)."""
    found = re.search(r"^MemTotal:\s+([0-9]{1,15}) kB$", meminfo, re.MULTILINE)
    return int(found.group(1)) * KIBIBYTE if found else None


class Swap(NamedTuple):
    """One swap space; `kind` is disk, file, zram or other."""

    device: str
    kind: str
    bytes: int


def parse_swaps(swaps: str) -> list[Swap] | None:
    """The lines of /proc/swaps, sizes in bytes. Source: proc_swaps(5)."""
    header, *lines = swaps.split("\n")
    if not header.startswith("Filename"):
        return None
    spaces = []
    for line in filter(None, lines):
        found = re.fullmatch(r"(\S+)\s+(\S+)\s+([0-9]{1,15})\s.*", line)
        if not found:
            return None
        device, kernel_type, kibibytes = found.groups()
        spaces.append(Swap(_unescape(device), _swap_kind(device, kernel_type), int(kibibytes) * KIBIBYTE))
    return spaces


def _swap_kind(device: str, kernel_type: str) -> str:
    if re.match(r"/dev/zram[0-9]+", device):
        return "zram"
    return {"partition": "disk", "file": "file"}.get(kernel_type, "other")


def _unescape(path: str) -> str:
    """A path whose blanks the kernel wrote as three octal digits, as seq_file_path() does."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda octal: chr(int(octal.group(1), 8)), path)


# --- systemd ---------------------------------------------------------------------------------

SYSTEMD_BINARIES = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
SYSTEMD_LIBRARY_DIRECTORIES = ("/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd")
MULTIARCH_PARENT = "/usr/lib"  # Debian keeps the library in /usr/lib/TRIPLET/systemd since bookworm
SYSTEMD_RUNNING = "/run/systemd/system"  # sd_booted(3)


def parse_systemd_version(names: Iterable[str]) -> int | None:
    """The version in the name of systemd's private library, the highest if an upgrade left two."""
    found = (re.fullmatch(r"libsystemd-shared-([0-9]{1,5})\b.*\.so", name) for name in names)
    return max((int(name.group(1)) for name in found if name), default=None)


def systemd_version(host: Host) -> int | None:
    """The installed systemd's version without starting a process, None if there is no systemd."""
    if not any(host.exists(path) for path in SYSTEMD_BINARIES):
        return None
    multiarch = [
        f"{MULTIARCH_PARENT}/{name}/systemd"
        for name in unless_refused(host.list_directory, MULTIARCH_PARENT) or []
        if "-linux-gnu" in name
    ]
    for directory in (*SYSTEMD_LIBRARY_DIRECTORIES, *multiarch):
        version = parse_systemd_version(unless_refused(host.list_directory, directory) or [])
        if version is not None:
            return version
    return None


# --- container, virtual machine or metal -----------------------------------------------------

# The inode numbers of the namespaces the kernel boots with. Source: include/linux/proc_ns.h
# (UAPI linux/nsfs.h since 6.18).
FIRST_NAMESPACES = {"pid": 4026531836, "uts": 4026531838, "ipc": 4026531839, "user": 4026531837}

# Files that a container engine leaves in the container. Source: systemd, the "Container Interface"
# page, and systemd-detect-virt(1).
CONTAINER_MARKERS = (
    ("/run/.containerenv", "podman"),
    ("/.dockerenv", "docker"),
    ("/var/run/secrets/kubernetes.io/serviceaccount", "kubernetes"),
)
SYSTEMD_CONTAINER_FILE = "/run/systemd/container"

# Names of hypervisors in the DMI table, by prefix. Source: systemd-detect-virt(1).
# "Oracle Corporation" is missing on purpose: Oracle builds real servers, too.
DMI_FILES = tuple("/sys/class/dmi/id/" + name for name in ("product_name", "sys_vendor", "board_vendor", "bios_vendor"))
DMI_HYPERVISORS = (
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Google Compute Engine", "google"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Virtual Machine", "microsoft"),
    ("Apple Virtualization", "apple"),
)
# Clocks that only a guest has, and the hypervisor that gives them. Source: the kernel's clocksource drivers.
CLOCKSOURCE_FILE = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
GUEST_CLOCKS = (("kvm-clock", "kvm"), ("hyperv_clocksource", "microsoft"), ("xen", "xen"))

# The processor's features, without the frequency measurement that opening /proc/cpuinfo starts
# on every CPU. X86_FEATURE_HYPERVISOR is 4*32+31, arch/x86/include/asm/cpufeatures.h.
CPU_MODALIAS_FILE = "/sys/devices/system/cpu/modalias"
X86_HYPERVISOR_FEATURE = "009F"

DEVICE_TREE_HYPERVISOR = "/proc/device-tree/hypervisor/compatible"
# The board of QEMU that is none, on arm64 without firmware: its DMI table is missing, and it names no hypervisor.
DEVICE_TREE_BOARD, QEMU_BOARD = "/proc/device-tree/compatible", "linux,dummy-virt"
DEVICE_TREE_TECHNOLOGIES = {"linux,kvm": "kvm", "xen,xen": "xen", "vmware": "vmware", QEMU_BOARD: "qemu"}
XEN_CAPABILITIES = "/proc/xen/capabilities"


class Virtualization(NamedTuple):
    """Kind is container, vm, metal or None; technology is its name, None if that is unknown."""

    kind: str | None
    technology: str | None


class MachineEvidence(NamedTuple):
    """Evidence of a virtual machine or of metal: texts of the kernel, None where it has none."""

    dmi: tuple[str, ...]
    clocksources: str | None
    cpu_modalias: str | None
    device_tree_hypervisor: str | None
    xen_capabilities: str | None


def parse_namespace(link: str | None) -> int | None:
    """The inode number of a namespace link such as `pid:[4026531836]`. Source: namespaces(7)."""
    found = re.fullmatch(r"[a-z_]+:\[([0-9]{1,20})\]", link or "")
    return int(found.group(1)) if found else None


def identify_container(
    namespaces: Mapping[str, int | None], private_mounts: bool, declared: str, markers: Iterable[str]
) -> Virtualization | None:
    """The container that the evidence points to, None if there is none.

    `declared` is what the manager told the first process, `markers` the technologies whose files
    are there, `private_mounts` whether we see other mounts than the first process does. A marker
    alone is not believed where every namespace is the one the kernel booted with: an image that
    was made for a container engine may well boot as a machine of its own.
    """
    if declared:
        return Virtualization(CONTAINER, declared)
    first = all(namespaces.get(name) == inode for name, inode in FIRST_NAMESPACES.items())
    if first and not private_mounts:
        return None
    for technology in markers:
        return Virtualization(CONTAINER, technology)
    if namespaces.get("pid") not in (None, FIRST_NAMESPACES["pid"]):
        return Virtualization(CONTAINER, None)
    return None


def identify_machine(evidence: MachineEvidence) -> Virtualization:
    """Virtual machine or metal, and whose; both None where the evidence is too thin."""
    if "control_d" in (evidence.xen_capabilities or ""):
        return Virtualization(METAL, None)  # the domain that owns the hardware
    technology = (
        _match(GUEST_CLOCKS, (evidence.clocksources or "").split())
        or _device_tree_technology(evidence.device_tree_hypervisor)
        or _match(DMI_HYPERVISORS, evidence.dmi)
    )
    modalias = evidence.cpu_modalias or ""
    if ":type:x86" in modalias:
        guest = X86_HYPERVISOR_FEATURE in modalias.replace(":", ",").split(",")
        # The bare-metal machines of Amazon bear its name as well, but no hypervisor runs below them.
        if not guest and technology in (None, "amazon"):
            return Virtualization(METAL, None)
        return Virtualization(VIRTUAL_MACHINE, technology)
    if technology == "amazon" and any(text.strip().endswith(".metal") for text in evidence.dmi):
        return Virtualization(METAL, None)
    if technology or evidence.device_tree_hypervisor:
        return Virtualization(VIRTUAL_MACHINE, technology)
    return Virtualization(METAL if any(evidence.dmi) else None, None)


def _match(table: Iterable[tuple[str, str]], texts: Iterable[str]) -> str | None:
    texts = list(texts)
    return next((name for prefix, name in table if any(text.startswith(prefix) for text in texts)), None)


def _device_tree_technology(compatible: str | None) -> str | None:
    names = (compatible or "").split("\0")
    return next((DEVICE_TREE_TECHNOLOGIES[name] for name in names if name in DEVICE_TREE_TECHNOLOGIES), None)


def _board_of_qemu(host: Host) -> str | None:
    names = (host.read_lenient(DEVICE_TREE_BOARD) or "").split("\0")
    return QEMU_BOARD if QEMU_BOARD in names else None


def virtualization(host: Host) -> Virtualization:
    """Whether the host is a container, a virtual machine or metal, as far as it can be seen from inside.

    An image is none of them yet, whatever builds it.
    """
    if host.boot_only:
        return Virtualization(None, None)
    namespaces = {name: parse_namespace(host.read_link(f"/proc/self/ns/{name}")) for name in FIRST_NAMESPACES}
    mounts = [parse_namespace(host.read_link(f"/proc/{process}/ns/mnt")) for process in ("self", FIRST_PROCESS)]
    declared = (host.read_lenient(SYSTEMD_CONTAINER_FILE) or "").strip()
    declared = declared or process_environment(host, FIRST_PROCESS).get("container", "")
    markers = [technology for path, technology in CONTAINER_MARKERS if host.exists(path)]
    return identify_container(
        namespaces, None not in mounts and mounts[0] != mounts[1], declared, markers
    ) or identify_machine(
        MachineEvidence(
            dmi=tuple(host.read_lenient(path) or "" for path in DMI_FILES),
            clocksources=host.read_lenient(CLOCKSOURCE_FILE),
            cpu_modalias=host.read_lenient(CPU_MODALIAS_FILE),
            device_tree_hypervisor=host.read_lenient(DEVICE_TREE_HYPERVISOR) or _board_of_qemu(host),
            xen_capabilities=host.read_lenient(XEN_CAPABILITIES),
        )
    )


# --- one key each ----------------------------------------------------------------------------


def memory_bytes(host: Host) -> int | None:
    """The memory the kernel has to give, in bytes."""
    return parse_memory_bytes(host.read_lenient("/proc/meminfo") or "")


def processors(host: Host) -> int | None:
    """The CPUs that are online."""
    return len(online_cpus(host)) or None


def nr_open(host: Host) -> int | None:
    """The most files that any process may be allowed to have open, fs.nr_open. Source: proc_sys_fs(5)."""
    text = (host.read_lenient("/proc/sys/fs/nr_open") or "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def udp_mem_pages(host: Host) -> list[int] | None:
    """The limits of net.ipv4.udp_mem in pages; None in a child network namespace, which does not show them."""
    words = (host.read_lenient("/proc/sys/net/ipv4/udp_mem") or "").split()
    pages = [int(word) for word in words if re.fullmatch(r"[0-9]{1,19}", word)]
    return pages if len(pages) == 3 else None


def kernel_release(host: Host) -> str | None:
    """The kernel's release, as `uname -r` prints it."""
    return (host.read_lenient("/proc/sys/kernel/osrelease") or "").strip() or None


def swap_spaces(host: Host) -> list[Swap] | None:
    """The swap in use, an empty list if there is none."""
    return parse_swaps(host.read_lenient("/proc/swaps") or "")


def forwarding(host: Host) -> bool | None:
    """Whether the host routes IPv4 between its interfaces."""
    return {"0": False, "1": True}.get((host.read_lenient("/proc/sys/net/ipv4/ip_forward") or "").strip())


def child_network_namespace(host: Host) -> bool | None:
    """Whether this is a network namespace other than the first one.

    The kernel registers net.core.netdev_max_backlog for the first namespace only
    (net/core/sysctl_net_core.c).
    """
    if not host.exists("/proc/sys/net/core"):
        return None
    return not host.exists("/proc/sys/net/core/netdev_max_backlog")
