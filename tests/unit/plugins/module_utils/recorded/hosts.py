# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EL 8, 9, 10 and Ubuntu 22.04, 24.04, 26.04 on x86-64, and two on arm64, as they are after their installation.

The facts are from public documentation, packaging repositories and what people's own hosts have printed of
`sysctl --system`. What nobody here could look up says NOT VERIFIED.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple

from . import kernels, packages

KIBIBYTE = 1024
V1, V2 = "v1", "v2"

SysctlFiles = Mapping[str, Mapping[str, str]]


class Recorded(NamedTuple):
    """A host. `library` is the directory of systemd's private library, `hard_files` systemd's default LimitNOFILE.

    With `sysctl_conf`, a link in sysctl.d makes the boot read /etc/sysctl.conf. `tuned` is where TuneD of EL
    has its profiles, empty without it.
    """

    name: str
    version_id: str
    kernel: str
    systemd: int
    library: str
    keys: Mapping[str, str]
    sysctl_files: SysctlFiles
    packages: tuple[packages.Package, ...]
    template: packages.Package
    cgroups: str = V2
    nr_open: int = 1048576
    hard_files: int = 524288
    page_bytes: int = 4096
    selinux: bool = False
    sysctl_conf: bool = True
    tuned: str = ""
    pam: Mapping[str, str] = {}
    card: str = "virtio_net"
    dmi: Mapping[str, str] = {}
    modalias: str = "cpu:type:x86,ven0000fam0006mod009E:feature:,0000,001F,009F"


# --- files of sysctl.d --------------------------------------------------------------------------

_YAMA_OFF = {"/usr/lib/sysctl.d/10-default-yama-scope.conf": {"kernel.yama.ptrace_scope": "0"}}  # elfutils
_CRYPTO = {"/usr/lib/sysctl.d/50-libkcapi-optmem_max.conf": {"net.core.optmem_max": "81920"}}
_PIDS = {"/usr/lib/sysctl.d/50-pid-max.conf": {"kernel.pid_max": "4194304"}}
_LINKS = {"fs.protected_hardlinks": "1", "fs.protected_symlinks": "1"}
_MAPS = {"vm.max_map_count": "1048576"}

# systemd 239 of redhat-plumbers/systemd-rhel8, sysctl.d/50-default.conf
EL_8_FILES: SysctlFiles = {
    **_YAMA_OFF,
    **_CRYPTO,
    **_PIDS,
    "/usr/lib/sysctl.d/50-default.conf": {
        "kernel.kptr_restrict": "1",
        "net.ipv4.conf.all.rp_filter": "1",
        "net.ipv4.conf.all.accept_source_route": "0",
        "net.ipv4.conf.all.promote_secondaries": "1",
        "net.core.default_qdisc": "fq_codel",
        **_LINKS,
    },
}
# What hosts of 9 and 10 print: systemd's own file, with globs, and after it one of the distribution.
_SYSTEMD_DEFAULTS = {
    "net.ipv4.conf.default.rp_filter": "2",
    "net.ipv4.conf.*.rp_filter": "2",
    "-net.ipv4.conf.all.rp_filter": "",
    "net.ipv4.conf.default.accept_source_route": "0",
    "net.ipv4.conf.*.accept_source_route": "0",
    "-net.ipv4.conf.all.accept_source_route": "",
    "net.core.default_qdisc": "fq_codel",
    "fs.protected_fifos": "1",
    **_LINKS,
}
EL_9_FILES: SysctlFiles = {
    **_YAMA_OFF,
    **_CRYPTO,
    **_PIDS,
    "/usr/lib/sysctl.d/50-coredump.conf": {"fs.suid_dumpable": "2"},
    "/usr/lib/sysctl.d/50-default.conf": {**_SYSTEMD_DEFAULTS, "fs.protected_regular": "1"},
    "/usr/lib/sysctl.d/50-redhat.conf": {
        "kernel.kptr_restrict": "1",
        "net.ipv4.conf.default.rp_filter": "1",
        "net.ipv4.conf.*.rp_filter": "1",
        "-net.ipv4.conf.all.rp_filter": "",
    },
}
EL_10_FILES: SysctlFiles = {**EL_9_FILES, "/usr/lib/sysctl.d/10-map-count.conf": _MAPS}

# procps of Ubuntu. Its files of 22.04 are those of 20.04, which a host has printed: that they are, NOT VERIFIED.
_LOOSE = {"net.ipv4.conf.default.rp_filter": "2", "net.ipv4.conf.all.rp_filter": "2"}
UBUNTU_2204_FILES: SysctlFiles = {
    "/etc/sysctl.d/10-kernel-hardening.conf": {"kernel.kptr_restrict": "1"},
    "/etc/sysctl.d/10-network-security.conf": _LOOSE,
    "/etc/sysctl.d/10-ptrace.conf": {"kernel.yama.ptrace_scope": "1"},
    "/etc/sysctl.d/10-zeropage.conf": {"vm.mmap_min_addr": "65536"},
    **_PIDS,
    "/usr/lib/sysctl.d/99-protect-links.conf": {**_LINKS, "fs.protected_fifos": "1", "fs.protected_regular": "2"},
}
UBUNTU_2404_FILES: SysctlFiles = {
    **UBUNTU_2204_FILES,
    "/usr/lib/sysctl.d/10-apparmor.conf": {"kernel.apparmor_restrict_unprivileged_userns": "1"},
    "/etc/sysctl.d/10-bufferbloat.conf": {"net.core.default_qdisc": "fq_codel"},
    "/etc/sysctl.d/10-map-count.conf": _MAPS,
}
# 26.04 has systemd's own file, and its own ones in /usr/lib behind that; /etc/sysctl.conf is not read any more.
UBUNTU_2604_FILES: SysctlFiles = {
    "/usr/lib/sysctl.d/10-apparmor.conf": {"kernel.apparmor_restrict_unprivileged_userns": "1"},
    "/usr/lib/sysctl.d/10-coredump-debian.conf": {"kernel.core_pattern": "core"},
    "/usr/lib/sysctl.d/50-default.conf": {**_SYSTEMD_DEFAULTS, "fs.protected_regular": "2", **_MAPS},
    **_PIDS,
    "/usr/lib/sysctl.d/55-kernel-hardening.conf": {"kernel.kptr_restrict": "1"},
    "/usr/lib/sysctl.d/55-map-count.conf": _MAPS,
    "/usr/lib/sysctl.d/55-network-security.conf": _LOOSE,
    "/usr/lib/sysctl.d/55-ptrace.conf": {"kernel.yama.ptrace_scope": "1"},
}

# --- PAM ---

_LIMITS = "session required pam_limits.so\n"
# authselect's profiles have the module in what the services include. Which of the two each includes: NOT VERIFIED.
EL_PAM = {
    "password-auth": _LIMITS,
    "system-auth": _LIMITS,
    **dict.fromkeys(("sshd", "crond"), "session include password-auth\n"),
    **dict.fromkeys(("login", "su", "sudo"), "session include system-auth\n"),
}
# Debian's and Ubuntu's services have it themselves, from openssh, shadow, util-linux, sudo and cron.
UBUNTU_PAM = {
    "common-session": "session required pam_unix.so\n",
    **dict.fromkeys(("sshd", "login", "su", "sudo", "cron"), f"{_LIMITS}@include common-session\n"),
}

# --- TuneD ---

# The profile that EL gives to a virtual machine, and the one that it includes: its profiles, with the keys we know.
TUNED_PROFILE = "virtual-guest"
TUNED_PROFILES: Mapping[str, Mapping[str, str]] = {
    "throughput-performance": {"vm.dirty_ratio": "40", "vm.swappiness": "10", "net.core.somaxconn": ">2048"},
    TUNED_PROFILE: {"vm.dirty_ratio": "30", "vm.swappiness": "30"},
}

# --- the hosts ----------------------------------------------------------------------------------

# What systemd 240 and later set where a distribution does not hold them back, as Debian and Ubuntu do. That EL 9 and
# 10 do not: NOT VERIFIED.
RAISED_NR_OPEN = 1073741816

EL_8 = Recorded(
    name="almalinux",
    version_id="8.10",
    kernel="4.18.0-553.el8_10.x86_64",
    systemd=239,
    library="/usr/lib/systemd",
    keys=kernels.V4_18,
    sysctl_files=EL_8_FILES,
    packages=packages.EL,
    template=packages.KAMAILIO_RPM_INSTANCES,
    cgroups=V1,
    hard_files=262144,  # NOT VERIFIED
    selinux=True,
    tuned="/usr/lib/tuned",
    pam=EL_PAM,
)
EL_9 = EL_8._replace(
    version_id="9.6",
    kernel="5.14.0-570.12.1.el9_6.x86_64",
    systemd=252,
    library="/usr/lib64/systemd",
    keys=kernels.V5_14,
    sysctl_files=EL_9_FILES,
    cgroups=V2,
    nr_open=RAISED_NR_OPEN,
    hard_files=524288,
)
EL_10 = EL_9._replace(
    version_id="10.1",
    kernel="6.12.0-124.8.1.el10_1.x86_64",
    systemd=257,
    keys=kernels.V6_12,
    sysctl_files=EL_10_FILES,
    tuned="/usr/lib/tuned/profiles",  # from TuneD 2.23 on
)
UBUNTU_2204 = Recorded(
    name="ubuntu",
    version_id="22.04",
    kernel="5.15.0-91-generic",
    systemd=249,
    library="/usr/lib/systemd",
    keys=kernels.V5_15,
    sysctl_files=UBUNTU_2204_FILES,
    packages=packages.UBUNTU_2204,
    template=packages.KAMAILIO_DEB_INSTANCES,
    pam=UBUNTU_PAM,
)
UBUNTU_2404 = UBUNTU_2204._replace(
    version_id="24.04",
    kernel="6.8.0-40-generic",
    systemd=255,
    library="/usr/lib/x86_64-linux-gnu/systemd",
    keys=kernels.V6_8,
    sysctl_files=UBUNTU_2404_FILES,
    packages=packages.UBUNTU,
)
UBUNTU_2604 = UBUNTU_2404._replace(
    version_id="26.04",
    kernel="7.0.0-14-generic",  # 7.0 is right; which build of it, NOT VERIFIED
    systemd=259,
    keys=kernels.V7_0,
    sysctl_files=UBUNTU_2604_FILES,
    sysctl_conf=False,
)
_ARM = "cpu:type:aarch64:feature:,0000,0001,0003"
# The names that Amazon gives its machines are those of systemd-detect-virt(1).
GRAVITON = UBUNTU_2404._replace(
    kernel="6.8.0-1008-aws",
    library="/usr/lib/aarch64-linux-gnu/systemd",
    card="ena",
    dmi={"sys_vendor": "Amazon EC2", "product_name": "c7g.xlarge"},
    modalias=_ARM,
)
# kernel-64k of EL 9: /etc/os-release is that of the usual one, the kernel's name ends with +64k
AMPERE_64K = EL_9._replace(
    kernel="5.14.0-570.12.1.el9_6.aarch64+64k",
    page_bytes=65536,
    card="igb",
    dmi={"sys_vendor": "GIGABYTE", "product_name": "R272-P30-JG"},
    modalias=_ARM,
)

HOSTS = {
    "EL 8": EL_8,
    "EL 9": EL_9,
    "EL 10": EL_10,
    "Ubuntu 22.04": UBUNTU_2204,
    "Ubuntu 24.04": UBUNTU_2404,
    "Ubuntu 26.04": UBUNTU_2604,
    "Ubuntu 24.04 on Graviton": GRAVITON,
    "EL 9 on Ampere, pages of 64 KiB": AMPERE_64K,
}
