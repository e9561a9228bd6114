# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kernels start with, of the keys that the catalogues know, on a host with 8 GiB of memory and 4 processors.

Source: the kernel's own source of that version, unless a line says otherwise. What a distribution's kernel has taken
over from later ones could not be looked up here, so that EL 8 may well have more than 4.18, which it is named after.
"""

from __future__ import annotations

from typing import Mapping

INTERFACES = ("all", "default", "lo", "eth0")
GIBIBYTE = 1 << 30
MEMORY_BYTES = 8 * GIBIBYTE
LONG_MAX = str(2**63 - 1)
UNLIMITED = str(2**64 - 1 - 2**24)  # of System V shared memory, ipc/shm.c

_IPV4 = {"accept_redirects": "1", "send_redirects": "1", "rp_filter": "0", "forwarding": "0"}


def _interfaces() -> dict[str, str]:
    keys = {f"net/ipv4/conf/{name}/{key}": value for name in INTERFACES for key, value in _IPV4.items()}
    keys.update({f"net/ipv6/conf/{name}/accept_redirects": "1" for name in INTERFACES})
    # all is 0, each interface 1: net/ipv4/devinet.c, ipv4_devconf and ipv4_devconf_dflt
    keys.update({f"net/ipv4/conf/{name}/accept_source_route": "1" for name in INTERFACES})
    return {**keys, "net/ipv4/conf/all/accept_source_route": "0"}


_EVERY = {
    **_interfaces(),
    "net/core/rmem_max": "212992",
    "net/core/rmem_default": "212992",
    "net/core/wmem_max": "212992",
    "net/core/wmem_default": "212992",
    "net/core/optmem_max": "20480",
    "net/core/netdev_max_backlog": "1000",
    "net/core/somaxconn": "4096",  # since 5.4
    "net/ipv4/ip_forward": "0",
    "net/ipv4/ip_local_port_range": "32768 60999",
    "net/ipv4/ip_local_reserved_ports": "",
    "net/ipv4/ipfrag_high_thresh": "4194304",
    "net/ipv4/ipfrag_low_thresh": "3145728",
    "net/ipv4/icmp_echo_ignore_broadcasts": "1",
    "net/ipv4/icmp_ignore_bogus_error_responses": "1",
    "net/ipv4/tcp_max_syn_backlog": "512",  # by the memory: tcp_init(), net/ipv4/tcp.c
    "net/ipv4/tcp_max_tw_buckets": "32768",  # the same
    "net/ipv4/tcp_rmem": "4096 131072 6291456",
    "net/ipv4/tcp_sack": "1",
    "net/ipv4/tcp_syncookies": "1",
    "net/ipv4/tcp_timestamps": "1",
    "net/ipv4/tcp_window_scaling": "1",
    "kernel/kptr_restrict": "0",
    "kernel/perf_event_paranoid": "2",
    "kernel/randomize_va_space": "2",
    "kernel/sem": "32000 1024000000 500 32000",
    "kernel/shmall": UNLIMITED,
    "kernel/shmmax": UNLIMITED,
    "kernel/yama/ptrace_scope": "1",
    "fs/file-max": LONG_MAX,  # systemd since 240
    "fs/nr_open": "1048576",
    "fs/protected_fifos": "0",  # since 4.19, as is the next
    "fs/protected_regular": "0",
    "fs/protected_hardlinks": "0",
    "fs/protected_symlinks": "0",
    "vm/dirty_background_bytes": "0",
    "vm/dirty_background_ratio": "10",
    "vm/dirty_bytes": "0",
    "vm/dirty_ratio": "20",
    "vm/max_map_count": "65530",
    "vm/swappiness": "60",
}
# With firewalld, which EL starts by default.
CONNTRACK = {
    "net/netfilter/nf_conntrack_buckets": "65536",  # 262144 from 5.15 on
    "net/netfilter/nf_conntrack_max": "262144",
    "net/nf_conntrack_max": "262144",
    "net/netfilter/nf_conntrack_udp_timeout": "30",
    "net/netfilter/nf_conntrack_udp_timeout_stream": "120",
}


def udp_mem(page_bytes: int) -> str:
    """net.ipv4.udp_mem of the host: an eighth of the memory, in pages. Source: __udp_sysctl_init, net/ipv4/udp.c"""
    pages = MEMORY_BYTES // page_bytes // 8
    return f"{pages // 4 * 3} {pages} {pages // 4 * 3 * 2}"


def _with(*later: Mapping[str, str], without: tuple[str, ...] = ()) -> dict[str, str]:
    keys = dict(_EVERY)
    for more in later:
        keys.update(more)
    return {key: value for key, value in keys.items() if key not in without}


_OLD = {
    "net/core/somaxconn": "128",
    "net/ipv4/tcp_rmem": "4096 87380 6291456",  # 131072 from 4.20 on
    "fs/file-max": str(MEMORY_BYTES // 10240),  # a tenth of the memory at 1 KiB each: files_maxfiles_init()
}
V4_18 = _with(
    _OLD,
    CONNTRACK,
    {"net/netfilter/nf_conntrack_udp_timeout_stream": "180"},
    without=("fs/protected_fifos", "fs/protected_regular"),
)
V5_14 = _with(CONNTRACK)
V5_15 = _with({"kernel/perf_event_paranoid": "4"})  # Ubuntu's own level; it starts no firewall by default
V6_8 = _with({"kernel/perf_event_paranoid": "4", "net/core/optmem_max": "131072"})
V6_12 = _with(CONNTRACK, {"net/core/optmem_max": "131072", "net/netfilter/nf_conntrack_buckets": "262144"})
V7_0 = _with(
    {"kernel/perf_event_paranoid": "4", "net/core/optmem_max": "131072"},
    {"net/core/rmem_max": "4194304", "net/core/wmem_max": "4194304"},  # from 6.18 on
    {"net/ipv4/tcp_rmem": "4096 131072 33554432"},  # from 6.16 on
)
