# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import INFINITY
from ansible_collections.siptune.linux.plugins.module_utils._systemd.directives import DIRECTIVES
from ansible_collections.siptune.linux.plugins.module_utils._systemd.systemctl import parse_show
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import (
    Setting,
    SystemdError,
    agrees,
    bounded,
    describe,
    meets,
    parse_setting,
    read_value,
    shown_value,
    weakest,
)
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"
VERSIONS = (247, 252, 257)

INF = INFINITY


@pytest.mark.parametrize("version", VERSIONS)
def test_what_systemctl_shows_is_understood(version: int) -> None:
    unit = parse_show((CAPTURED / f"systemctl-show-{version}.txt").read_text())[0]
    shown = {name: describe(name, shown_value(name, unit)) for name in DIRECTIVES}
    percent = shown.pop("MemoryHigh")
    assert percent is not None
    assert percent.isdecimal()
    assert shown == {
        "LimitCPU": "300:600",
        "LimitFSIZE": "1610612736",
        "LimitDATA": "infinity",
        "LimitSTACK": "8388608:infinity",
        "LimitCORE": "0:1073741824",
        "LimitRSS": "infinity",
        "LimitNOFILE": "8192:16384",
        "LimitAS": "infinity",
        "LimitNPROC": "32768",
        "LimitMEMLOCK": "67108864",
        "LimitLOCKS": "infinity",
        "LimitSIGPENDING": "96365",
        "LimitMSGQUEUE": "819200",
        "LimitNICE": "-11",
        "LimitRTPRIO": "70",
        "LimitRTTIME": "200000:2000000",
        "TasksMax": "4096",
        "MemoryMax": "1073741824",
        "CPUWeight": "200",
        "Nice": "-5",
        "OOMScoreAdjust": "-600",
        "OOMPolicy": "kill",
        "CPUSchedulingPolicy": "rr",
        "CPUSchedulingPriority": "10",
        "IOSchedulingClass": "best-effort",
        "Restart": "on-failure",
        "RestartSec": "123500ms",
        "TimeoutStopSec": "infinity",
    }


@pytest.mark.parametrize(
    ("directive", "wanted", "properties", "answer"),
    [
        ("MemoryMax", "50%", {"MemoryMax": "12638253056"}, True),
        ("MemoryMax", "50%", {"MemoryMax": "[not set]"}, False),
        ("TasksMax", "500", {"TasksMax": "501"}, False),
        ("CPUWeight", "idle", {"CPUWeight": "7"}, False),
        ("IOSchedulingClass", "none", {"IOSchedulingClass": "2"}, True),
        ("IOSchedulingClass", "none", {"IOSchedulingClass": "0"}, True),
        ("IOSchedulingClass", "idle", {"IOSchedulingClass": "2"}, False),
        ("TimeoutStopSec", "0", {"TimeoutStopUSec": "infinity"}, True),
        ("OOMPolicy", "kill", {}, False),
        ("LimitNOFILE", "5:6", {"LimitNOFILE": "6"}, False),
    ],
)
def test_agreement(directive: str, wanted: str, properties: dict[str, str], answer: bool) -> None:
    meaning = read_value(directive, wanted)
    assert meaning is not None
    assert agrees(directive, meaning, shown_value(directive, properties)) is answer


# --- from a user ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directive", "raw", "message"),
    [
        ("LimitNOFIL", 1, "nearest: LimitNOFILE"),
        ("limitnofile", 1, "nearest: LimitNOFILE"),
        ("RestartSecs", 1, "nearest: RestartSec"),
        ("ExecStart", "/bin/sh", "unknown directive 'ExecStart'"),
        ("User", "root", "unknown directive 'User'"),
        ("LimitNOFILE", True, "boolean"),
        ("LimitNOFILE", 1.5, "fraction"),
        ("LimitNOFILE", None, "not nothing"),
        ("LimitNOFILE", [1], "not list"),
        ("LimitNOFILE", "", "empty value"),
        ("LimitNOFILE", "  ", "empty value"),
        ("LimitNOFILE", "1\nUser=root", "line break"),
        ("LimitNOFILE", "1\x00", "line break"),
        ("LimitNOFILE", "010", "leading zero"),
        ("LimitNOFILE", "5:0x10", "leading zero"),
        ("LimitNOFILE", "unlimited", "systemd's word for no limit is infinity"),
        ("LimitNOFILE", "1024:-1", "systemd's word for no limit is infinity"),
        ("LimitNOFILE", "4096:1024", "must have a soft limit that is not above the hard one, not '4096:1024'"),
        ("LimitNICE", "+3:5", "must have a soft limit that is not above"),
        ("LimitNICE", "-21", "-20 to 19"),
        ("LimitNOFILE", "16K", "must be a plain number, not '16K'"),
        ("LimitCORE", "1GB", "must be a size in bytes"),
        ("LimitCPU", "5 parsecs", "must be a time"),
        ("MemoryMax", "%h", "percent sign"),
        ("MemoryMax", "200%", "at most 100%"),
        ("Nice", "20", "-20 to 19"),
        ("OOMScoreAdjust", -1001, "-1000 to 1000"),
        ("Restart", True, "boolean"),
        ("Restart", "never", "must be one of no, on-success"),
        ("CPUShares", 1, "2 to 262144"),
    ],
)
def test_bad_values_name_the_item_and_what_is_taken(directive: str, raw: Any, message: str) -> None:
    with pytest.raises(SystemdError, match=re.escape(message)) as caught:
        parse_setting("sipd.service X", directive, raw)
    assert str(caught.value).startswith("sipd.service X: ")


@pytest.mark.parametrize(
    ("directive", "raw", "text"),
    [
        ("LimitNOFILE", 65536, "65536"),
        ("LimitNICE", -11, "-11"),
        ("LimitNOFILE", " 5:6 ", "5:6"),
        ("RestartSec", "1min 30s", "1min 30s"),
        ("Restart", False, "no"),
        ("LimitCORE", "0", "0"),
    ],
)
def test_good_values_are_written_as_they_are_given(directive: str, raw: Any, text: str) -> None:
    assert parse_setting("x", directive, raw) == Setting(directive, text, given=directive)


@pytest.mark.parametrize(
    ("given_name", "raw", "directive", "text"),
    [
        ("MemoryLimit", "1G", "MemoryMax", "1G"),
        ("MemoryLimit", "infinity", "MemoryMax", "infinity"),
        ("CPUShares", 1024, "CPUWeight", "100"),
        ("CPUShares", 512, "CPUWeight", "50"),
        ("CPUShares", 2, "CPUWeight", "1"),
        ("CPUShares", 262144, "CPUWeight", "10000"),
    ],
)
def test_deprecated_names_are_translated(given_name: str, raw: Any, directive: str, text: str) -> None:
    setting = parse_setting("x", given_name, raw)
    assert (setting.directive, setting.text, setting.translated) == (directive, text, True)


@pytest.mark.parametrize(
    ("directive", "raw", "rule", "who"),
    [
        ("Nice", 1, "at_least", "limits and a TasksMax in numbers"),
        ("TasksMax", "50%", "at_least", "limits and a TasksMax in numbers"),
        ("MemoryMax", "1G", "at_least", "limits and a TasksMax in numbers"),
        ("Restart", "no", "at_least", "limits and a TasksMax in numbers"),
        ("LimitNOFILE", 5, "at_most", "Nice and OOMScoreAdjust"),
        ("CPUWeight", 5, "at_most", "Nice and OOMScoreAdjust"),
    ],
)
def test_a_floor_or_a_ceiling_needs_an_order(directive: str, raw: Any, rule: str, who: str) -> None:
    with pytest.raises(SystemdError, match=f"x: cannot have the rule {rule}: only {who} can"):
        parse_setting("x", directive, raw, rule)


@pytest.mark.parametrize(
    ("directive", "rule"),
    [("LimitCORE", "at_least"), ("TasksMax", "at_least"), ("Nice", "at_most"), ("OOMScoreAdjust", "at_most")],
)
def test_rules_that_a_directive_takes(directive: str, rule: str) -> None:
    assert parse_setting("x", directive, 7, rule).rule == rule


def test_an_unknown_rule() -> None:
    with pytest.raises(SystemdError, match="rule is one of exact, at_least, at_most, not 'about'"):
        parse_setting("x", "TasksMax", 1, "about")


@pytest.mark.parametrize(
    ("rule", "wanted", "other", "result"),
    [
        ("at_least", (5, 6), None, (5, 6)),
        ("at_least", (5, 6), (1, 9), (5, 9)),
        ("at_least", (5, 6), (7, 8), (7, 8)),
        ("at_most", (-600,), (-900,), (-900,)),
        ("at_most", (-600,), (0,), (-600,)),
        ("at_most", (-600,), None, (-600,)),
    ],
)
def test_the_better_of_what_is_wanted_and_what_is_there(
    rule: str, wanted: tuple, other: tuple | None, result: tuple
) -> None:
    assert bounded(rule, wanted, other) == result


@pytest.mark.parametrize(
    ("rule", "wanted", "there", "met"),
    [
        ("at_least", (5, 6), (5, 6), True),
        ("at_least", (5, 6), (9, 5), False),
        ("at_least", (5,), ("50%",), True),
        ("at_most", (-600,), (-900,), True),
        ("at_most", (-600,), (-599,), False),
    ],
)
def test_what_meets_a_floor_or_a_ceiling(rule: str, wanted: tuple, there: tuple, met: bool) -> None:
    assert meets(rule, wanted, there) is met


def test_the_worst_off_of_several() -> None:
    assert weakest("LimitNOFILE", [(1024, 9000), (2000, 4096)]) == (1024, 4096)
    assert weakest("OOMScoreAdjust", [(-900,), (0,), (-500,)]) == (0,)


# --- properties -----------------------------------------------------------------------------

numbers = st.integers(0, 2**63)


@given(st.sampled_from(["LimitNOFILE", "LimitCORE", "LimitNPROC"]), numbers, numbers)
def test_a_limit_is_described_as_it_is_read(directive: str, one: int, other: int) -> None:
    meaning = (min(one, other), max(one, other))
    assert read_value(directive, describe(directive, meaning) or "") == meaning


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_nice_ceiling_is_described_as_it_is_read(one: int, other: int) -> None:
    meaning = (min(one, other), max(one, other))
    assert read_value("LimitNICE", describe("LimitNICE", meaning) or "") == meaning


@given(st.integers(0, 10**15))
def test_a_span_is_described_as_it_is_read(microseconds: int) -> None:
    assert read_value("RestartSec", describe("RestartSec", (microseconds,)) or "") == (microseconds,)


@given(
    st.sampled_from(sorted(DIRECTIVES)),
    st.one_of(st.text(max_size=12), st.text("0123456789:.%KMGmins infty-+", max_size=12), st.integers(), st.floats()),
)
def test_what_is_accepted_from_a_user_is_one_line_that_systemd_reads(directive: str, raw: Any) -> None:
    try:
        setting = parse_setting("x", directive, raw)
    except SystemdError:
        return
    assert setting.text.isprintable()
    assert read_value(directive, setting.text) == setting.meaning
