# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host below a directory whose kernel parameters behave as those of a kernel do, and that can boot.

Sources: devinet_conf_proc(), devinet_sysctl_forward() and inet_forward_change() of net/ipv4/devinet.c,
addrconf_fixup_forwarding() of net/ipv6/addrconf.c, dirty_bytes_handler() of mm/page-writeback.c,
proc_doulongvec_minmax() of kernel/sysctl.c, ipv4_local_port_range() of net/ipv4/sysctl_net_ipv4.c; and
parse_file() and apply_all() of systemd's src/sysctl/sysctl.c for a boot.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.conf import parse
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import glob_matches, is_glob

PROC_SYS = "/proc/sys/"
IPV4, IPV6 = "net/ipv4/conf", "net/ipv6/conf"
INTERFACES = ("lo", "eth0", "eth1")
SWITCHES = ("net/ipv4/ip_forward", f"{IPV4}/all/forwarding")
EXCLUSIVE = {"vm/dirty_ratio": "vm/dirty_bytes", "vm/dirty_bytes": "vm/dirty_ratio"}
ALIASES = {"net/nf_conntrack_max": "net/netfilter/nf_conntrack_max"}
ALIASES.update({second: first for first, second in list(ALIASES.items())})
# The values of keys that bound another, in the order in which they must not fall.
BOUNDS = [
    ("net/ipv4/ipfrag_low_thresh", "net/ipv4/ipfrag_high_thresh"),
    ("net/ipv4/ip_unprivileged_port_start", "net/ipv4/ip_local_port_range"),
]

DEFAULTS = {
    "net/core/somaxconn": "4096",
    "net/core/rmem_max": "212992",
    "net/ipv4/tcp_rmem": "4096 131072 6291456",
    "net/ipv4/tcp_sack": "1",
    "net/ipv4/ipfrag_low_thresh": "3145728",
    "net/ipv4/ipfrag_high_thresh": "4194304",
    "net/ipv4/ip_unprivileged_port_start": "1024",
    "net/ipv4/ip_local_port_range": "32768 60999",
    "net/nf_conntrack_max": "262144",
    "net/netfilter/nf_conntrack_max": "262144",
    "net/ipv4/ip_forward": "0",
    "vm/dirty_ratio": "20",
    "vm/dirty_bytes": "0",
    **{f"{IPV4}/{name}/forwarding": "0" for name in ("all", "default", *INTERFACES)},
    **{f"{IPV4}/{name}/accept_redirects": "1" for name in ("all", "default", *INTERFACES)},
    **{f"{IPV4}/{name}/rp_filter": "0" for name in ("all", "default", *INTERFACES)},
    **{f"{IPV6}/{name}/forwarding": "0" for name in ("all", "default", *INTERFACES)},
}


class KernelHost(Host):
    """A host whose writes to /proc/sys have the effects of a kernel. `refuses` has an errno for keys that it keeps."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.root = root
        self._keys = f"{root}/proc/sys"
        self.refuses: dict[str, int] = {}
        self._configured: set[str] = set()
        for directory in ("etc/sysctl.d", "etc/udev/rules.d", "var/lib", "run", "usr/lib/systemd"):
            (root / directory).mkdir(parents=True)
        for name in ("systemd", "systemd-sysctl", "libsystemd-shared-252.so"):
            (root / "usr/lib/systemd" / name).touch()
        self.reset()

    # --- the kernel ------------------------------------------------------------------------------

    def reset(self) -> None:
        """Every key as a kernel starts with it, and the addresses of lo and eth0, which take no defaults then."""
        for path, value in DEFAULTS.items():
            self._put(path, value)
        self._configured = {path for path in DEFAULTS if path.startswith((f"{IPV4}/eth0/", f"{IPV4}/lo/"))}

    def live(self) -> dict[str, str]:
        """The values of all keys."""
        return {path: self.value(path) for path in DEFAULTS if os.path.exists(f"{self._keys}/{path}")}

    def value(self, path: str) -> str:
        with open(f"{self._keys}/{path}", encoding="utf-8") as stream:
            return stream.read().strip().replace("\t", " ")

    def lose_interface(self, name: str) -> None:
        """Unplug an interface: its keys are gone."""
        shutil.rmtree(self.root / f"proc/sys/{IPV4}/{name}")
        shutil.rmtree(self.root / f"proc/sys/{IPV6}/{name}")

    def rename_interface(self, old: str, new: str) -> None:
        """The values of an interface go with its name."""
        for family in (IPV4, IPV6):
            (self.root / f"proc/sys/{family}/{old}").rename(self.root / f"proc/sys/{family}/{new}")

    def write_kernel(self, path: str, text: str) -> None:
        if not path.startswith(PROC_SYS):
            super().write_kernel(path, text)
            return
        key = path[len(PROC_SYS) :]
        if key in self.refuses:
            number = self.refuses[key]
            raise HostError(path, f"refused ({errno.errorcode[number]})", number)
        if not self.exists(path):
            raise HostError(path, "No such file or directory (ENOENT)", errno.ENOENT)
        self._write(key, text)

    def _put(self, key: str, value: str) -> None:
        file = f"{self._keys}/{key}"
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(value.replace(" ", "\t") + "\n")

    def _write(self, key: str, text: str) -> None:
        before = self.value(key)
        words = text.split()
        value = " ".join([*words, *before.split()[len(words) :]])
        self._check_bounds(key, value)
        self._put(key, value)
        self._configured.add(key)
        if key in EXCLUSIVE and value != before:
            self._put(EXCLUSIVE[key], "0")
        if key in ALIASES:
            self._put(ALIASES[key], value)
        if key in SWITCHES and value != before:
            self._forward(value)
        elif key.startswith(f"{IPV4}/default/") and not key.endswith("/forwarding"):
            self._copy_default(key, value)
        elif key == f"{IPV6}/all/forwarding" and value != before:
            for name in self.list_directory(f"{PROC_SYS}{IPV6}"):
                self._put(f"{IPV6}/{name}/forwarding", value)

    def _check_bounds(self, key: str, value: str) -> None:
        for low, high in BOUNDS:
            if key not in (low, high):
                continue
            after = {one: value if one == key else self.value(one) for one in (low, high)}
            if int(after[low]) > int(after[high].split()[0]):
                raise HostError(PROC_SYS + key, "Invalid argument (EINVAL)", errno.EINVAL)

    def _forward(self, value: str) -> None:
        self._put("net/ipv4/ip_forward", value)
        for name in self.list_directory(f"{PROC_SYS}{IPV4}"):
            self._put(f"{IPV4}/{name}/forwarding", value)
        self._put(f"{IPV4}/all/accept_redirects", "0" if value == "1" else "1")

    def _copy_default(self, key: str, value: str) -> None:
        leaf = key.rpartition("/")[2]
        for name in self.list_directory(f"{PROC_SYS}{IPV4}"):
            path = f"{IPV4}/{name}/{leaf}"
            if name not in ("all", "default") and path not in self._configured:
                self._put(path, value)

    # --- a boot ----------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start anew: the kernel's values, what the files of sysctl.d set where it is taken, then eth0's address."""
        self.reset()
        self._configured = {path for path in DEFAULTS if path.startswith(f"{IPV4}/lo/")}
        settings: dict[str, str | None] = {}
        for file in sorted((self.root / "etc/sysctl.d").glob("*.conf")):
            for one in parse(file.read_text(encoding="utf-8"), str(file)):
                if one.path in settings and settings[one.path] == one.value:
                    continue
                settings.pop(one.path, None)
                settings[one.path] = one.value
        for path, value in settings.items():
            for key in [key for key in DEFAULTS if glob_matches(path, key)] if is_glob(path) else [path]:
                if value is not None and (key == path or key not in settings) and self.exists(PROC_SYS + key):
                    try:
                        self._write(key, value)
                    except HostError:
                        continue  # systemd-sysctl says so, and goes on
        self._configured.update(path for path in DEFAULTS if path.startswith(f"{IPV4}/eth0/"))
