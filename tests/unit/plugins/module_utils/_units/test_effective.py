# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import text_of
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import drop_in_path
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import SystemdError
from ansible_collections.siptune.linux.plugins.module_utils._units.effective import needs_defaults
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Request, UnitState
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import parse_units
from systemd_host import (
    DROP_IN,
    EARLY,
    LOCAL,
    OURS,
    UNIT_FILE,
    floor,
    loaded,
    observed,
    only,
    process,
    request,
    template,
    unit,
    written,
)

# --- shadows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "state", "reason"),
    [
        ({LOCAL: "[Service]\n\nTasksMax=5\n"}, "shadowed", f"{LOCAL} line 3 sets 5"),
        ({LOCAL: "[Service]\nTasksMax=\n"}, "shadowed", f"{LOCAL} line 2 resets it"),
        ({LOCAL: "[Service]\nTasksMax=500\n"}, "changed", ""),
        ({LOCAL: "[Service]\nTasksMax=many\n"}, "changed", ""),
        ({LOCAL: "[Slice]\nTasksMax=5\n"}, "changed", ""),
        ({EARLY: "[Service]\nTasksMax=5\n"}, "changed", ""),
    ],
)
def test_who_has_the_last_word(texts: dict[str, str], state: str, reason: str) -> None:
    change = only(plan(request({"TasksMax": 500}), observed(unit(loaded()), texts=texts)))
    assert (change.state, change.reason) == (state, reason)


def test_a_drop_in_of_our_name_that_comes_first_hides_ours() -> None:
    other = "/etc/systemd/system.control/sipd.service.d/90-siptune.conf"
    places = [other, OURS]
    state = unit(loaded()._replace(candidates=places), candidates=places)
    planned = plan(request({"TasksMax": 500}), observed(state, texts={other: "[Service]\nNice=1\n"}))
    assert only(planned).state == "shadowed"
    assert "hides ours" in only(planned).reason


@pytest.mark.parametrize("local", ["500:600", "5000:6000"])
def test_what_is_shadowed_is_not_raised(local: str) -> None:
    texts = {LOCAL: f"[Service]\nLimitNOFILE={local}\n"}
    planned = plan(request({"LimitNOFILE": 8192}), observed(unit(loaded(process())), texts=texts))
    assert planned.raises == {}
    assert only(planned)[2:6] == ("1024:4096", "1024:4096", local, "shadowed")


# --- floors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directive", "value", "texts", "line", "state"),
    [
        ("LimitNOFILE", "1000:4096", {}, None, "kept"),
        ("LimitNOFILE", "2000:3000", {}, "2000:4096", "changed"),
        ("LimitNOFILE", "9000", {}, "9000", "changed"),
        ("LimitNOFILE", "9000", {EARLY: "[Service]\nLimitNOFILE=262144\n"}, None, "kept"),
        ("LimitNOFILE", "9000", {LOCAL: "[Service]\nLimitNOFILE=262144\n"}, None, "kept"),
        ("TasksMax", 4096, {}, None, "kept"),  # systemd's default shows 28909
        ("TasksMax", 30000, {}, "30000", "changed"),
        ("TasksMax", 30000, {EARLY: "[Service]\nTasksMax=infinity\n"}, None, "kept"),
    ],
)
def test_floors(directive: str, value: Any, texts: dict[str, str], line: str | None, state: str) -> None:
    planned = plan(request({directive: floor(value)}), observed(unit(loaded()), texts=texts))
    assert only(planned).state == state
    assert only(planned).wanted == f"at least {value}"
    lines = [text.split(f"{directive}=")[1].split("\n")[0] for text in written(planned).values()]
    assert lines == ([line] if line else [])


def test_a_floor_that_only_we_set_stays_set() -> None:
    wanted = request({"TasksMax": floor(30000)})
    own = plan(wanted, observed(unit(loaded()))).files[0].after
    planned = plan(wanted, observed(unit(loaded(TasksMax="30000"), own=own)))
    assert (planned.files, only(planned).state) == ([], "ok")


def test_a_floor_over_systemds_default_is_the_same_in_every_run() -> None:
    plain = loaded(LimitNOFILE="524288", LimitNOFILESoft="1024")
    defaults = {"LimitNOFILE": "524288", "LimitNOFILESoft": "1024", "TasksMax": "28909"}
    wanted = request({"LimitNOFILE": floor(8192)})
    own, texts = None, {UNIT_FILE: "[Service]\n"}
    for shown, changed in ((plain, True), (loaded(LimitNOFILE="524288", LimitNOFILESoft="8192"), False)):
        host = observed(unit(shown, own=own), texts=texts)
        planned = plan(wanted, host._replace(defaults=defaults))
        assert (planned.changed, only(planned).at_boot) == (changed, "8192:524288")
        own = planned.files[0].after if planned.files else own


def test_a_process_above_its_floor_is_fine() -> None:
    own = FileRecord(b"x", 0o644, 0, 0)
    host = observed(unit(loaded(process(nofile=(99999, 99999)), started_before_drop_in=True), own=own))
    assert only(plan(request({"LimitNOFILE": floor(9000)}), host)).state == "changed"


def test_a_floor_counts_for_each_instance_of_a_template() -> None:
    host = observed(template("kam@a.service", "kam@b.service"), texts={UNIT_FILE: "[Service]\n"})
    (state,) = host.units
    one, other = state.loaded
    shown = [
        one._replace(properties={**one.properties, "LimitNOFILESoft": "1024", "LimitNOFILE": "9000"}),
        other._replace(properties={**other.properties, "LimitNOFILESoft": "2000", "LimitNOFILE": "4096"}),
    ]
    planned = plan(
        request({"LimitNOFILE": floor("1000:8000")}, name="kam@.service"),
        host._replace(units=[state._replace(loaded=shown)]),
    )
    assert "LimitNOFILE=1024:8000\n" in written(planned)[state.path]


def test_a_template_that_meets_its_floor_does_not_answer_for_an_instance() -> None:
    texts = {drop_in_path("kam@b.service", "99-local.conf"): "[Service]\nLimitNOFILE=7:8\n"}
    host = observed(template("kam@a.service", "kam@b.service"), texts=texts)
    planned = plan(request({"LimitNOFILE": floor("1000:4000")}, name="kam@.service"), host)
    assert (planned.files, only(planned).state) == ([], "shadowed")
    assert only(planned).reason.endswith("kam@b.service.d/99-local.conf line 2 sets 7:8")


@pytest.mark.parametrize(
    ("shown", "state", "line"),
    [
        pytest.param("20000", "kept", None, id="more in numbers"),
        pytest.param("900", "changed", "4096", id="less in numbers"),
    ],
)
def test_a_floor_over_a_percentage_goes_by_the_number_that_systemd_makes_of_it(
    shown: str, state: str, line: str | None
) -> None:
    texts = {EARLY: "[Service]\nTasksMax=50%\n"}
    wanted = request({"TasksMax": floor(4096)})
    host = observed(unit(loaded(TasksMax=shown)), texts=texts)
    planned = plan(wanted, host)
    assert only(planned).state == state
    assert [text.split("TasksMax=")[1].strip() for text in written(planned).values()] == ([line] if line else [])
    if line:
        again = observed(unit(loaded(TasksMax=line), own=planned.files[0].after), texts=texts)
        assert not plan(wanted, again).changed


def test_a_percentage_that_nobody_has_turned_into_a_number_is_not_lowered() -> None:
    host = observed(unit(), texts={UNIT_FILE: "[Service]\nTasksMax=50%\n"}, systemd_running=False)
    assert plan(request({"TasksMax": floor(10)}), host).files == []


# --- ceilings -------------------------------------------------------------------------------


def ceiling(value: Any) -> dict[str, Any]:
    return {"value": value, "rule": "at_most"}


@pytest.mark.parametrize(
    ("directive", "value", "texts", "line", "state"),
    [
        pytest.param("OOMScoreAdjust", -600, {}, "-600", "changed", id="systemd's default"),
        pytest.param("OOMScoreAdjust", -600, {EARLY: "[Service]\nOOMScoreAdjust=-900\n"}, None, "kept", id="better"),
        pytest.param("OOMScoreAdjust", -600, {LOCAL: "[Service]\nOOMScoreAdjust=-900\n"}, None, "kept", id="later"),
        pytest.param("OOMScoreAdjust", -600, {EARLY: "[Service]\nOOMScoreAdjust=5\n"}, "-600", "changed", id="worse"),
        pytest.param(
            "OOMScoreAdjust", -600, {LOCAL: "[Service]\nOOMScoreAdjust=300\n"}, "-600", "shadowed", id="worse and later"
        ),
        pytest.param("Nice", -5, {EARLY: "[Service]\nNice=-11\n"}, None, "kept", id="better nice"),
        pytest.param("Nice", -5, {}, "-5", "changed", id="worse nice"),
    ],
)
def test_ceilings(directive: str, value: int, texts: dict[str, str], line: str | None, state: str) -> None:
    planned = plan(request({directive: ceiling(value)}), observed(unit(loaded()), texts=texts))
    assert (only(planned).state, only(planned).wanted) == (state, f"at most {value}")
    lines = [text.split(f"{directive}=")[1].split("\n")[0] for text in written(planned).values()]
    assert lines == ([line] if line else [])


def test_a_ceiling_under_systemds_default_is_the_same_in_every_run() -> None:
    defaults = {"OOMScoreAdjust": "0", "Nice": "0"}
    own = None
    for shown, changed in ((loaded(), True), (loaded(OOMScoreAdjust="-600"), False)):
        host = observed(unit(shown, own=own))
        planned = plan(request({"OOMScoreAdjust": ceiling(-600)}), host._replace(defaults=defaults))
        assert (planned.changed, only(planned).at_boot) == (changed, "-600")
        own = planned.files[0].after if planned.files else own


def test_systemds_defaults_are_asked_for_only_where_there_is_a_floor_or_a_ceiling() -> None:
    assert not needs_defaults(request({"Nice": 5, "LimitNOFILE": 5}))
    assert needs_defaults(request({"LimitNOFILE": floor(5)}))
    assert needs_defaults(request({"Nice": ceiling(5)}))


# --- drop-ins of one name -------------------------------------------------------------------

TEMPLATES = drop_in_path("kam@.service", DROP_IN)
EDGES = drop_in_path("kam@edge.service", DROP_IN)


def edge(own: FileRecord | None = None, **shown: str) -> UnitState:
    """An instance whose template may have a drop-in of the same name."""
    places = [EDGES, TEMPLATES]
    shown = loaded(name="kam@edge.service", **shown)._replace(candidates=places)
    return unit(shown, asked="kam@edge.service", name="kam@edge.service", path=EDGES, own=own, candidates=places)


def test_a_floor_that_only_the_templates_drop_in_meets_is_written_for_the_instance() -> None:
    """Its own drop-in would hide the template's."""
    wanted = request({"LimitNOFILE": floor(4096), "Nice": 3}, name="kam@edge.service")
    texts = {TEMPLATES: "[Service]\nLimitNOFILE=65536\n"}
    planned = plan(wanted, observed(edge(), texts=texts))
    assert "LimitNOFILE=65536\nNice=3\n" in written(planned)[EDGES]
    again = plan(wanted, observed(edge(own=planned.files[0].after, Nice="3"), texts=texts))
    assert again.files == []


def test_an_instance_beside_its_template_has_the_floor_in_every_run() -> None:
    wanted = Request(
        parse_units({"kam@.service": {"LimitNOFILE": floor(9000)}, "kam@edge.service": {"Nice": 3}}), DROP_IN
    )
    first = plan(wanted, observed(template()._replace(path=TEMPLATES, candidates=[TEMPLATES]), edge()))
    files = {file.path: file.after for file in first.files}
    assert all("LimitNOFILE=9000" in text_of(file) for file in files.values())
    of_template = template()._replace(path=TEMPLATES, candidates=[TEMPLATES], own=files[TEMPLATES])
    again = plan(wanted, observed(of_template, edge(own=files[EDGES])))
    assert again.files == []


@pytest.mark.parametrize(
    ("directives", "refused"),
    [
        pytest.param({"Nice": 3}, True, id="what the template sets would be lost"),
        pytest.param({"Nice": 3, "LimitNOFILE": 5}, False, id="the instance sets it as well"),
        pytest.param(None, False, id="nothing is written"),
    ],
)
def test_an_instance_does_not_hide_what_its_template_sets(directives: dict[str, Any] | None, refused: bool) -> None:
    host = observed(edge(), texts={TEMPLATES: "[Service]\nLimitNOFILE=65536\n"})
    wanted = request(directives, name="kam@edge.service")
    if not refused:
        plan(wanted, host)
        return
    with pytest.raises(SystemdError, match=f"{EDGES} would hide {TEMPLATES}, which sets LimitNOFILE: set that for"):
        plan(wanted, host)
