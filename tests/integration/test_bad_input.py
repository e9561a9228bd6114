# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid input gives one clear error from the real module, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from calls import FILE, module
from sandbox import difference, dump

# Keys, and the part of the message that names them.
KEYS = {
    "empty": ("", "''"),
    "one-part": ("net", "'net'"),
    "traversal": ("../../etc/passwd", "../../etc/passwd"),
    "traversal-below": ("net/../../../etc/passwd", "net/../../../etc/passwd"),
    "traversal-with-dots": ("net.//.ipv4", "net.//.ipv4"),
    "empty-part": ("net..ipv4", "net..ipv4"),
    "trailing-dot": ("net.ipv4.tcp_sack.", "net.ipv4.tcp_sack."),
    "absolute": ("/proc/sys/net/ipv4/tcp_sack", "/proc/sys/net/ipv4/tcp_sack"),
    "nul": ("net.ipv4.tcp_sack\0", "tcp_sack"),
    "newline": ("net.ipv4.tcp_sack\nnet.ipv4.ip_forward", "tcp_sack"),
    "carriage-return": ("net.ipv4.tcp_sack\r", "tcp_sack"),
    "blank": ("net.ipv4.tcp sack", "net.ipv4.tcp sack"),
    "tab": ("net.ipv4.tcp_sack\t", "tcp_sack"),
    "assignment": ("net.ipv4.tcp_sack=0", "net.ipv4.tcp_sack=0"),
    "dash": ("-net.ipv4.tcp_sack", "-net.ipv4.tcp_sack"),
    "comment": ("#net.ipv4.tcp_sack", "#net.ipv4.tcp_sack"),
    "glob-as-tree": ("n*.ipv4.tcp_sack", "n*.ipv4.tcp_sack"),
    "directory": ("net.ipv4", "net.ipv4"),
    "directory-of-interface": ("net.ipv4.conf.sip0", "net.ipv4.conf.sip0"),
    "too-long": ("net.ipv4." + "x" * 2000, "too long"),
}

# Settings, and the item and the reason that the message must name.
SETTINGS: dict[str, tuple[dict[str, Any], str, str]] = {
    "newline": ({"net.ipv4.tcp_sack": "0\nnet.ipv4.ip_forward = 1"}, "net.ipv4.tcp_sack", "line break"),
    "nul": ({"net.ipv4.tcp_sack": "0\0"}, "net.ipv4.tcp_sack", "control"),
    "none": ({"net.ipv4.tcp_sack": None}, "net.ipv4.tcp_sack", "no value"),
    "empty": ({"net.ipv4.tcp_sack": ""}, "net.ipv4.tcp_sack", "empty"),
    "empty-of-unknown-key": ({"net.ipv4.tcp_early_retrans": " "}, "net.ipv4.tcp_early_retrans", "empty"),
    "list-for-scalar": ({"net.ipv4.tcp_sack": [0]}, "net.ipv4.tcp_sack", "list"),
    "list-for-unknown-key": ({"net.ipv4.tcp_early_retrans": [3]}, "net.ipv4.tcp_early_retrans", "list"),
    "nested": ({"net.ipv4.tcp_sack": {"value": {"value": 0}}}, "net.ipv4.tcp_sack", "dict"),
    "without-value": ({"net.ipv4.tcp_sack": {"why": "because"}}, "net.ipv4.tcp_sack", "no value"),
    "boolean": ({"net.ipv4.tcp_sack": False}, "net.ipv4.tcp_sack", "write 1 or 0"),
    "fraction": ({"net.core.somaxconn": 4096.5}, "net.core.somaxconn", "whole number"),
    "whole-fraction": ({"net.core.somaxconn": 4096.0}, "net.core.somaxconn", "whole number"),
    "exponent": ({"net.core.somaxconn": "4e3"}, "net.core.somaxconn", "whole number"),
    "unit": ({"net.core.somaxconn": "4k"}, "net.core.somaxconn", "without unit"),
    "octal": ({"net.core.somaxconn": "010000"}, "net.core.somaxconn", "octal"),
    "octal-of-unknown-key": ({"net.ipv4.tcp_early_retrans": "03"}, "net.ipv4.tcp_early_retrans", "octal"),
    "word-for-number": ({"net.ipv4.tcp_sack": "on"}, "net.ipv4.tcp_sack", "number"),
    "negative": ({"net.ipv4.tcp_fin_timeout": -5}, "net.ipv4.tcp_fin_timeout", "-5"),
    "negative-count": ({"net.ipv4.tcp_max_tw_buckets": -1}, "net.ipv4.tcp_max_tw_buckets", "-1"),
    "over-range-switch": ({"net.ipv4.tcp_timestamps": 7}, "net.ipv4.tcp_timestamps", "7"),
    "over-range-of-interface": ({"net.ipv4.conf.sip0/100.rp_filter": 7}, "net.ipv4.conf.sip0/100.rp_filter", "7"),
    "over-range-of-glob": ({"net.ipv4.conf.*.rp_filter": 7}, "net.ipv4.conf.*.rp_filter", "7"),
    "over-range": ({"net.ipv4.tcp_max_tw_buckets": 2**31}, "net.ipv4.tcp_max_tw_buckets", "2147483648"),
    "over-range-of-machine": ({"kernel.perf_event_paranoid": 9}, "kernel.perf_event_paranoid", "9"),
    "randomize": ({"kernel.randomize_va_space": 5}, "kernel.randomize_va_space", "5"),
    "pages-negative": ({"net.ipv4.udp_mem": "-1 2 3"}, "net.ipv4.udp_mem", "-1"),
    "vector-too-long": ({"net.ipv4.tcp_rmem": "4096 5000 6000 7000"}, "net.ipv4.tcp_rmem", "3 numbers"),
    "vector-that-falls": ({"net.ipv4.tcp_rmem": "8192 4096 16384"}, "net.ipv4.tcp_rmem", "rise"),
    "ports-reversed": ({"net.ipv4.ip_local_reserved_ports": "5061-5060"}, "net.ipv4.ip_local_reserved_ports", "5061"),
    "ports-too-high": ({"net.ipv4.ip_local_reserved_ports": "65536"}, "net.ipv4.ip_local_reserved_ports", "65536"),
    "too-long": ({"net.ipv4.tcp_early_retrans": "1 " * 4000}, "net.ipv4.tcp_early_retrans", "longer"),
    "unknown-rule": ({"net.core.somaxconn": {"value": 1, "rule": "roughly"}}, "net.core.somaxconn", "roughly"),
    "rule-list": ({"net.core.somaxconn": {"value": 1, "rule": ["exact"]}}, "net.core.somaxconn", "rule"),
    "floor-of-a-word": (
        {"net.ipv4.tcp_congestion_control": {"value": "cubic", "rule": "at_least"}},
        "net.ipv4.tcp_congestion_control",
        "cubic",
    ),
    "ceiling-of-ports": (
        {"net.ipv4.ip_local_reserved_ports": {"value": "5060", "rule": "at_most"}},
        "net.ipv4.ip_local_reserved_ports",
        "at_most",
    ),
    "unknown-option": ({"net.core.somaxconn": {"value": 1, "valve": 2}}, "net.core.somaxconn", "valve"),
    "why-is-no-text": ({"net.core.somaxconn": {"value": 1, "why": [1]}}, "net.core.somaxconn", "why"),
    "two-spellings": ({"net.ipv4.tcp_sack": 0, "net/ipv4/tcp_sack": 0}, "net/ipv4/tcp_sack", "net.ipv4.tcp_sack"),
    "two-spellings-of-an-interface": (
        {"net.ipv4.conf.sip0/100.rp_filter": 1, "net/ipv4/conf/sip0.100/rp_filter": 1},
        "sip0",
        "twice",
    ),
    "two-globs": (
        {"net.ipv4.conf.sip*.rp_filter": 1, "net.ipv4.conf.s*.rp_filter": 2},
        "net.ipv4.conf.sip0",
        "different values",
    ),
    "ratio-and-bytes": ({"vm.dirty_ratio": 10, "vm.dirty_bytes": 1}, "vm.dirty_bytes", "exclude"),
    "forward-both-ways": (
        {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 0},
        "net.ipv4.ip_forward",
        "net.ipv4.conf.all.forwarding",
    ),
}

PATHS = {
    "elsewhere": "/etc/passwd",
    "somewhere": "/tmp/90-test.conf",
    "relative": "90-test.conf",
    "relative-directory": "etc/sysctl.d/90-test.conf",
    "traversal": "/etc/sysctl.d/../passwd.conf",
    "double-slash": "/etc/sysctl.d//90-test.conf",
    "subdirectory": "/etc/sysctl.d/sub/90-test.conf",
    "directory": "/etc/sysctl.d",
    "directory-slash": "/etc/sysctl.d/",
    "no-suffix": "/etc/sysctl.d/90-test",
    "other-suffix": "/etc/sysctl.d/90-test.conf.bak",
    "suffix-only": "/etc/sysctl.d/.conf",
    "hidden": "/etc/sysctl.d/.90-test.conf",
    "blank": "/etc/sysctl.d/90 test.conf",
    "newline": "/etc/sysctl.d/90-test\n.conf",
    "nul": "/etc/sysctl.d/90-test\0.conf",
    "empty": "",
    "sysctl.conf": "/etc/sysctl.conf",
}

PARAMETERS = {
    "unknown-option": ({"path": FILE, "settings": {}, "reload": True}, "reload"),
    "unknown-state": ({"path": FILE, "settings": {}, "state": "gone"}, "gone"),
    "unknown-when": ({"path": FILE, "settings": {}, "when": "later"}, "later"),
    "no-path": ({"settings": {"net.ipv4.tcp_sack": 0}}, "path"),
    "settings-are-a-word": ({"path": FILE, "settings": "tcp_sack"}, "settings"),
    "settings-are-a-list": ({"path": FILE, "settings": ["net.ipv4.tcp_sack"]}, "settings"),
    "missing-what": ({"path": FILE, "settings": {}, "missing": "ignore"}, "ignore"),
    "missing-fails": ({"path": FILE, "settings": {"net.ipv4.tcp_tw_recycle": 1}, "missing": "fail"}, "tcp_tw_recycle"),
    "readonly-fails": ({"path": FILE, "settings": {"vm.swappiness": 11}, "missing": "fail"}, "vm.swappiness"),
}


def refused(**parameters: Any) -> str:
    """The message of a call that must fail, in check mode and for real, without changing anything."""
    start = dump()
    messages = [module(check=check, **parameters) for check in (True, False)]
    assert difference(start, dump()) == {}
    assert all(message.get("failed") for message in messages), messages
    assert messages[0]["msg"] == messages[1]["msg"]
    assert "Traceback" not in messages[0]["msg"]
    assert "\n" not in messages[0]["msg"]
    return str(messages[0]["msg"])


@pytest.mark.parametrize(("key", "named"), KEYS.values(), ids=KEYS.keys())
def test_bad_key(key: str, named: str) -> None:
    assert named in refused(path=FILE, settings={"net.core.somaxconn": 9000, key: 1})


@pytest.mark.parametrize(("settings", "item", "reason"), SETTINGS.values(), ids=SETTINGS.keys())
def test_bad_setting(settings: dict[str, Any], item: str, reason: str) -> None:
    message = refused(path=FILE, settings={"net.ipv4.tcp_rfc1337": 1, **settings})
    assert (item in message, reason in message) == (True, True), message


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_bad_path(path: str) -> None:
    message = refused(path=path, settings={"net.core.somaxconn": 9000})
    assert path in message or repr(path)[1:-1] in message, message


@pytest.mark.parametrize(("parameters", "named"), PARAMETERS.values(), ids=PARAMETERS.keys())
def test_bad_parameters(parameters: dict[str, Any], named: str) -> None:
    assert named in refused(**parameters)
