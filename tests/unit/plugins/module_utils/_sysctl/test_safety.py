# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from sysctl_hosts import applied, items, observed, request


def test_ipv6_in_use_is_not_switched_off() -> None:
    reasons = ("the control connection comes in over IPv6 (2001:db8::5)",)
    off = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}
    with pytest.raises(SysctlError, match=r"IPv6 is in use here.*control connection"):
        plan(request(off), observed(ipv6_reasons=reasons))
    assert plan(request(off), observed()).changed
    already = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}
    assert plan(request(off), observed(already, ipv6_reasons=reasons)).writes == []


def test_nr_open_is_not_lowered_below_a_limit_in_use() -> None:
    with pytest.raises(SysctlError, match="limit in use"):
        plan(request({"fs.nr_open": 65536}), observed(highest_nofile=524288))
    assert plan(request({"fs.nr_open": 1000000}), observed(highest_nofile=524288)).writes


def test_a_revert_does_not_lock_anyone_out() -> None:
    off = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}
    host, _ = applied(observed(off), request({"net.ipv6.conf.all.disable_ipv6": 0, "fs.nr_open": 2097152}))
    host = host._replace(ipv6_reasons=("it is needed",), highest_nofile=2000000)
    back, done = applied(host, request({}))
    assert back.live["net/ipv6/conf/all/disable_ipv6"].value == "0"
    assert back.live["fs/nr_open"].value == "2097152"
    assert {items(done)[name].state for name in ("net.ipv6.conf.all.disable_ipv6", "fs.nr_open")} == {"kept"}
    free = back._replace(ipv6_reasons=(), highest_nofile=1024)
    assert applied(free, request({}))[0].live["fs/nr_open"].value == "1048576"


def test_a_lower_floor_does_not_go_below_a_limit_in_use() -> None:
    host, _ = applied(observed(), request({"fs.nr_open": {"value": 2097152, "rule": "at_least"}}))
    lower = request({"fs.nr_open": {"value": 1048576, "rule": "at_least"}})
    assert not plan(lower, host._replace(highest_nofile=2000000)).writes
    assert plan(lower, host._replace(highest_nofile=1024)).writes
