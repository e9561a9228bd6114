# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that are measured, each with a value that a new network namespace does not have."""

from __future__ import annotations

# All of them belong to the network namespace, and none changes another one.
SETTINGS: dict[str, str] = {
    "net.core.optmem_max": "65536",
    "net.core.somaxconn": "65535",
    "net.ipv4.conf.all.accept_source_route": "1",
    "net.ipv4.conf.all.log_martians": "1",
    "net.ipv4.conf.all.rp_filter": "2",
    "net.ipv4.conf.all.secure_redirects": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.lo.accept_redirects": "0",
    "net.ipv4.conf.lo.log_martians": "1",
    "net.ipv4.conf.lo.rp_filter": "2",
    "net.ipv4.conf.lo.secure_redirects": "0",
    "net.ipv4.conf.lo.send_redirects": "0",
    "net.ipv4.icmp_echo_ignore_all": "1",
    "net.ipv4.icmp_echo_ignore_broadcasts": "0",
    "net.ipv4.icmp_ignore_bogus_error_responses": "0",
    "net.ipv4.icmp_ratelimit": "500",
    "net.ipv4.igmp_max_memberships": "40",
    "net.ipv4.ip_default_ttl": "70",
    "net.ipv4.ip_local_port_range": "20000 60999",
    "net.ipv4.ip_local_reserved_ports": "5060-5061,30000-40000",
    "net.ipv4.ip_nonlocal_bind": "1",
    "net.ipv4.ipfrag_time": "25",
    "net.ipv4.tcp_adv_win_scale": "2",
    "net.ipv4.tcp_base_mss": "1100",
    "net.ipv4.tcp_challenge_ack_limit": "900",
    "net.ipv4.tcp_dsack": "0",
    "net.ipv4.tcp_ecn": "1",
    "net.ipv4.tcp_fastopen": "3",
    "net.ipv4.tcp_fin_timeout": "15",
    "net.ipv4.tcp_keepalive_intvl": "60",
    "net.ipv4.tcp_keepalive_probes": "5",
    "net.ipv4.tcp_keepalive_time": "60",
    "net.ipv4.tcp_max_syn_backlog": "300000",
    "net.ipv4.tcp_max_tw_buckets": "1440000",
    "net.ipv4.tcp_moderate_rcvbuf": "0",
    "net.ipv4.tcp_mtu_probing": "1",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_notsent_lowat": "131072",
    "net.ipv4.tcp_orphan_retries": "3",
    "net.ipv4.tcp_reordering": "4",
    "net.ipv4.tcp_retries1": "4",
    "net.ipv4.tcp_retries2": "8",
    "net.ipv4.tcp_rfc1337": "1",
    "net.ipv4.tcp_rmem": "10240 87380 10485760",
    "net.ipv4.tcp_sack": "0",
    "net.ipv4.tcp_slow_start_after_idle": "0",
    "net.ipv4.tcp_stdurg": "1",
    "net.ipv4.tcp_syn_retries": "5",
    "net.ipv4.tcp_synack_retries": "4",
    "net.ipv4.tcp_syncookies": "2",
    "net.ipv4.tcp_timestamps": "2",
    "net.ipv4.tcp_tw_reuse": "1",
    "net.ipv4.tcp_window_scaling": "0",
    "net.ipv4.tcp_wmem": "10240 87380 10485760",
    "net.ipv4.udp_rmem_min": "8192",
    "net.ipv4.udp_wmem_min": "8192",
    "net.ipv6.conf.all.accept_redirects": "0",
    "net.ipv6.conf.all.accept_source_route": "1",
    "net.ipv6.conf.lo.accept_redirects": "0",
    "net.ipv6.icmp.ratelimit": "500",
    "net.ipv6.ip6frag_time": "50",
    "net.ipv6.ip_nonlocal_bind": "1",
    "net.ipv6.mld_qrv": "3",
    "net.unix.max_dgram_qlen": "512",
}

MEASURED_TOGETHER = 60  # by all the ways that are compared
OWN_WORK = 65  # as many as the documents name that the collection is made from


def first_settings(count: int) -> dict[str, str]:
    """The first so many of the settings."""
    return dict(list(SETTINGS.items())[:count])


# Keys that every interface has, and that change nothing else: to measure with as many keys as one likes.
INTERFACE_LEAVES = (
    "accept_local",
    "arp_accept",
    "arp_announce",
    "arp_filter",
    "arp_ignore",
    "arp_notify",
    "log_martians",
    "rp_filter",
    "send_redirects",
    "tag",
)


def interface_settings(interfaces: list[str], count: int, value: int) -> dict[str, str]:
    """So many keys of these interfaces."""
    keys = [f"net.ipv4.conf.{name}.{leaf}" for leaf in INTERFACE_LEAVES for name in interfaces]
    return dict.fromkeys(keys[:count], str(value))
