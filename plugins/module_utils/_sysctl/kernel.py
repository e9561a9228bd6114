# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the kernel for its sysctl keys: valid values, how it stores them, side effects, namespaces.

Sources, unless a line says otherwise: the kernel's Documentation/networking/ip-sysctl.rst,
Documentation/admin-guide/sysctl/{fs,kernel,net,vm}.rst, Documentation/networking/nf_conntrack-sysctl.rst
and, where those are silent, the handlers themselves (net/ipv4/devinet.c, net/ipv6/addrconf.c,
mm/page-writeback.c, ipc/ipc_sysctl.c), checked on 6.1 and 6.12.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import NamedTuple

from .key import for_interface, interface_of, write_rank

INT_MAX = 2**31 - 1
INT_MIN = -(2**31)
LONG_MAX = 2**63 - 1
ULONG_MAX = 2**64 - 1
HIGHEST_PORT = 65535
SLOWEST_CLOCK_HZ = 1000  # CONFIG_HZ is at most 1000, and seconds are kept as an int of jiffies
LONGEST_SECONDS = INT_MAX // SLOWEST_CLOCK_HZ
LEAST_RECEIVE_BUFFER = 2304  # SOCK_MIN_RCVBUF on 64-bit, include/net/sock.h
KERNEL_OWN_FILE_MAX = 8192  # NR_FILE, include/linux/fs.h: the kernel never starts with fewer
HIGHEST_NR_OPEN = 2147483584  # sysctl_nr_open_max, fs/file.c
IPCMNI = 32768  # include/linux/ipc_namespace.h
HASH_BUCKETS_PER_PAGE = mmap.PAGESIZE // 8  # 8-byte list heads, nf_ct_alloc_hashtable; arm64 has pages of 64 KiB, too

NUMBERS, PORTS, TEXT, HEX = "numbers", "ports", "text", "hex"


class KernelKey(NamedTuple):
    """The rules for one key, beyond the checks of the kernel itself.

    `low` and `high` bound each number; a tuple has a bound per field. `fields` is the count of numbers;
    `ascending` vectors must not fall; `rounded` gives the number that the kernel stores; with
    `zero_is_unlimited` 0 is above every other number. HEX is a mask or a key in groups of hexadecimal digits.
    """

    low: int | tuple[int, ...] = 0
    high: int | tuple[int, ...] = INT_MAX
    fields: int = 1
    kind: str = NUMBERS
    ascending: bool = False
    rounded: Callable[[int], int] | None = None
    zero_is_unlimited: bool = False


def _whole_pages_of_buckets(buckets: int) -> int:
    return -(-buckets // HASH_BUCKETS_PER_PAGE) * HASH_BUCKETS_PER_PAGE


def _power_of_two(entries: int) -> int:
    return 1 << (entries - 1).bit_length() if entries > 0 else 0


SWITCH = KernelKey(0, 1)
COUNT = KernelKey(1)
U8 = KernelKey(0, 255)
SECONDS = KernelKey(0, LONGEST_SECONDS)
PROBE_SECONDS = KernelKey(1, LONGEST_SECONDS)  # the least that setsockopt(2) takes for the same, net/ipv4/tcp.c
MEMORY_PAGES = KernelKey(1, LONG_MAX, fields=3, ascending=True)
POOL_BYTES = KernelKey(0, ULONG_MAX)
PERCENT = KernelKey(0, 100)

_KEYS = {
    "fs/file-max": KernelKey(KERNEL_OWN_FILE_MAX, LONG_MAX),
    "fs/nr_open": KernelKey(64, HIGHEST_NR_OPEN),
    "fs/protected_fifos": KernelKey(0, 2),
    "fs/protected_hardlinks": SWITCH,
    "fs/protected_regular": KernelKey(0, 2),
    "fs/protected_symlinks": SWITCH,
    "kernel/core_pattern": KernelKey(kind=TEXT),
    "kernel/domainname": KernelKey(kind=TEXT),
    "kernel/hostname": KernelKey(kind=TEXT),
    "kernel/kptr_restrict": KernelKey(0, 2),
    "kernel/modprobe": KernelKey(kind=TEXT),
    "kernel/panic": KernelKey(INT_MIN),  # below 0: restart at once, 0: never
    "kernel/perf_event_paranoid": KernelKey(-1, 4),  # 3 is Debian's and 4 Ubuntu's, both stricter than mainline
    "kernel/randomize_va_space": KernelKey(0, 2),
    "kernel/sem": KernelKey(0, (INT_MAX, INT_MAX, INT_MAX, IPCMNI), fields=4),
    "kernel/shmall": POOL_BYTES,
    "kernel/shmmax": POOL_BYTES,
    "kernel/yama/ptrace_scope": KernelKey(0, 3),
    "net/core/busy_poll": KernelKey(0),
    "net/core/busy_read": KernelKey(0),
    "net/core/default_qdisc": KernelKey(kind=TEXT),
    "net/core/flow_limit_cpu_bitmap": KernelKey(kind=HEX),
    "net/core/netdev_budget": KernelKey(0),
    "net/core/netdev_budget_usecs": KernelKey(0),
    "net/core/netdev_max_backlog": COUNT,
    "net/core/rmem_default": KernelKey(LEAST_RECEIVE_BUFFER),
    "net/core/rmem_max": KernelKey(LEAST_RECEIVE_BUFFER),
    "net/core/optmem_max": KernelKey(0),
    "net/core/rps_default_mask": KernelKey(kind=HEX),
    "net/core/rps_sock_flow_entries": KernelKey(0, rounded=_power_of_two),
    "net/core/somaxconn": KernelKey(0),
    "net/core/wmem_default": COUNT,
    "net/core/wmem_max": COUNT,
    "net/ipv4/icmp_echo_ignore_broadcasts": SWITCH,
    "net/ipv4/icmp_ignore_bogus_error_responses": SWITCH,
    "net/ipv4/ip_forward": SWITCH,
    "net/ipv4/ipfrag_high_thresh": KernelKey(0, LONG_MAX),
    "net/ipv4/ipfrag_low_thresh": KernelKey(0, LONG_MAX),
    "net/ipv4/ipfrag_time": SECONDS,
    "net/ipv4/ip_local_port_range": KernelKey(1, HIGHEST_PORT, fields=2, ascending=True),
    "net/ipv4/ip_local_reserved_ports": KernelKey(kind=PORTS),
    "net/ipv4/ip_nonlocal_bind": SWITCH,
    "net/ipv4/tcp_available_congestion_control": KernelKey(kind=TEXT),
    "net/ipv4/tcp_congestion_control": KernelKey(kind=TEXT),
    "net/ipv4/tcp_fastopen_key": KernelKey(kind=HEX),
    "net/ipv4/tcp_fin_timeout": SECONDS,
    "net/ipv4/tcp_keepalive_intvl": PROBE_SECONDS,
    "net/ipv4/tcp_keepalive_probes": U8,
    "net/ipv4/tcp_keepalive_time": PROBE_SECONDS,
    "net/ipv4/tcp_max_syn_backlog": KernelKey(0),
    "net/ipv4/tcp_max_tw_buckets": KernelKey(0),
    "net/ipv4/tcp_mem": MEMORY_PAGES,
    "net/ipv4/tcp_no_metrics_save": SWITCH,
    "net/ipv4/tcp_retries2": U8,
    "net/ipv4/tcp_rfc1337": SWITCH,
    "net/ipv4/tcp_rmem": KernelKey(1, fields=3, ascending=True),
    "net/ipv4/tcp_sack": SWITCH,
    "net/ipv4/tcp_syn_retries": KernelKey(1, 127),
    "net/ipv4/tcp_syncookies": KernelKey(0, 2),
    "net/ipv4/tcp_timestamps": KernelKey(0, 2),
    "net/ipv4/tcp_tw_recycle": SWITCH,
    "net/ipv4/tcp_tw_reuse": KernelKey(0, 2),
    "net/ipv4/tcp_window_scaling": SWITCH,
    "net/ipv4/tcp_wmem": KernelKey(1, fields=3, ascending=True),
    "net/ipv4/udp_mem": MEMORY_PAGES,
    "net/ipv4/udp_rmem_min": COUNT,
    "net/ipv4/udp_wmem_min": COUNT,
    "net/ipv6/ip_nonlocal_bind": SWITCH,
    "net/netfilter/nf_conntrack_buckets": KernelKey(0, rounded=_whole_pages_of_buckets),
    "net/netfilter/nf_conntrack_max": KernelKey(0, zero_is_unlimited=True),
    "net/netfilter/nf_conntrack_udp_timeout": SECONDS,
    "net/netfilter/nf_conntrack_udp_timeout_stream": SECONDS,
    "net/nf_conntrack_max": KernelKey(0, zero_is_unlimited=True),
    "vm/dirty_background_bytes": KernelKey(0, ULONG_MAX),
    "vm/dirty_background_ratio": PERCENT,
    "vm/dirty_bytes": KernelKey(0, ULONG_MAX),
    "vm/dirty_ratio": PERCENT,
    "vm/max_map_count": KernelKey(0),
    "vm/swappiness": KernelKey(0, 200),
}

# Per-interface switches. Their handlers accept any number, such as 7, which has no defined meaning.
_INTERFACE_KEYS = {
    "net/ipv4/conf/*/accept_redirects": SWITCH,
    "net/ipv4/conf/*/accept_source_route": SWITCH,
    "net/ipv4/conf/*/arp_announce": KernelKey(0, 2),
    "net/ipv4/conf/*/arp_ignore": KernelKey(0, 8),
    "net/ipv4/conf/*/forwarding": SWITCH,
    "net/ipv4/conf/*/log_martians": SWITCH,
    "net/ipv4/conf/*/rp_filter": KernelKey(0, 2),
    "net/ipv4/conf/*/secure_redirects": SWITCH,
    "net/ipv4/conf/*/send_redirects": SWITCH,
    "net/ipv6/conf/*/accept_redirects": SWITCH,
    "net/ipv6/conf/*/disable_ipv6": SWITCH,
    "net/ipv6/conf/*/forwarding": SWITCH,
    "net/ipv4/neigh/*/gc_thresh1": KernelKey(0),
    "net/ipv4/neigh/*/gc_thresh2": KernelKey(0),
    "net/ipv4/neigh/*/gc_thresh3": KernelKey(0),
}

# A write to one of a pair sets the other to 0 (mm/page-writeback.c, mm/util.c).
_EITHER_OR = (
    ("vm/dirty_ratio", "vm/dirty_bytes"),
    ("vm/dirty_background_ratio", "vm/dirty_background_bytes"),
    ("vm/overcommit_ratio", "vm/overcommit_kbytes"),
)
_MUTUALLY_EXCLUSIVE = dict([*_EITHER_OR, *((second, first) for first, second in _EITHER_OR)])

# Two names of one variable (net/ipv4/devinet.c, net/netfilter/nf_conntrack_standalone.c, mm/hugetlb.c).
IPV4_FORWARDING = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding")
_TWO_NAMES = (
    IPV4_FORWARDING,
    ("net/nf_conntrack_max", "net/netfilter/nf_conntrack_max"),
    ("vm/nr_hugepages", "vm/nr_hugepages_mempolicy"),
)
_OTHER_NAMES = dict([*_TWO_NAMES, *((second, first) for first, second in _TWO_NAMES)])

# The kernel copies their `default` to interfaces (devinet_copy_dflt_conf(), neigh_copy_dflt_parms()). That of
# net/ipv6/conf goes to an interface when it is registered, and never later (ipv6_add_dev(), net/ipv6/addrconf.c): a
# card of the initial RAM disk has the kernel's own before systemd-sysctl runs, a VLAN or a bond has ours.
_IPV4_DEFAULTS = "net/ipv4/conf/default/"
_COPIED_DEFAULTS = (_IPV4_DEFAULTS, "net/ipv4/neigh/default/", "net/ipv6/neigh/default/")

# Keys that exist only once a module is loaded, which may be long after systemd-sysctl has run.
_MODULE_PREFIXES = (
    ("net/netfilter/nf_conntrack_", "nf_conntrack"),
    ("net/nf_conntrack_max", "nf_conntrack"),
    ("net/bridge/", "br_netfilter"),
    ("net/ipv4/vs/", "ip_vs"),
    ("net/sctp/", "sctp"),
)
_MODULE_TREES = {
    "nf_conntrack": ("/net/netfilter", "/net/nf_conntrack_max"),
    "br_netfilter": ("/net/bridge",),
    "ip_vs": ("/net/ipv4/vs",),
    "sctp": ("/net/sctp",),
}

# The first is never above the first number of the second: net/ipv4/ip_fragment.c, net/ipv6/reassembly.c,
# net/ipv6/netfilter/nf_conntrack_reasm.c, ipv4_local_port_range() of net/ipv4/sysctl_net_ipv4.c.
BOUNDED = (
    ("net/ipv4/ipfrag_low_thresh", "net/ipv4/ipfrag_high_thresh"),
    ("net/ipv6/ip6frag_low_thresh", "net/ipv6/ip6frag_high_thresh"),
    ("net/netfilter/nf_conntrack_frag6_low_thresh", "net/netfilter/nf_conntrack_frag6_high_thresh"),
    ("net/ipv4/ip_unprivileged_port_start", "net/ipv4/ip_local_port_range"),
)

# The kernel copies their `all` to every existing interface (net/ipv6/addrconf.c).
_IPV6_FANS_OUT = frozenset(
    f"net/ipv6/conf/all/{leaf}"
    for leaf in ("forwarding", "disable_ipv6", "disable_policy", "addr_gen_mode", "ignore_routes_with_linkdown")
)

# Keys that the kernel takes one way only, until a boot, with the values that lock them; None: whatever is written.
# Source: Documentation/admin-guide/sysctl/kernel.rst, Documentation/admin-guide/LSM/Yama.rst; kernel/umh.c for the
# capabilities, kernel/sysctl.c for what can only be added to, fs/drop_caches.c.
_LOCKED_BY: dict[str, tuple[str, ...] | None] = {
    "kernel/grsecurity/grsec_lock": ("1",),
    "kernel/kexec_load_disabled": ("1",),
    "kernel/kexec_load_limit_panic": None,  # only ever lower
    "kernel/kexec_load_limit_reboot": None,
    "kernel/modules_disabled": ("1",),
    "kernel/tainted": None,
    "kernel/unprivileged_bpf_disabled": ("1",),
    "kernel/usermodehelper/bset": None,
    "kernel/usermodehelper/inheritable": None,
    "kernel/yama/ptrace_scope": ("3",),
    "vm/drop_caches": None,
}
_BINARY_FORMATS = "fs/binfmt_misc/"  # an entry reads as a text that it does not take: admin-guide/binfmt-misc.rst

_IPC_KEYS = ("kernel/sem", "kernel/shm", "kernel/msg", "fs/mqueue/")
_UTS_KEYS = ("kernel/hostname", "kernel/domainname")


def known(path: str) -> KernelKey | None:
    """The rules for a key, None for an unknown one. A glob over interfaces has the rules of its keys."""
    exact = _KEYS.get(path)
    if exact is not None or interface_of(path) is None:
        return exact
    return _INTERFACE_KEYS.get(for_interface(path, "*"))


def mutually_exclusive(path: str) -> str | None:
    """The key that the kernel sets to 0 when this one is written with another value than it has."""
    return _MUTUALLY_EXCLUSIVE.get(path)


def other_name(path: str) -> str | None:
    """The other name of the kernel's variable, if it has two."""
    return _OTHER_NAMES.get(path)


def follows_other(path: str, value: str) -> bool:
    """Whether a key reads 0 because its mutually exclusive key is set: the 0 comes back with that key's value."""
    return value == "0" and mutually_exclusive(path) is not None


def is_one_way(path: str) -> bool:
    """Whether some value of the key cannot be taken back before a boot."""
    return path in _LOCKED_BY or path.startswith(_BINARY_FORMATS)


def write_order(path: str) -> tuple[bool, tuple[int, int]]:
    """The place of a key among all writes: what cannot be taken back comes last, when all else has gone well."""
    return is_one_way(path), write_rank(path)


def is_locked(path: str, value: str) -> bool:
    """Whether the kernel refuses any other value, or the former one, once the key has this value, until a boot."""
    locking = _LOCKED_BY.get(path)
    return is_one_way(path) and (locking is None or value in locking)


def module_of(path: str) -> str | None:
    """The kernel module that creates the key; None if no module is known for it."""
    for prefix, module in _MODULE_PREFIXES:
        if path.startswith(prefix):
            return module
    return None


def module_trees(module: str) -> tuple[str, ...]:
    """The prefixes of a module's keys for `systemd-sysctl --prefix=`."""
    return _MODULE_TREES[module]


def is_copied_to_interfaces(path: str) -> bool:
    """Whether interfaces take the key over as long as they have no address; forwarding they do not: devinet.c."""
    return path.startswith(_IPV4_DEFAULTS) and not path.endswith("/forwarding")


def side_effects(path: str) -> list[str]:
    """The other keys, as paths or globs, that the kernel may change when this one is written."""
    if path in IPV4_FORWARDING:
        effects = ["net/ipv4/ip_forward", "net/ipv4/conf/*/forwarding", "net/ipv4/conf/all/accept_redirects"]
        return [effect for effect in effects if effect != path]
    effects = [other for other in (mutually_exclusive(path), other_name(path)) if other is not None]
    if path.startswith(_COPIED_DEFAULTS) or path in _IPV6_FANS_OUT:
        effects.append(for_interface(path, "*"))
    return effects


def side_effect_value(path: str, value: str, effect: str) -> str:
    """The value that the side effect `effect` has after `path` was set to `value`."""
    if effect == mutually_exclusive(path):
        return "0"
    if effect.endswith("/accept_redirects") and path in IPV4_FORWARDING:
        return "1" if value == "0" else "0"  # inet_forward_change(), net/ipv4/devinet.c
    return value


class Surroundings(NamedTuple):
    """Whether this is a container, and which namespaces it does not share. Source: namespaces(7)."""

    container: bool
    child_network_namespace: bool
    child_ipc_namespace: bool


def not_namespaced(path: str, surroundings: Surroundings) -> str | None:
    """The reason why a container must not write a key: it has no namespace of its own for it. None if it may.

    A privileged container could write fs.* and vm.*, and would change the whole machine.
    """
    if not surroundings.container:
        return None
    if path.startswith("net/"):
        if surroundings.child_network_namespace:
            return None
        return "this container shares the network of its machine, so the key belongs to the machine"
    if path.startswith(_IPC_KEYS) and surroundings.child_ipc_namespace:
        return None
    if path in _UTS_KEYS or path.startswith("user/"):
        return None
    return "the key belongs to the whole machine, not to this container"
