# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation's arguments, and the module's documentation held against them. The file is read, not imported."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import (
    ABSENT,
    CHANGED,
    OK,
    REFUSED,
    SHADOWED,
    STATES,
    Change,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import Observed, Plan, Request
from ansible_collections.siptune.linux.plugins.module_utils._sockets.module import SIP_SOCKETS, build_request
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import (
    DAEMON_NAMES,
    FIELDS,
    HIGHEST_BYTES,
    LOWEST_BYTES,
    Floor,
    SocketsError,
)

MODULE = Path(__file__).parents[5] / "plugins/modules/sip_sockets.py"
NOTHING_GIVEN: dict[str, Any] = {"receive_buffer_bytes": None, "daemons": [], "units": [], "state": "present"}


def constant(name: str) -> str:
    for node in ast.parse(MODULE.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"no {name}")


def test_a_request() -> None:
    given = {"receive_buffer_bytes": 8192, "daemons": ["kamailio", "kamailio"], "units": ["a.service"]}
    assert build_request({**NOTHING_GIVEN, **given}) == Request(Floor(8192), ("kamailio",), ("a.service",))
    assert build_request(NOTHING_GIVEN) == Request()
    assert build_request({**NOTHING_GIVEN, "state": "absent"}) == Request(absent=True)


def test_units_are_not_on_record() -> None:
    with pytest.raises(SocketsError, match="units: does not go with state=absent"):
        build_request({**NOTHING_GIVEN, "units": ["a.service"], "state": "absent"})


SEEN, NO_PLAN = Observed(NOTHING, ""), Plan([], [], NOTHING, (), [])


def test_the_diff_is_of_the_sockets_that_change() -> None:
    changes = [
        Change("a", "x", "1", "2", None, CHANGED),
        Change("b", "x", "3", "3", None, OK),
        Change("c", "x", "4", None, None, ABSENT),
    ]
    report = SIP_SOCKETS.report(SEEN, NO_PLAN._replace(changes=changes), None)
    headers = {"before_header": "receive buffers", "after_header": "receive buffers"}
    assert report.live == [{**headers, "before": "a = 1\n", "after": "a = 2\n"}]
    assert SIP_SOCKETS.report(SEEN, NO_PLAN._replace(changes=changes[1:]), None).live == []
    assert report.diff == []
    assert "files" not in report.as_result()


def test_a_named_daemon_is_missing_and_a_socket_that_is_closed_meanwhile_is_not() -> None:
    named, closed = (
        Change("kamailio receive buffers", "x", None, None, None, ABSENT),
        Change("a", "x", "4", None, None, ABSENT),
    )
    assert [SIP_SOCKETS.is_missing(NO_PLAN, change) for change in (named, closed)] == [True, False]


def test_the_options_are_documented() -> None:
    text = constant("DOCUMENTATION")
    own = SIP_SOCKETS.argument_spec.keys() - {"missing", "shadowed", "state"}
    assert [name for name in own if f"\n  {name}:\n" not in text] == []
    assert f"choices: [{', '.join(DAEMON_NAMES)}]" in text
    assert [field for field in FIELDS if f"C({field})" not in text] == []
    assert f"from {LOWEST_BYTES} to {HIGHEST_BYTES}" in text


def test_every_state_is_documented() -> None:
    never = (SHADOWED, REFUSED)
    assert [state for state in STATES if state not in never and f"V({state})" not in constant("RETURN")] == []


def test_the_documentation_is_yaml_and_its_examples_are_taken() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not there with the oldest Python")
    assert yaml.safe_load(constant("DOCUMENTATION"))["options"].keys() <= SIP_SOCKETS.argument_spec.keys()
    assert yaml.safe_load(constant("RETURN")).keys() == {"items", "undone"}
    tasks = [task["siptune.linux.sip_sockets"] for task in yaml.safe_load(constant("EXAMPLES"))]
    floors = [build_request({**NOTHING_GIVEN, **task}).floor for task in tasks]
    assert [floor and floor.bytes for floor in floors] == [6291456, 4608000, None]
