# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a root of a recorded host, with its daemons running, and a systemctl that shows what is in the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, Mapping, Sequence

import sip_trees
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult
from ansible_collections.siptune.linux.plugins.module_utils._host.machine import FIRST_NAMESPACES
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import glob_matches, is_glob
from ansible_collections.siptune.linux.plugins.module_utils._systemd.systemctl import parse_show
from nic_cards import FACTORIES, CardHost

from . import kernels
from .hosts import KIBIBYTE, TUNED_PROFILE, TUNED_PROFILES, V1, Recorded
from .packages import Package

CAPTURED = Path(__file__).resolve().parents[1] / "captured"
QUIET = parse_show((CAPTURED / "systemctl-show-252.txt").read_text())
PLAIN = next(unit for unit in QUIET if unit["Id"] == "quiet.service")
SINCE = {"OOMPolicy": 243, "LoadError": 0}  # systemd.service(5)
UNITS = "usr/lib/systemd/system"
SOFT_FILES = 1024
FIRST_PID, FIRST_UID = 1000, 990  # accounts of packages are below 1000

# The hierarchies of version 1 that a process of EL 8 is in. Source: cgroups(7)
HIERARCHIES = ("12:pids:", "9:memory:", "5:cpu,cpuacct:", "1:name=systemd:")


class RecordedHost(CardHost):
    """A tree of a recorded host. Nothing but `systemctl show` answers, from its files and processes."""

    def __init__(self, root: Path, recorded: Recorded) -> None:
        super().__init__(root, FACTORIES[recorded.card]("eth0"))
        self.recorded = recorded
        self.pids = {package.unit: FIRST_PID + place for place, package in enumerate(recorded.packages)}
        users = sorted({package.runs_as for package in recorded.packages})
        self.uids = {"root": 0, **{user: FIRST_UID + place for place, user in enumerate(users)}}
        self._make()

    def user_name(self, uid: int) -> str | None:
        return next((user for user, number in self.uids.items() if number == uid), None)

    def run(self, arguments: Sequence[str], timeout_seconds: float | None = None) -> CommandResult | None:
        if arguments[:2] != ["systemctl", "show"]:
            return None
        wanted = next(word for word in arguments if word.startswith("--property="))[len("--property=") :].split(",")
        names = arguments[arguments.index("--") + 1 :]
        blocks = [self._shown(name) for name in names if "*" not in name]
        texts = ["".join(f"{name}={one[name]}\n" for name in wanted if name in one) for one in blocks]
        return CommandResult(0, "\n".join(texts), "")

    # --- systemd -----------------------------------------------------------------------------

    def _shown(self, name: str) -> dict[str, str]:
        package = next((one for one in self.recorded.packages if name in (one.unit, one.alias)), None)
        base = {key: value for key, value in PLAIN.items() if SINCE.get(key, 0) <= self.recorded.systemd}
        base.update({"LimitNOFILE": str(self.recorded.hard_files), "LimitNOFILESoft": str(SOFT_FILES)})
        base.update({"Id": name, "Names": name, "MainPID": "0", "FragmentPath": "", "DropInPaths": ""})
        base.update({"ActiveState": "inactive", "SubState": "dead", "ControlGroup": ""})
        if package is None:
            return base
        for limit, value in package.limits.items():
            if limit.startswith("Limit"):
                base.update({limit: value, f"{limit}Soft": value})
        base.update({"Id": package.unit, "Names": f"{package.unit} {package.alias}".strip(), "Type": package.type})
        base.update({"FragmentPath": f"/{UNITS}/{package.unit}", "MainPID": str(self.pids[package.unit])})
        return {
            **base,
            "ActiveState": "active",
            "SubState": "running",
            "ControlGroup": group_of(package),
        }

    # --- the tree ----------------------------------------------------------------------------

    def _make(self) -> None:
        (self.root / "usr/lib/systemd/libsystemd-shared-252.so").unlink()
        sip_trees.make(self.root)
        for path, text in self._files():
            sip_trees.place(self.root / path.lstrip("/"), text)
        (self.root / "lib").symlink_to("usr/lib")
        if self.recorded.sysctl_conf:
            (self.root / "etc/sysctl.d").mkdir(parents=True, exist_ok=True)
            (self.root / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
        if self.recorded.tuned:
            wants = self.root / "etc/systemd/system/multi-user.target.wants"
            wants.mkdir(parents=True)
            (wants / "tuned.service").symlink_to(f"/{UNITS}/tuned.service")
        for name in ("run/systemd/system", "etc/systemd/system", "etc/security/limits.d", "etc/modprobe.d"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name, inode in FIRST_NAMESPACES.items():
            for pid in ("self", "1"):
                (self.root / f"proc/{pid}/ns/{name}").symlink_to(f"{name}:[{inode}]")
        for package in self.recorded.packages:
            self._install(package)

    def _files(self) -> Iterator[tuple[str, str]]:
        one = self.recorded
        yield "/etc/os-release", f'ID={one.name}\nVERSION_ID="{one.version_id}"\n'
        yield "/proc/sys/kernel/osrelease", f"{one.kernel}\n"
        yield "/proc/meminfo", f"MemTotal:       {kernels.MEMORY_BYTES // KIBIBYTE} kB\nHugepagesize:       2048 kB\n"
        for path in ("kamailio/kamailio.cfg", "opensips/opensips.cfg", "rtpengine/rtpengine.conf", "sysctl.conf"):
            yield f"/etc/{path}", ""
        yield "/proc/swaps", "Filename Type Size Used Priority\n"
        yield "/sys/devices/system/cpu/online", "0-3\n"
        yield "/sys/devices/system/cpu/modalias", one.modalias
        yield "/usr/lib/systemd/systemd-sysctl", ""
        yield f"{one.library}/libsystemd-shared-{one.systemd}.so", ""
        yield "/proc/sys/net/ipv4/udp_mem", kernels.udp_mem(one.page_bytes).replace(" ", "\t") + "\n"
        for key, value in booted(one).items():
            yield f"/proc/sys/{key}", value.replace(" ", "\t") + "\n"
        for path, settings in one.sysctl_files.items():
            yield path, "".join(f"{key} = {value}\n" if value else f"{key}\n" for key, value in settings.items())
        for path, text in one.dmi.items():
            yield f"/sys/class/dmi/id/{path}", f"{text}\n"
        yield f"/{UNITS}/{one.template.unit}", one.template.unit_text
        yield from _tuned(one)
        for name, text in one.pam.items():
            yield f"/etc/pam.d/{name}", text
        yield "/etc/security/limits.conf", "# nothing but comments, on each of them\n"
        if one.selinux:
            yield "/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n"
            yield "/sys/fs/selinux/enforce", "1"
        captured = (CAPTURED / "process-status.txt").read_text()
        status = re.sub(r"(?m)^Cap(Eff|Prm|Bnd):.*$", r"Cap\1:\t000001ffffffffff", captured)
        for pid in ("self", "1"):
            yield f"/proc/{pid}/status", status
            yield f"/proc/{pid}/limits", limits_text(one.nr_open, one.nr_open)
            yield f"/proc/{pid}/cgroup", cgroup_text(one, "/init.scope")

    def _install(self, package: Package) -> None:
        """A package with its daemon running."""
        sip_trees.place(self.root / UNITS / package.unit, package.unit_text)
        if package.alias:
            (self.root / "etc/systemd/system" / package.alias).symlink_to(f"/{UNITS}/{package.unit}")
        for path, variables in package.brings.items():
            text = "".join(f"{name}={value}\n" for name, value in variables.items())
            sip_trees.place(self.root / path.lstrip("/"), text)
        pid, comm = self.pids[package.unit], package.comm or package.daemon
        command_line = "\0".join([*package.command_line, ""])
        sip_trees.start(self.root, pid, comm, command_line=command_line, uid=self.uids[package.runs_as])
        files = int(package.limits.get("LimitNOFILE", 0))
        pair = (files, files) if files else (SOFT_FILES, self.recorded.hard_files)
        group = group_of(package)
        mount = "systemd" if self.recorded.cgroups == V1 else ""
        sip_trees.place(self.root / f"proc/{pid}/cgroup", cgroup_text(self.recorded, group))
        sip_trees.place(self.root / f"proc/{pid}/limits", limits_text(*pair))
        sip_trees.place(self.root / f"proc/{pid}/oom_score_adj", "0\n")
        sip_trees.place(self.root / "sys/fs/cgroup" / mount / group[1:] / "cgroup.procs", f"{pid}\n")


def _tuned(recorded: Recorded) -> Iterator[tuple[str, str]]:
    if recorded.tuned:
        yield "/etc/tuned/active_profile", f"{TUNED_PROFILE}\n"
        for name, settings in TUNED_PROFILES.items():
            head = f"[main]\ninclude={next(iter(TUNED_PROFILES))}\n" if name == TUNED_PROFILE else ""
            lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
            yield f"{recorded.tuned}/{name}/tuned.conf", f"{head}[sysctl]\n{lines}"


def group_of(package: Package) -> str:
    """The control group of a package's daemon."""
    return f"/system.slice/{package.unit}"


def cgroup_text(recorded: Recorded, group: str) -> str:
    """A /proc/PID/cgroup."""
    if recorded.cgroups == V1:
        return "".join(f"{hierarchy}{group}\n" for hierarchy in HIERARCHIES)
    return f"0::{group}\n"


def limits_text(soft: int, hard: int) -> str:
    """A /proc/PID/limits with this LimitNOFILE."""
    text = (CAPTURED / "process-limits.txt").read_text()
    return re.sub(r"(?m)^Max open files .*$", f"Max open files            {soft:<20} {hard:<20} files     ", text)


def booted(recorded: Recorded) -> Mapping[str, str]:
    """The keys as the kernel starts with them, and as the distribution's files set them then. Source: sysctl.d(5)"""
    keys = {**recorded.keys, "fs/nr_open": str(recorded.nr_open)}
    files = sorted(recorded.sysctl_files, key=lambda path: path.rsplit("/", 1)[1])
    lines = [(key.replace(".", "/"), value) for path in files for key, value in recorded.sysctl_files[path].items()]
    plain = {key.lstrip("-") for key, _value in lines if not is_glob(key)}
    for pattern, value in lines:
        matching = [key for key in keys if is_glob(pattern) and key not in plain and glob_matches(pattern, key)]
        keys.update(dict.fromkeys(matching, value))
        if pattern in keys:
            keys[pattern] = value
    if recorded.tuned:
        keys.update({key.replace(".", "/"): value for key, value in TUNED_PROFILES[TUNED_PROFILE].items()})
    return keys
