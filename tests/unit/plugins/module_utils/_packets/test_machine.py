# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a machine is reported: a laptop's clock and idle states, two nodes, daemons in real time; and steal."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._packets.machine import (
    chosen,
    machine_settings,
    steal_percent,
)
from ansible_collections.siptune.linux.plugins.module_utils._packets.tables import Times

CPUS = "/sys/devices/system/cpu"


def write(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def settings(
    root: Path, path: dict[str, str] | None = None, daemons: tuple[dict[str, object], ...] = ()
) -> dict[str, str]:
    return {one.name: one.value for one in machine_settings(Host(str(root)), path or {}, daemons)}


def test_a_real_machine(tmp_path: Path) -> None:
    for policy, governor in ((0, "powersave"), (1, "performance"), (2, "powersave")):
        write(tmp_path, f"{CPUS}/cpufreq/policy{policy}/scaling_governor", f"{governor}\n")
    for number, (name, latency, disable) in enumerate((("POLL", 0, 0), ("C1", 2, 0), ("C6", 133, 0), ("C10", 890, 1))):
        for file, value in (("name", name), ("latency", latency), ("disable", disable)):
            write(tmp_path, f"{CPUS}/cpu0/cpuidle/state{number}/{file}", f"{value}\n")
    write(tmp_path, f"{CPUS}/cpuidle/current_driver", "intel_idle\n")
    write(tmp_path, "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    write(tmp_path, "/sys/devices/system/node/has_cpu", "0-1\n")
    write(tmp_path, "/proc/sys/kernel/numa_balancing", "1\n")
    assert settings(tmp_path, {"isolated": "2-3", "nohz_full": ""}) == {
        "cpufreq governor": "performance, powersave",
        "deepest idle state": "C6, 133 us to leave it (intel_idle)",
        "transparent_hugepage": "madvise",
        "numa_balancing": "1",
        "isolated processors": "2-3",
    }


def test_a_machine_that_has_none_of_it(tmp_path: Path) -> None:
    assert settings(tmp_path) == {}


def test_one_node_has_nothing_to_balance(tmp_path: Path) -> None:
    write(tmp_path, "/sys/devices/system/node/has_cpu", "0\n")
    write(tmp_path, "/proc/sys/kernel/numa_balancing", "1\n")
    assert settings(tmp_path) == {}


def stat(nice: int, rt_priority: int, policy: int) -> str:
    fields = ["0"] * 50
    fields[0], fields[16], fields[37], fields[38] = "S", str(nice), str(rt_priority), str(policy)
    return f"812 (a) b) {' '.join(fields)}\n"


def test_the_scheduling_of_daemons(tmp_path: Path) -> None:
    write(tmp_path, "/proc/812/stat", stat(-5, 0, 0))
    write(tmp_path, "/proc/813/stat", stat(0, 20, 2))
    daemons = (
        {"name": "kamailio", "unit": "kamailio.service", "main_pid": 812},
        {"name": "asterisk", "unit": None, "main_pid": 813},
        {"name": "opensips", "unit": "opensips.service", "main_pid": None},
        {"name": "rtpengine", "unit": None, "main_pid": 999},
    )
    assert settings(tmp_path, daemons=daemons) == {
        "kamailio.service scheduling": "other, nice -5",
        "asterisk scheduling": "rr 20",
    }


@pytest.mark.parametrize(
    ("text", "expected"), [("[a] b", "a"), ("a [b]", "b"), ("plain", "plain"), ("", ""), ("[]", "[]")]
)
def test_the_choice_in_a_text(text: str, expected: str) -> None:
    assert chosen(text) == expected


def test_steal() -> None:
    after = {0: Times(1000, 100), 1: Times(1000, 0), 2: Times(0, 0), 3: Times(10, 20)}
    assert steal_percent({}, after) == {0: 10.0, 1: 0.0}
    assert steal_percent({0: Times(900, 50)}, {0: Times(1000, 100)}) == {0: 50.0}
    assert steal_percent({0: Times(1000, 100)}, {0: Times(900, 50)}) == {}
