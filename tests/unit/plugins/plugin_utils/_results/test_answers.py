# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._results import answers
from ansible_collections.siptune.linux.plugins.plugin_utils._results.answers import checked
from ansible_collections.siptune.linux.plugins.plugin_utils._results.schema import ResultError
from hypothesis import given
from hypothesis import strategies as st

ITEM = {"item": "vm.swappiness", "state": "ok", "wanted": "10", "before": "10", "after": "10", "at_boot": "10"}
SYSCTL = {"changed": False, "items": [ITEM], "diff": []}
TUNE = {
    "changed": False,
    "calls": [{"name": "memory", "module": "sysctl_bulk", "changed": False}],
    "items": [{"call": "memory", **ITEM}],
    "ansible_facts": {"siptune_host": {"processors": 4}},
}


def test_only_the_modules_own_fields_pass() -> None:
    strange = {"add_host": {}, "ansible_facts": {"siptune_profile": "x"}, "unreachable": True, "invocation": {}}
    assert checked("sysctl_bulk", {**SYSCTL, **strange}, with_diff=True) == SYSCTL
    facts = {"siptune_host": {"processors": 4, "more": 1}, "siptune_audit_directory": "/x"}
    assert checked("tune", {**TUNE, "ansible_facts": facts}, with_diff=False) == TUNE


def test_what_ansible_has_found_out_itself_passes() -> None:
    found = {"discovered_interpreter_python": "/usr/bin/python3", "ansible_host": "other"}
    answer = checked("nic_ring", {**SYSCTL, "ansible_facts": found}, with_diff=False)
    assert answer["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3"}


def test_a_failure_has_a_message_and_no_facts() -> None:
    failed = {"failed": True, "msg": "no\nway", "undone": ["a"], "items": [], "ansible_facts": TUNE["ansible_facts"]}
    assert checked("tune", failed, with_diff=False) == {
        "failed": True,
        "msg": "no way",
        "undone": ["a"],
        "items": [],
    }
    with pytest.raises(ResultError, match=r"^msg: is missing$"):
        checked("tune", {"failed": True}, with_diff=False)


@pytest.mark.parametrize("module", sorted(answers.MODULES))
@pytest.mark.parametrize("interpreter", ["/usr/bin/python3.11", None])
def test_a_failure_keeps_its_message_beside_a_discovered_interpreter(module: str, interpreter: str | None) -> None:
    facts = {"discovered_interpreter_python": interpreter}
    failed = {"failed": True, "msg": "no way", "ansible_facts": {**facts, "siptune_host": {}}}
    assert checked(module, failed, with_diff=False) == {"failed": True, "msg": "no way", "ansible_facts": facts}


@pytest.mark.parametrize("facts", [None, 7, "discovered_interpreter_python", ["discovered_interpreter_python"], {}])
def test_facts_that_are_none_cost_no_message(facts: Any) -> None:
    failed = {"failed": True, "msg": "no way", "ansible_facts": facts}
    assert checked("tune", failed, with_diff=False) == {"failed": True, "msg": "no way"}


@pytest.mark.parametrize(
    ("stderr", "stdout", "said"),
    [
        ("Traceback (most recent call last):\n  File x\nImportError: no zipfile\n", "", " (ImportError: no zipfile)"),
        ("Shared connection to edge1 closed.\r\n", "\r\nsudo: no\x1b[2J\r\n", " (sudo: no?[2J)"),
        ("Connection to edge1 closed.\n", "", ""),
        ("\n \n", "\n", ""),
        ("x" * 9000, "", f" ({'x' * 4096})"),
    ],
)
def test_a_module_that_could_not_run_says_why(stderr: str, stdout: str, said: str) -> None:
    failed = {"failed": True, "msg": "MODULE FAILURE", "module_stderr": stderr, "module_stdout": stdout, "rc": 1}
    assert checked("tune", failed, with_diff=False)["msg"] == f"MODULE FAILURE{said}"


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("3.6", '  File "<stdin>", line 3\nSyntaxError: future feature annotations is not defined\n'),
        ("2.7", '  File "<stdin>", line 40\nSyntaxError: invalid syntax\n'),
        ("3.7", '  File "<stdin>", line 138, in invoke_module\nSyntaxError: invalid syntax\n'),
    ],
)
def test_a_python_that_is_too_old_is_named_with_the_way_out(python: str, said: str) -> None:
    failed = {"failed": True, "msg": "MODULE FAILURE", "module_stderr": said, "module_stdout": "", "rc": 1}
    message = checked("tune", failed, with_diff=False)["msg"]
    assert "the Python of this host is too old" in message, python
    assert "ansible_python_interpreter=/usr/bin/python3.12" in message


class Record:
    """A warning as ansible-core 2.19 hands it on."""

    class event:  # noqa: N801
        msg = "two\x1b"


def test_warnings_are_texts() -> None:
    assert checked("nic_ring", {**SYSCTL, "warnings": ["one", Record()]}, False)["warnings"] == ["one", "two?"]
    with pytest.raises(ResultError, match=r"^warnings\[0\]: must be a text, not dict$"):
        checked("nic_ring", {**SYSCTL, "warnings": [{}]}, with_diff=False)


def test_a_diff_is_looked_at_where_it_was_asked_for() -> None:
    bad = {**SYSCTL, "diff": [7]}
    assert "diff" not in checked("nic_ring", bad, with_diff=False)
    with pytest.raises(ResultError, match=r"^diff\[0\]: must be a dictionary, not 7$"):
        checked("nic_ring", bad, with_diff=True)


def test_an_answer_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_CHARACTERS", 1000)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for more in ("x" * 1000, deep, {"x" * 1000: 1}):
        with pytest.raises(ResultError, match=r"^the whole: must have at most"):
            checked("nic_ring", {**SYSCTL, "more": more}, with_diff=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = [(), ("items",), ("items", 0), ("items", 0, "before"), ("calls",), ("calls", 0), ("ansible_facts",)]


@given(st.sampled_from(PLACES), st.sampled_from([*TUNE, *ITEM, "warnings", "failed", "msg", "undone"]), JSON)
def test_whatever_a_host_answers_it_is_of_the_shape_or_refused(path: tuple, field: str, value: Any) -> None:
    def put(answer: Any, way: tuple) -> Any:
        if not way:
            return {**answer, field: value} if isinstance(answer, dict) else value
        if isinstance(answer, list):
            return [put(answer[0], way[1:])]
        return {**answer, way[0]: put(answer[way[0]], way[1:])} if way[0] in answer else answer

    try:
        found = checked("tune", put(TUNE, path), with_diff=True)
    except ResultError:
        return
    assert found.get("failed") or set(found) >= {"changed", "calls", "items", "ansible_facts"}
    assert set(found.get("ansible_facts", {})) <= {"siptune_host", "discovered_interpreter_python"}
