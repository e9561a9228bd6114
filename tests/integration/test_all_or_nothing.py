# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the kernel refuses one key of many, the host stays as it was, and the message has the reason."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from calls import FILE, ORIGINALS, Settings, apply, module, originals, put_back, write_file
from sandbox import difference, dump, read, write

MANY: Settings = {
    "net.core.somaxconn": 9000,
    "net.ipv4.tcp_rmem": "10240 87380 10485760",
    "net.ipv4.ip_local_reserved_ports": "5060-5061,30000-40000",
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.*.accept_redirects": 0,
    "net.ipv4.conf.default.rp_filter": 2,
    "net.ipv6.conf.all.disable_ipv6": 1,
    "net.ipv6.conf.lo.disable_ipv6": 0,
    "net.ipv4.tcp_keepalive_time": 61,
}

# What the kernel itself refuses: the key, the value, and the name of its reason.
REFUSALS = [
    pytest.param("net.ipv4.tcp_congestion_control", "nonesuch", "ENOENT", id="no-such-algorithm"),
    pytest.param("net.ipv4.tcp_early_retrans", 99, "EINVAL", id="out-of-range"),
    pytest.param("net.ipv4.ip_local_port_range", "10 9000", "EINVAL", id="privileged-ports"),
    pytest.param("net.ipv4.tcp_fastopen_key", "zz", "EINVAL", id="malformed"),
    pytest.param("net.ipv4.conf.sip0/100.tag", "many", "EINVAL", id="no-number"),
    pytest.param("net.ipv6.conf.rtp0.mtu", 1, "EINVAL", id="interface"),
]


def untouched() -> None:
    """A host on which the collection has never run."""


def tuned_before() -> None:
    apply({"net.core.somaxconn": 5000, "net.ipv4.conf.sip0.forwarding": 1})


def tuned_by_hand() -> None:
    write("net/ipv4/conf/sip0/forwarding", 1)
    write("net/ipv6/conf/sip0/disable_ipv6", 1)
    write_file(FILE, "# by hand\nnet.core.somaxconn = 4096\n")


@pytest.mark.parametrize("prepare", [untouched, tuned_before, tuned_by_hand])
@pytest.mark.parametrize(("key", "value", "reason"), REFUSALS)
def test_refusal_of_the_last_key_undoes_everything(
    key: str, value: object, reason: str, prepare: Callable[[], None]
) -> None:
    prepare()
    start = dump()
    with pytest.raises(RefusedError) as caught:
        apply({**MANY, key: value})
    assert difference(start, dump()) == {}
    error = caught.value
    assert (key in str(error), str(value) in str(error), reason in str(error)) == (True, True, True), str(error)
    assert error.item == key
    assert error.not_undone == []
    assert {"net.core.somaxconn", "net.ipv4.ip_forward", "net.ipv4.tcp_keepalive_time"} <= set(error.undone)
    assert key not in error.undone


def test_refusal_leaves_a_later_run_and_putting_back_whole() -> None:
    start = dump()
    apply({"net.core.somaxconn": 5000})
    with pytest.raises(RefusedError):
        apply({**MANY, "net.ipv4.tcp_early_retrans": 99})
    assert not apply({"net.core.somaxconn": 5000}).changed
    put_back()
    assert difference(start, dump()) == {}


def test_module_names_the_refused_key_and_the_undone_ones() -> None:
    start = dump()
    settings = {**MANY, "net.ipv4.tcp_early_retrans": 99, "net.ipv4.tcp_sack": 1}
    result = module(path=FILE, settings=settings)
    assert result["failed"]
    assert "net.ipv4.tcp_early_retrans" in result["msg"]
    assert "net.core.somaxconn" in result["undone"]
    items = {item["item"]: item for item in result["items"]}
    assert items["net.ipv4.tcp_early_retrans"]["state"] == "refused"
    assert all(item["after"] == item["before"] for item in items.values())
    assert [name for name, item in items.items() if item["state"] == "changed"] == []
    assert difference(start, dump()) == {}


def test_refusal_on_the_way_back_is_named_and_everything_else_goes_back() -> None:
    """The kernel may refuse an original that was valid once, after a related limit has changed."""
    write("net/ipv4/ip_unprivileged_port_start", 500)
    write("net/ipv4/ip_local_port_range", "600 700")
    apply({"net.ipv4.ip_local_port_range": "32768 60999", "net.core.somaxconn": 9000})
    write("net/ipv4/ip_unprivileged_port_start", 1024)
    back = put_back().items
    assert read("net/core/somaxconn") == "4096"
    refused = back["net.ipv4.ip_local_port_range"]
    assert (refused.state, refused.after) == ("refused", "32768 60999")
    assert refused.reason.startswith("not put back: the kernel refused '600 700': ")
    assert list(originals()["sysctl"]) == ["net/ipv4/ip_local_port_range"]
    assert not os.path.exists(FILE)
    write("net/ipv4/ip_unprivileged_port_start", 500)
    assert put_back().changed
    assert not os.path.exists(ORIGINALS)
    assert (read("net/ipv4/ip_local_port_range"), read("net/core/somaxconn")) == ("600 700", "4096")
