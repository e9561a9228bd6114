# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""irqbalance: its arguments as getopt_long takes them, its environment, and the file of its unit."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import process_names
from ansible_collections.siptune.linux.plugins.module_utils._packets.irqbalance import (
    Bans,
    Irqbalance,
    irqbalance,
    parse_banned_cpus,
    parse_bans,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--foreground"], Bans()),
        (["--banirq=41", "--banirq", "42", "-i", "43", "-i44"], Bans(interrupts=(41, 42, 43, 44))),
        (["--banirq=x", "--banirq=", "--foreground"], Bans()),
        (["--banirq"], Bans()),
        (["--banmod=igb", "-m", "ice"], Bans(modules=("igb", "ice"))),
        (["--policyscript=/etc/irq.sh"], Bans(policy_script="/etc/irq.sh")),
        (["-l", "/a", "--policyscript", "/b"], Bans(policy_script="/b")),
        (["--oneshot"], Bans(one_shot=True)),
        (["-o"], Bans(one_shot=True)),
    ],
)
def test_arguments(words: list[str], expected: Bans) -> None:
    assert parse_bans(words, {}) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"IRQBALANCE_BANNED_CPULIST": "2-3,6"}, {2, 3, 6}),
        ({"IRQBALANCE_BANNED_CPUS": "00000000,0000000c"}, {2, 3}),
        ({"IRQBALANCE_BANNED_CPULIST": "1", "IRQBALANCE_BANNED_CPUS": "c"}, {1}),
        ({"IRQBALANCE_BANNED_CPULIST": "", "IRQBALANCE_BANNED_CPUS": ""}, None),
        ({"IRQBALANCE_BANNED_CPULIST": "rubbish"}, None),
        ({"IRQBALANCE_BANNED_CPUS": "0xg"}, None),
    ],
)
def test_banned_processors(environment: dict[str, str], expected: set[int] | None) -> None:
    assert parse_banned_cpus(environment) == expected


@given(st.lists(st.text(max_size=20)), st.dictionaries(st.text(max_size=8), st.text(max_size=20)))
def test_anything_is_parsed(words: list[str], environment: dict[str, str]) -> None:
    assert isinstance(parse_bans(words, environment), Bans)


STATUS = "Name:\tirqbalance\nState:\tS (sleeping)\nPPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t700\n"
DEBIAN = """# Configuration for the irqbalance daemon
#IRQBALANCE_BANNED_CPUS=
IRQBALANCE_BANNED_CPULIST=0
OPTIONS="--banirq=41 --policyscript=/etc/irq.sh"
"""


def write(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def running(root: Path, uid: int = 0) -> Host:
    write(root, "/proc/1/comm", "systemd\n")
    write(root, "/proc/700/comm", "irqbalance\n")
    write(root, "/proc/700/status", STATUS.format(uid=uid))
    write(root, "/proc/700/cmdline", "/usr/sbin/irqbalance\0--foreground\0--banirq=40\0")
    write(root, "/proc/700/environ", "PATH=/bin\0IRQBALANCE_BANNED_CPULIST=1\0")
    return Host(str(root))


def test_one_that_runs_and_its_file_for_the_next_start(tmp_path: Path) -> None:
    host = running(tmp_path)
    write(tmp_path, "/etc/default/irqbalance", DEBIAN)
    assert irqbalance(host, process_names(host)) == Irqbalance(
        True,
        Bans(frozenset({1}), (40,)),
        "/etc/default/irqbalance",
        Bans(frozenset({0}), (41,), policy_script="/etc/irq.sh"),
    )


def test_red_hats_file(tmp_path: Path) -> None:
    ours = "/etc/systemd/system/irqbalance.service.d/90-siptune-interrupts.conf"
    write(tmp_path, ours, "[Service]\nExecStart=\nExecStart=/bin/irqbalance --policyscript=/etc/siptune/interrupts\n")
    found = irqbalance(Host(str(tmp_path)), process_names(Host(str(tmp_path))))
    assert found.at_start.policy_script == "/etc/siptune/interrupts"
    write(tmp_path, "/etc/default/irqbalance", "IRQBALANCE_ARGS='-l /etc/mine'\n")
    found = irqbalance(Host(str(tmp_path)), process_names(Host(str(tmp_path))))
    assert found.at_start.policy_script == "/etc/mine"  # the last one counts
    for path in ("/etc/default/irqbalance", ours):
        (tmp_path / path.lstrip("/")).unlink()
    write(tmp_path, "/etc/sysconfig/irqbalance", "IRQBALANCE_ARGS='-o'\n")
    found = irqbalance(Host(str(tmp_path)), process_names(Host(str(tmp_path))))
    assert (found.running, found.file, found.at_start) == (False, "/etc/sysconfig/irqbalance", Bans(one_shot=True))


def test_a_users_process_of_the_name_is_none(tmp_path: Path) -> None:
    host = running(tmp_path, uid=1000)
    assert irqbalance(host, process_names(host)) == Irqbalance(False, Bans(), None, Bans())
