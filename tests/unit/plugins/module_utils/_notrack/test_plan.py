# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, FileOriginal, digest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._notrack.model import (
    BOOT_PATH,
    NFTABLES_PATH,
    PATHS,
    RULES_PATH,
    UNIT_PATH,
    Plan,
)
from ansible_collections.siptune.linux.plugins.module_utils._notrack.plan import plan, texts
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import NONE_EXEMPT, Exempt
from ansible_collections.siptune.linux.plugins.module_utils._notrack.settings import NotrackError, Request
from ansible_collections.siptune.linux.plugins.module_utils._notrack.table import DELETION, text_for
from notrack_hosts import (
    BOTH_EXEMPT,
    EXEMPT,
    PORTS,
    PROGRAM,
    SHOWN,
    TCP_PORTS,
    TCP_SHOWN,
    observed,
    ours,
    ruleset,
)

WANTED, BACK = Request(EXEMPT), Request(NONE_EXEMPT)
WRITTEN = {path: [ours(exempt)[path] for exempt in (EXEMPT, BOTH_EXEMPT)] for path in PATHS}
RECORDED = NOTHING._replace(
    files={
        path: FileOriginal(None, tuple(dict.fromkeys(digest(record.content) for record in records if record)))
        for path, records in WRITTEN.items()
    }
)


def item(planned: Plan) -> tuple:
    change = planned.changes[0]
    return change.state, change.before, change.after, change.at_boot_before, change.at_boot


def test_a_host_gets_the_table_and_the_files() -> None:
    planned = plan(WANTED, observed("exact accept"))
    assert item(planned) == ("changed", "none", SHOWN, "none", SHOWN)
    assert [file.path for file in planned.files] == list(PATHS)
    assert (planned.load, planned.undo, planned.reload) == (text_for(EXEMPT), DELETION, True)
    assert set(planned.originals.files) == set(PATHS)


def test_once_it_has_them_nothing_changes() -> None:
    planned = plan(WANTED, observed("ours", files=ours(), originals=RECORDED))
    assert item(planned) == ("ok", SHOWN, SHOWN, SHOWN, SHOWN)
    assert not planned.changed
    assert not planned.reload


def test_a_table_that_was_flushed_is_loaded_again() -> None:
    planned = plan(WANTED, observed("nothing", files=ours(), originals=RECORDED))
    assert item(planned) == ("changed", "none", SHOWN, SHOWN, SHOWN)
    assert planned.changed
    assert (planned.files, planned.reload) == ([], False)


@pytest.mark.parametrize("gone", [UNIT_PATH, BOOT_PATH, RULES_PATH])
def test_a_file_that_is_gone_comes_back(gone: str) -> None:
    planned = plan(WANTED, observed("ours", files={**ours(), gone: None}, originals=RECORDED))
    assert item(planned) == ("changed", SHOWN, SHOWN, "none", SHOWN)
    assert [file.path for file in planned.files] == [gone]
    assert planned.load == ""
    assert planned.reload is (gone != RULES_PATH)


def test_other_ports_replace_the_table_and_its_file() -> None:
    planned = plan(Request(Exempt(((5060, 5060),))), observed("ours", files=ours(), originals=RECORDED))
    assert item(planned) == ("changed", SHOWN, "5060", SHOWN, "5060")
    assert [file.path for file in planned.files] == [RULES_PATH]
    assert planned.undo == text_for(EXEMPT)


def test_everything_goes_back() -> None:
    planned = plan(BACK, observed("ours", files=ours(), originals=RECORDED))
    assert item(planned) == ("changed", SHOWN, "none", SHOWN, "none")
    assert [file.after for file in planned.files] == [None] * 4
    assert (planned.load, planned.undo, planned.reload) == (DELETION, text_for(EXEMPT), True)
    assert planned.of_files.finalized == NOTHING


def test_a_table_of_somebody_else_stays_and_is_named() -> None:
    planned = plan(BACK, observed("ours edited", files=ours(), originals=RECORDED))
    assert (planned.changes[0].state, planned.load) == ("kept", "")
    assert "somebody else has made or edited it" in planned.changes[0].reason
    assert len(planned.files) == 4


def test_files_of_somebody_else_stay() -> None:
    theirs = FileRecord(b"[Service]\n", 0o644, 0, 0)
    files = {**ours(), UNIT_PATH: theirs}
    planned = plan(BACK, observed("ours", files=files, originals=RECORDED))
    assert [change.item for change in planned.changes] == ["untracked UDP ports", UNIT_PATH]
    assert UNIT_PATH not in [file.path for file in planned.files]
    untouched = plan(BACK, observed("nothing", files={**dict.fromkeys(PATHS), UNIT_PATH: theirs}))
    assert (untouched.changes, untouched.changed) == ([], False)


def test_without_nft_nothing_is_written() -> None:
    planned = plan(WANTED, observed(ruleset=None, program=""))
    assert (planned.changes[0].state, planned.changed) == ("absent", False)
    assert planned.changes[0].reason == "nft is missing: install the package nftables"


def test_a_table_stays_until_a_boot_where_nft_is_gone_by_now() -> None:
    planned = plan(BACK, observed(ruleset=None, program="", files=ours(), originals=RECORDED))
    assert planned.changes[0].state == "pending"
    assert len(planned.files) == 4


def test_the_network_of_the_machine_is_left_alone() -> None:
    planned = plan(
        WANTED, observed(ruleset=None, not_own="this container shares the network of its machine: do it there")
    )
    assert (planned.changes[0].state, planned.changed) == ("readonly", False)


def test_without_systemd_only_the_rules_are_kept() -> None:
    planned = plan(WANTED, observed(systemd=False))
    assert item(planned) == ("pending", "none", SHOWN, "none", "none")
    assert [file.path for file in planned.files] == [RULES_PATH]
    assert not planned.reload
    assert f"nft -f {RULES_PATH}" in planned.changes[0].reason


def test_a_drop_in_of_somebody_else_is_named() -> None:
    drop_in = "/etc/systemd/system/siptune-notrack.service.d/local.conf"
    planned = plan(WANTED, observed("ours", files=ours(), originals=RECORDED, drop_ins=(drop_in,)))
    assert item(planned) == ("shadowed", SHOWN, SHOWN, "none", None)
    assert drop_in in planned.changes[0].reason


def test_an_image_gets_files_alone() -> None:
    planned = plan(WANTED, observed(ruleset=None, boot_only=True))
    assert item(planned) == ("changed", "none", "none", "none", SHOWN)
    assert (len(planned.files), planned.load, planned.reload) == (4, "", False)


def test_an_image_whose_firewall_is_not_known_gets_none() -> None:
    planned = plan(WANTED, observed(ruleset=None, boot_only=True, opaque="left to a run on the booted host: x"))
    assert (planned.changes[0].state, planned.changed) == ("pending", False)


def test_a_copy_of_our_table_is_named_on_the_way_back() -> None:
    found = observed("ours", files=ours(), originals=RECORDED, copies=("/etc/nftables.conf",))
    assert plan(WANTED, found).warnings == []
    assert "/etc/nftables.conf has a copy of our table" in plan(BACK, found).warnings[0]


def test_a_firewall_that_would_cut_calls_off_is_refused_also_later() -> None:
    with pytest.raises(NotrackError):
        plan(WANTED, observed("no accept", files=ours(), originals=RECORDED))


def test_what_systemd_is_told() -> None:
    written = texts(EXEMPT, PROGRAM, True)
    load = f"{PROGRAM} -f {RULES_PATH}"
    assert f"\nExecStart={load}\n" in written[UNIT_PATH]
    assert f"ExecStartPost=-{load}\nExecReload=-{load}\n" in written[NFTABLES_PATH]
    assert written[BOOT_PATH].endswith("[Unit]\nWants=siptune-notrack.service\n")


def test_tcp_is_exempt_as_well_and_its_connections_are_forgotten() -> None:
    planned = plan(Request(BOTH_EXEMPT), observed("ours", files=ours(), originals=RECORDED))
    udp, tcp = planned.changes
    assert (udp.state, udp.after) == ("ok", SHOWN)
    assert (tcp.state, tcp.before, tcp.after, tcp.at_boot_before, tcp.at_boot) == (
        *("changed", "none", TCP_SHOWN, "none"),
        TCP_SHOWN,
    )
    assert (planned.load, planned.undo) == (text_for(BOTH_EXEMPT), text_for(EXEMPT))
    assert (planned.live, planned.left) == (BOTH_EXEMPT, TCP_PORTS)
    again = plan(Request(BOTH_EXEMPT), observed("ours with TCP", files=ours(BOTH_EXEMPT), originals=RECORDED))
    assert ([one.state for one in again.changes], again.changed, again.left) == (["ok", "ok"], False, ())


def test_tcp_goes_back() -> None:
    host = observed("ours with TCP", files=ours(BOTH_EXEMPT), originals=RECORDED)
    planned = plan(BACK, host)
    assert [one.state for one in planned.changes] == ["changed", "changed"]
    assert (planned.load, planned.live) == (DELETION, NONE_EXEMPT)
    less = plan(WANTED, host)
    assert [(one.wanted, one.state) for one in less.changes] == [(SHOWN, "ok"), (None, "changed")]
    assert (less.load, less.undo, less.left) == (text_for(EXEMPT), text_for(BOTH_EXEMPT), ())


def test_tcp_ports_stay_exempt_where_tracking_would_cut_their_connections_off() -> None:
    host = observed("ours with TCP", files=ours(BOTH_EXEMPT), originals=RECORDED, tcp_loose=False)
    planned = plan(BACK, host)
    held = Exempt(tcp=TCP_PORTS)
    assert [(one.state, one.after, one.at_boot) for one in planned.changes] == [
        ("changed", "none", "none"),
        ("pending", TCP_SHOWN, "none"),
    ]
    assert "nf_conntrack_tcp_loose is 0" in planned.changes[1].reason
    assert (planned.load, planned.live, len(planned.files)) == (text_for(held), held, 4)
    fewer = Request(Exempt(PORTS, ((5061, 5061),)))
    with pytest.raises(NotrackError, match="tcp_loose is 0"):  # those that stay wanted have no way back either
        plan(fewer, host)
    again = plan(BACK, host._replace(files=dict.fromkeys(PATHS), ruleset=ruleset("nothing")))
    assert not again.changed


def test_an_image_gets_tcp_too() -> None:
    planned = plan(Request(BOTH_EXEMPT), observed(ruleset=None, boot_only=True))
    assert [(one.state, one.after, one.at_boot) for one in planned.changes] == [
        ("changed", "none", SHOWN),
        ("changed", "none", TCP_SHOWN),
    ]
