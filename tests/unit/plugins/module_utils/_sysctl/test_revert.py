# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.conf import Line, render
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import LiveKey
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.revert import without_refused
from sysctl_hosts import OTHER, PATH, SETTINGS, applied, items, lines, observed, request, run_as


def test_without_settings_everything_is_reverted() -> None:
    start = observed()
    host, _ = applied(start, request(SETTINGS))
    back, done = applied(host, request({}))
    assert back == start
    assert done.changed
    assert items(done)["net.core.rmem_max"].after == "212992"
    assert not applied(back, request({}))[1].changed


def test_a_refused_revert_keeps_its_record_and_that_of_the_key_that_it_would_bring_along() -> None:
    host, _ = applied(observed(), request({"vm.dirty_bytes": 268435456, "net.core.rmem_max": 4194304}))
    planned = plan(request({}), host)
    done = without_refused(planned, {"vm/dirty_ratio": "EINVAL"})
    assert {name: change.state for name, change in items(done).items()} == {
        "vm.dirty_bytes": "refused",
        "net.core.rmem_max": "changed",
        **({"vm.dirty_ratio": "refused"} if "vm.dirty_ratio" in items(planned) else {}),
    }
    assert [write.path for write in done.writes] == ["net/core/rmem_max"]
    assert not {"vm/dirty_ratio", "vm/dirty_bytes"} & set(done.reverted)


def test_a_dropped_key_alone_is_reverted() -> None:
    host, _ = applied(observed(), request(SETTINGS))
    fewer = {key: value for key, value in SETTINGS.items() if key != "net.core.rmem_max"}
    host, done = applied(host, request(fewer))
    assert [write.path for write in done.writes] == ["net/core/rmem_max"]
    assert host.live["net/core/rmem_max"].value == "212992"
    assert "net/core/rmem_max" not in lines(host)
    assert "net/ipv4/tcp_rmem" in host.originals.keys


def test_a_lower_floor_lowers_our_value_but_not_the_original() -> None:
    high = request({"net.core.rmem_max": {"value": 16777216, "rule": "at_least"}})
    low = request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}})
    lower = request({"net.core.rmem_max": {"value": 65536, "rule": "at_least"}})
    host, _ = applied(observed(), high)
    host, done = applied(host, low)
    assert host.live["net/core/rmem_max"].value == "4194304"
    assert lines(host) == {"net/core/rmem_max": "4194304"}
    host, done = applied(host, lower)
    assert host == observed()
    assert items(done)["net.core.rmem_max"].after == "212992"


def test_a_value_that_somebody_else_has_raised_is_not_lowered() -> None:
    wanted = request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}})
    host, _ = applied(observed(), wanted)
    host = host._replace(live={**host.live, "net/core/rmem_max": LiveKey("33554432", True)})
    again, done = applied(host, wanted)
    assert not done.changed
    assert items(done)["net.core.rmem_max"].state == "ok"
    assert lines(again) == {"net/core/rmem_max": "4194304"}


def test_a_value_that_somebody_else_has_changed_is_not_reverted() -> None:
    host, _ = applied(observed(), request({"net.core.rmem_max": 4194304}))
    host = host._replace(live={**host.live, "net/core/rmem_max": LiveKey("5000000", True)})
    back, done = applied(host, request({}))
    assert back.live["net/core/rmem_max"].value == "5000000"
    assert items(done)["net.core.rmem_max"].state == "kept"
    assert "this module left 4194304" in items(done)["net.core.rmem_max"].reason
    assert back.originals.empty


def test_a_file_that_somebody_else_has_edited_is_not_removed() -> None:
    host, _ = applied(observed(), request({"net.core.rmem_max": 4194304}))
    edited = FileRecord(b"# mine now\n", 0o644, 0, 0)
    back, done = applied(host._replace(own=edited), request({}))
    assert back.own == edited
    assert items(done)[PATH].state == "kept"


def test_an_earlier_file_is_restored() -> None:
    theirs = FileRecord(b"vm.swappiness=1\n", 0o600, 0, 7)
    host, _ = applied(observed(own=theirs), request({"net.core.rmem_max": 4194304}))
    assert host.own != theirs
    assert applied(host, request({}))[0].own == theirs


def test_a_file_that_we_did_not_write_is_not_removed() -> None:
    theirs = FileRecord(b"vm.swappiness=1\n", 0o600, 0, 7)
    done = plan(request({}), observed(own=theirs))
    assert not done.files
    assert items(done)[PATH].state == "kept"


def test_our_file_is_removed_even_if_its_originals_are_lost() -> None:
    ours = FileRecord(render([Line("net/core/rmem_max", "4194304", "")]).encode(), 0o644, 0, 0)
    assert [file.after for file in plan(request({}), observed(own=ours)).files] == [None]


def test_a_key_stays_as_long_as_another_file_needs_it() -> None:
    host, _ = applied(observed(), request({"net.core.somaxconn": 8192}))
    host, done = run_as(host, OTHER, {"net.core.somaxconn": 8192})
    assert not done.writes
    host, done = applied(host, request({}))
    assert host.live["net/core/somaxconn"].value == "8192"
    host, done = run_as(host, OTHER, {})
    assert host.live["net/core/somaxconn"].value == "4096"
    assert host.originals.empty


def test_a_key_that_two_files_need_stays_with_the_other() -> None:
    host, _ = applied(observed(), request({"net.core.rmem_max": 4194304}))
    record = host.originals.keys["net/core/rmem_max"]
    shared = record._replace(owners=("/etc/sysctl.d/80-other.conf", PATH))
    host = host._replace(originals=host.originals._replace(keys={"net/core/rmem_max": shared}))
    host, done = applied(host, request({}))
    assert not done.writes
    assert host.originals.keys["net/core/rmem_max"].owners == ("/etc/sysctl.d/80-other.conf",)
