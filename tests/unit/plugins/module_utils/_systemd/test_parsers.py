# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import INFINITY
from ansible_collections.siptune.linux.plugins.module_utils._systemd.directives import DIRECTIVES
from ansible_collections.siptune.linux.plugins.module_utils._systemd.parsers import (
    IgnoredError,
    read_limit_of_bytes,
    read_limit_of_count,
    read_limit_of_microseconds,
    read_limit_of_nice,
    read_limit_of_priority,
    read_limit_of_seconds,
    read_memory,
    read_span,
    read_stop_span,
    read_tasks,
    read_weight,
    read_within,
    read_word,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.units import deciding
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import (
    agrees,
    read_value,
    shown_value,
)
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"
VERSIONS = (247, 252, 257)

INF = INFINITY


@pytest.mark.parametrize(
    ("directive", "text", "meaning"),
    [
        ("LimitNOFILE", "1024", (1024, 1024)),
        ("LimitNOFILE", "1024:4096", (1024, 4096)),
        ("LimitNOFILE", "1024:infinity", (1024, INF)),
        ("LimitNOFILE", "infinity", (INF, INF)),
        ("LimitNOFILE", "0x10", (16, 16)),
        ("LimitNOFILE", "010", (8, 8)),
        ("LimitNOFILE", "+5", (5, 5)),
        ("LimitNOFILE", "16K", None),
        ("LimitNOFILE", "5:4", None),
        ("LimitNOFILE", "infinity:4", None),
        ("LimitNOFILE", "5:", None),
        ("LimitNOFILE", ":5", None),
        ("LimitNOFILE", "5 : 6", None),
        ("LimitNOFILE", "unlimited", None),
        ("LimitNOFILE", "-1", None),
        ("LimitNOFILE", "18446744073709551615", None),
        ("LimitNOFILE", "1_000", None),
        ("LimitNOFILE", "٣", None),
        ("LimitCORE", "1.5K", (1536, 1536)),
        ("LimitCORE", "8M:infinity", (8388608, INF)),
        ("LimitCORE", "1k", None),
        ("LimitCORE", "1KB", None),
        ("LimitCORE", "16E", None),
        ("LimitCORE", "15E", (15 * 2**60, 15 * 2**60)),
        ("LimitCPU", "1500ms", (2, 2)),
        ("LimitCPU", "5min:10min", (300, 600)),
        ("LimitCPU", "infinity", (INF, INF)),
        ("LimitRTTIME", "200000", (200000, 200000)),
        ("LimitRTTIME", "200ms:2s", (200000, 2000000)),
        ("LimitNICE", "-11", (31, 31)),
        ("LimitNICE", "+19", (1, 1)),
        ("LimitNICE", "31", (31, 31)),
        ("LimitNICE", "-5:30", (25, 30)),
        ("LimitNICE", "5:+3", (5, 17)),
        ("LimitNICE", "41", None),
        ("LimitNICE", "+20", None),
        ("LimitNICE", "infinity", None),
        ("LimitRTPRIO", "99", (99, 99)),
        ("LimitRTPRIO", "100", None),
        ("TasksMax", "500", (500,)),
        ("TasksMax", "infinity", (INF,)),
        ("TasksMax", "12.5%", ("12.5%",)),
        ("TasksMax", "0", None),
        ("TasksMax", "101%", None),
        ("TasksMax", "1K", None),
        ("MemoryMax", "1G 512M", (2**30 + 2**29,)),
        ("MemoryMax", "512M 1G", None),
        ("MemoryMax", "12.555%", None),
        ("MemoryMax", "0", None),
        ("CPUWeight", "idle", ("idle",)),
        ("CPUWeight", "10001", None),
        ("Nice", "-20", (-20,)),
        ("Nice", "20", None),
        ("OOMScoreAdjust", "-1000", (-1000,)),
        ("OOMScoreAdjust", "1001", None),
        ("OOMPolicy", "kill", ("kill",)),
        ("OOMPolicy", "Kill", None),
        ("CPUSchedulingPolicy", "rr", ("rr",)),
        ("CPUSchedulingPolicy", "2", ("rr",)),
        ("CPUSchedulingPriority", "0", None),
        ("IOSchedulingClass", "realtime", ("realtime",)),
        ("Restart", "on-failure", ("on-failure",)),
        ("Restart", "sometimes", None),
        ("RestartSec", "1min 30s", (90 * 10**6,)),
        ("RestartSec", "1h30", (3630 * 10**6,)),
        ("RestartSec", "2min 3.500000s", (123500000,)),
        ("RestartSec", "1y", (31557600 * 10**6,)),
        ("RestartSec", "5.5us", (5,)),
        ("RestartSec", "20u", None),
        ("RestartSec", "-1", None),
        ("RestartSec", "0", (0,)),
        ("TimeoutStopSec", "0", (INF,)),
        ("TimeoutStopSec", "infinity", (INF,)),
    ],
)
def test_what_a_text_means(directive: str, text: str, meaning: tuple | None) -> None:
    assert read_value(directive, text) == meaning


# --- against what systemd made of the same texts --------------------------------------------

# What every drop-in of the captured tables began with.
BASE = "[Service]\nLimitNOFILE=77:78\nMemoryMax=7M\nTasksMax=7\nCPUWeight=7\nLimitNICE=7\n"
# What systemd takes and we read as skipped, or the other way round: none of it can be asked for here.
ODDITIES = {
    "MemoryMax=12.55%",  # two digits after the point are new in 252
    "TasksMax=0.01%",
    "TasksMax=0%",  # shown as 0
    "CPUWeight=idle",  # new in 252, and refused before
    "IOSchedulingClass=4",
    "CPUSchedulingPolicy=6",
    "CPUSchedulingPolicy=7",
    "LimitRTPRIO=100",
}


def captured_values(version: int) -> list[tuple[str, dict[str, str]]]:
    """Each drop-in's last lines, with what `systemctl show` printed of them."""
    text = (CAPTURED / f"systemd-values-{version}.txt").read_text()
    entries = re.findall(r"^\[([^\]]*)\] ((?:[A-Za-z]+=(?:\[not set\]|[^=\n])* )+)$", text, re.MULTILINE)
    assert len(entries) > 150
    return [
        (lines, dict(re.findall(r"([A-Za-z]+)=((?:\[not set\]|(?! [A-Za-z]+=)[^=])*) ", shown)))
        for lines, shown in entries
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_we_read_what_systemd_reads(version: int) -> None:
    compared = 0
    for lines, properties in captured_values(version):
        if lines in ODDITIES:
            continue
        decided = deciding([("base", BASE), ("drop-in", f"[Service]\n{lines}\n")], "service")
        for name in {line.partition("=")[0] for line in lines.split("\n")} & set(DIRECTIVES):
            if f"{name}Soft" in DIRECTIVES[name].properties:
                properties.setdefault(f"{name}Soft", properties[name])  # the tables leave out what is the same
            line, shown = decided.get(name), shown_value(name, properties)
            policy = decided.get("CPUSchedulingPolicy")
            if name == "CPUSchedulingPriority" and (version == 247 or policy is None):
                continue  # 247 looks at the policy of the moment
            if line is None or line.meaning is None:
                continue  # systemd's default, which no file tells
            assert agrees(name, line.meaning, shown), (lines, properties)
            compared += 1
    assert compared > 80


@given(st.sampled_from(sorted(DIRECTIVES)), st.text(max_size=20))
def test_no_text_of_a_file_breaks_the_reader(directive: str, text: str) -> None:
    meaning = read_value(directive, text)
    assert meaning is None or len(meaning) == len(DIRECTIVES[directive].properties)


# --- why a text is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (read_limit_of_count, "many", "a plain number"),
        (read_limit_of_count, "5:4", "a soft limit that is not above the hard one"),
        (read_limit_of_count, str(INF), "is beyond 64 bits"),
        (read_limit_of_bytes, "1K 1M", "units that fall from left to right"),
        (read_limit_of_priority, "100", "0 to 99 or infinity"),
        (read_limit_of_nice, "41", "0 to 40 without one"),
        (read_memory, "0", "a size above 0"),
        (read_memory, "101%", "at most 100%"),
        (read_tasks, "0", "a number above 0, a percentage or infinity"),
        (read_weight, "10001", "1 to 10000, or idle"),
        (read_span, "5 fortnights", "a time such as 90"),
        (read_within(-20, 19), "20", "a whole number, -20 to 19"),
        (read_word({"stop": (), "kill": ()}), "halt", "one of stop, kill"),
    ],
)
def test_the_message_says_which_text_is_accepted(parse: Callable[[str], tuple], text: str, message: str) -> None:
    with pytest.raises(IgnoredError, match=re.escape(message)):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text", "meaning"),
    [
        (read_limit_of_seconds, "1500ms", (2, 2)),
        (read_limit_of_microseconds, "5", (5, 5)),
        (read_limit_of_microseconds, "infinity", (INF, INF)),
        (read_stop_span, "0", (INF,)),
        (read_span, "0", (0,)),
        (read_word({"other": ("0",)}), "0", ("other",)),
    ],
)
def test_units_and_other_spellings(parse: Callable[[str], tuple], text: str, meaning: tuple) -> None:
    assert parse(text) == meaning
