# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import INFINITY
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Container
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import confirmed, plan
from systemd_host import OURS, floor, loaded, observed, process, request, unit, written

QUADLET = "/etc/containers/systemd/sipd.container"
BY_PODMAN = "podman sets it for the container itself"
NOTHING_HELPS = f"{BY_PODMAN}, and nothing in the unit changes that: "
RAISED = (1048576, 1048576)


def quadlet(container: Container, nofile: tuple[int, int] = RAISED, **changes: Any) -> Any:
    """A unit whose main process is conmon, with the daemon as process 101 in the container."""
    return unit(loaded(process(100), process(101, nofile))._replace(container=container), **changes)


@pytest.mark.parametrize(
    ("directive", "wanted", "container", "state", "has", "way_out"),
    [
        pytest.param("LimitNOFILE", floor(65536), Container(QUADLET, [101]), "ok", "1048576", "", id="enough"),
        pytest.param(
            "LimitNOFILE", floor(2000000), Container(QUADLET, [101]), "readonly", "1048576",
            f"write PodmanArgs=--ulimit=nofile=2000000:2000000 into {QUADLET}", id="too few",
        ),
        pytest.param(
            "LimitNOFILE", "1024:infinity", Container("/etc/systemd/system/sipd.service", [101]), "readonly", "1048576",
            "give podman --ulimit=nofile=1024:1048576 in /etc/systemd/system/sipd.service", id="no quadlet",
        ),
        pytest.param(
            "LimitNOFILE", floor(65536), Container(QUADLET), "readonly", None,
            f"write PodmanArgs=--ulimit=nofile=65536:65536 into {QUADLET}", id="not running",
        ),
        pytest.param(
            "TasksMax", floor(8000), Container(QUADLET, [101], 2048), "readonly", "2048",
            f"write PodmanArgs=--pids-limit=8000 into {QUADLET}", id="tasks",
        ),
        pytest.param("TasksMax", floor(8000), Container(QUADLET, [101], INFINITY), "ok", "infinity", "", id="no bound"),
        pytest.param(
            "TasksMax", "infinity", Container(QUADLET, [101], None), "readonly", None,
            f"write PodmanArgs=--pids-limit=-1 into {QUADLET}", id="unknown",
        ),
        pytest.param(
            "LimitNPROC", 500, Container(QUADLET, [101]), "readonly", None,
            f"write PodmanArgs=--ulimit=nproc=500:500 into {QUADLET}", id="processes",
        ),
    ],
)  # fmt: skip
def test_what_podman_sets_itself(
    directive: str, wanted: Any, container: Container, state: str, has: str | None, way_out: str
) -> None:
    host = observed(quadlet(container))
    planned = plan(request({directive: wanted}), host)
    (item,) = planned.changes
    assert (item.item, item.state, item.before, item.after) == (f"sipd.service {directive}", state, has, has)
    assert item.reason == (NOTHING_HELPS + way_out if way_out else BY_PODMAN)
    assert (planned.changed, planned.files, dict(planned.raises)) == (False, [], {})
    assert confirmed(planned, host, {}) == planned.changes


def test_all_else_reaches_the_container() -> None:
    host = observed(quadlet(Container(QUADLET, [101])))
    planned = plan(request({"LimitNOFILE": 65536, "OOMScoreAdjust": -600, "LimitCORE": "infinity"}), host)
    assert written(planned)[OURS].endswith("[Service]\nLimitCORE=infinity\nOOMScoreAdjust=-600\n")
    assert {change.item.split()[1] for change in planned.changes} == {"LimitNOFILE", "OOMScoreAdjust", "LimitCORE"}


def test_a_line_of_an_earlier_run_leaves_the_drop_in() -> None:
    first = plan(request({"LimitNOFILE": 65536}), observed(unit(loaded(process()))))
    state = quadlet(Container(QUADLET, [101]), own=first.files[0].after)
    planned = plan(request({"LimitNOFILE": 65536}), observed(state, originals=first.originals))
    assert [(change.item, change.wanted) for change in planned.changes] == [("sipd.service LimitNOFILE", None)]
    assert planned.files[0].after is None
