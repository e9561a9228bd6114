# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP daemons run on and answer while their limits are raised, by as much as this host lets its root do."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Record
from limits import IN_FORCE, Pair, limit_items, live_pair, open_files_wanted, parse_pair, shown, unit_and_directive

STEPS = ("clean", "check", "converge", "again")
ANSWERS = {"sip": "SIP/2.0 200", "ng": "d6:result4:ponge"}
PACKAGED = {  # what is Debian's own, by its binary
    "siptune-debian11": {"/usr/sbin/kamailio", "/usr/sbin/asterisk"},
    "siptune-debian12": {"/usr/sbin/kamailio", "/usr/bin/rtpengine"},
    "siptune-debian13": {"/usr/sbin/kamailio", "/usr/bin/rtpengine"},
}

# The role's figures for the inventory's capacity: 2000 calls, 50000 registrations, 50 set-ups per second.
PROXY = {"LimitNOFILE": "at least 100304", "OOMScoreAdjust": "at most -600", "OOMPolicy": "kill"}
RELAY = {"LimitNOFILE": "at least 150000", "OOMScoreAdjust": "at most -500"}
MEDIA_SERVER = {"LimitNOFILE": "at least 65536", "OOMScoreAdjust": "at most -600", "TasksMax": "at least 9000"}
FOUND = {
    "kamailio.service": PROXY,
    "kamailio@edge.service": PROXY,
    "opensips.service": PROXY,
    "freeswitch.service": MEDIA_SERVER,
}
WANTED = {
    "siptune-debian11": {**FOUND, "asterisk.service": MEDIA_SERVER},
    # Its inventory has a will of its own, and leaves FreeSWITCH alone.
    "siptune-debian12": {
        "kamailio.service": {**PROXY, "OOMScoreAdjust": "-700"},
        "kamailio@edge.service": {"LimitNOFILE": "8192:16384", "OOMScoreAdjust": "-700", "TasksMax": "512"},
        "opensips.service": PROXY,
        "rtpengine-daemon.service": RELAY,
    },
    "siptune-debian13": {**FOUND, "rtpengine-daemon.service": RELAY},
}


@pytest.fixture(scope="module")
def records(clean: Record, check: Record, converge: Record, again: Record) -> dict[str, Record]:
    """The records by their step."""
    return dict(zip(STEPS, (clean, check, converge, again), strict=True))


# --- the daemons run on ---------------------------------------------------------------------


def test_debians_own_daemons_are_among_them(host: Any, clean: Record) -> None:
    units = clean.daemons["units"].values()
    running = {process["command"][0] for unit in units for process in unit["processes"].values()}
    packaged = PACKAGED[host.backend.get_hostname()]
    assert packaged <= running
    assert host.run(f"dpkg --search {' '.join(packaged)}").succeeded


@pytest.mark.parametrize("step", STEPS)
def test_every_daemon_answers(records: dict[str, Record], step: str) -> None:
    daemons = records[step].daemons
    expected = {unit: ANSWERS[how["protocol"]] for unit, how in daemons["asked"]["units"].items()}
    silent = {
        unit: daemons["units"][unit]["reply"]
        for unit, start in expected.items()
        if not (daemons["units"][unit]["reply"] or "").startswith(start)
    }
    assert silent == {}


@pytest.mark.parametrize("step", STEPS[1:])
def test_no_process_is_another_than_before(records: dict[str, Record], step: str) -> None:
    def identities(record: Record) -> dict[str, Any]:
        return {
            unit: {pid: (process["started"], process["command"]) for pid, process in seen["processes"].items()}
            for unit, seen in record.daemons["units"].items()
        }

    before = identities(records["clean"])
    assert all(before.values())
    assert identities(records[step]) == before
    seen = records[step].daemons["units"].values()
    assert {(unit["properties"]["ActiveState"], unit["properties"]["NRestarts"]) for unit in seen} == {("active", "0")}


# --- what the items say ---------------------------------------------------------------------


def test_the_figures_are_the_roles(host: Any, converge: Record) -> None:
    wanted: dict[str, dict[str, str]] = {}
    for item in converge.results["units"]["items"]:
        unit, directive = unit_and_directive(item)
        wanted.setdefault(unit, {})[directive] = item["wanted"]
    assert wanted == WANTED[host.backend.get_hostname()]


@pytest.mark.parametrize("step", ["converge", "again"])
def test_items_say_what_is_live(records: dict[str, Record], step: str) -> None:
    items = records[step].results["units"]["items"]
    before = records["clean" if step == "converge" else "converge"].daemons
    after = records[step].daemons
    assert {item["item"]: (item["before"], item["after"]) for item in items} == {
        item["item"]: (shown(before, item), shown(after, item)) for item in items
    }


def test_systemd_has_what_the_items_promise_for_the_next_start(converge: Record) -> None:
    promised = [item for item in converge.results["units"]["items"] if item["at_boot"] is not None]
    assert promised
    for item in promised:
        unit, directive = unit_and_directive(item)
        properties = converge.daemons["units"][unit]["properties"]
        if directive == "LimitNOFILE":
            has: Any = Pair(int(properties["LimitNOFILESoft"]), int(properties["LimitNOFILE"]))
            assert has == parse_pair(item["at_boot"]), item
        else:
            assert properties[directive] == item["at_boot"], item


def test_what_is_not_in_force_has_a_reason(converge: Record) -> None:
    waiting = [item for item in converge.results["units"]["items"] if item["state"] not in IN_FORCE]
    assert [item for item in waiting if item["state"] not in ("pending", "readonly") or not item["reason"]] == []


def test_open_files_are_in_force_only_if_every_process_has_them(converge: Record) -> None:
    for item in limit_items(converge):
        unit, _ = unit_and_directive(item)
        enough = item["wanted"].removeprefix("at least ")
        floor = enough != item["wanted"]
        has = live_pair(converge.daemons["units"][unit])
        met = has.soft >= int(enough) if floor else has == parse_pair(enough)
        assert (item["state"] in IN_FORCE) == met, item


# --- what the processes have ----------------------------------------------------------------


def test_processes_have_as_many_files_as_this_host_gives(clean: Record, converge: Record) -> None:
    for item in limit_items(converge):
        unit, _ = unit_and_directive(item)
        wanted = open_files_wanted(item, clean.daemons["units"][unit]["properties"])
        for pid, process in clean.daemons["units"][unit]["processes"].items():
            had = Pair(*map(int, process["limits"]["Max open files"]))
            expected = had
            if process["root_may_set_limits"]:
                hard = max(had.hard, wanted.hard) if clean.daemons["root_may_raise_hard_limits"] else had.hard
                expected = Pair(max(had.soft, min(wanted.soft, hard)), hard)
            now = converge.daemons["units"][unit]["processes"][pid]
            assert Pair(*map(int, now["limits"]["Max open files"])) == expected, (item, pid)


def test_a_running_kamailio_was_given_more(clean: Record, converge: Record) -> None:
    # The processes of this instance are root's, so that its limits can be raised on any host.
    before, after = (live_pair(record.daemons["units"]["kamailio@edge.service"]) for record in (clean, converge))
    assert before.soft == 1024
    assert after.soft >= min(8192, before.hard)


def test_nothing_else_of_a_process_changed(clean: Record, converge: Record) -> None:
    for unit, seen in clean.daemons["units"].items():
        for pid, process in seen["processes"].items():
            now = converge.daemons["units"][unit]["processes"][pid]["limits"]
            others = {name: pair for name, pair in process["limits"].items() if name != "Max open files"}
            assert {**now, **others} == now, (unit, pid)


def test_processes_are_protected_where_this_host_lets_them(host: Any, clean: Record, converge: Record) -> None:
    wanted = WANTED[host.backend.get_hostname()]
    for unit, seen in converge.daemons["units"].items():
        before = {process["oom_score_adj"] for process in clean.daemons["units"][unit]["processes"].values()}
        after = {process["oom_score_adj"] for process in seen["processes"].values()}
        goes = unit in wanted and clean.daemons["root_may_lower_oom_scores"]
        assert after == ({wanted[unit]["OOMScoreAdjust"].removeprefix("at most ")} if goes else before), unit


def test_control_groups_bound_the_tasks_as_systemd_says(converge: Record) -> None:
    for unit, seen in converge.daemons["units"].items():
        # Below control groups of version 1 a container's systemd may have none of its own for tasks.
        assert seen["pids_max"] in (None, seen["properties"]["TasksMax"]), unit


def test_a_unit_that_the_inventory_leaves_alone_is_left_alone(host: Any, clean: Record, converge: Record) -> None:
    for unit in clean.daemons["units"].keys() - WANTED[host.backend.get_hostname()].keys():
        assert converge.daemons["units"][unit] == clean.daemons["units"][unit]
        assert not host.file(f"/etc/systemd/system/{unit}.d/90-siptune.conf").exists


# --- logins ---------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_everybody_can_still_log_in(records: dict[str, Record], step: str) -> None:
    logins = records[step].daemons["logins"]
    assert logins.keys() == {"root", "voip"}
    assert all(logins.values())


def test_logins_get_what_the_file_says(clean: Record, converge: Record) -> None:
    hard = clean.daemons["logins"]["root"][1]
    assert clean.daemons["logins"]["voip"] != ["16384", "16384"]
    assert converge.daemons["logins"] == {"root": ["8192", hard], "voip": ["16384", "16384"]}
    assert {item["item"]: item["after"] for item in converge.results["logins"]["items"]} == {
        "root soft nofile": "8192",
        "voip both nofile": "16384",
    }
