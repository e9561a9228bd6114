# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.hooks import (
    LongestWait,
    Wait,
    limit_hooks,
    parse_hook,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import Rollout, RolloutError

DRAIN = {"siptune.linux.sip_calls_wait": {"timeout_seconds": 1800}}


def read(path: str) -> Any:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def waits(tmp_path: Path, *tasks: Any) -> list[tuple[str, Any]]:
    path = tmp_path / "drain.yml"
    path.write_text(yaml.safe_dump(list(tasks)), encoding="utf-8")
    return [(wait.option, wait.value) for wait in parse_hook(str(path), read).waits]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (DRAIN, [("siptune.linux.sip_calls_wait.timeout_seconds", 1800)]),
        ({"siptune.linux.sip_calls_wait": None}, [("siptune.linux.sip_calls_wait.timeout_seconds", 600)]),
        ({"wait_for": {"port": 5060, "timeout": "{{ drain }}"}}, [("wait_for.timeout", "{{ drain }}")]),
        ({"ansible.builtin.pause": {"minutes": 30}}, [("ansible.builtin.pause.minutes", 30)]),
        ({"ansible.builtin.command": "sleep 1800"}, []),
        ({**DRAIN, "timeout": 2000}, []),  # it has a limit of its own
        ({**DRAIN, "async": 2000}, []),
        ({"block": [{"ansible.builtin.debug": None}, DRAIN]}, [("siptune.linux.sip_calls_wait.timeout_seconds", 1800)]),
        ({"block": [{"block": [DRAIN]}], "timeout": 2000}, []),
        (
            {"block": [], "rescue": [{"reboot": None}], "always": [{"wait_for_connection": {"timeout": 7}}]},
            [("reboot.reboot_timeout", 600), ("wait_for_connection.timeout", 7)],
        ),
        ({"debug": {"msg": "x"}, "vars": {"pause": {"seconds": 9000}}}, []),
    ],
)
def test_the_waits_of_tasks(tmp_path: Path, task: dict[str, Any], expected: list[tuple[str, Any]]) -> None:
    assert [one for one in waits(tmp_path, task) if one[1] != 0] == expected


def test_a_wait_has_its_unit_and_the_variables_of_its_task(tmp_path: Path) -> None:
    path = tmp_path / "drain.yml"
    path.write_text("- pause: {minutes: '{{ m }}'}\n  vars: {m: 30}\n", encoding="utf-8")
    assert parse_hook(str(path), read).waits[0] == Wait("pause.minutes", "{{ m }}", 60, {"m": 30})


def test_files_that_are_included_count_too(tmp_path: Path) -> None:
    (tmp_path / "calls.yml").write_text(yaml.safe_dump([{**DRAIN, "tags": "calls"}]), encoding="utf-8")
    (tmp_path / "round.yml").write_text("- import_tasks: drain.yml\n", encoding="utf-8")
    expected = [("siptune.linux.sip_calls_wait.timeout_seconds", 1800)]
    assert waits(tmp_path, {"ansible.builtin.include_tasks": {"file": "calls.yml"}}) == expected
    assert waits(tmp_path, {"block": [{"import_tasks": "calls.yml"}]}) == expected
    assert waits(tmp_path, {"import_tasks": "calls.yml", "timeout": 1900}) == []
    for name in ("none.yml", "{{ kind }}.yml", "round.yml"):
        assert waits(tmp_path, {"import_tasks": name}) == []


def test_the_tags_of_tasks(tmp_path: Path) -> None:
    path = tmp_path / "drain.yml"
    path.write_text(
        "- {debug: , tags: 'a, b'}\n- {tags: c, block: [{debug: , tags: [d]}]}\n- debug:\n", encoding="utf-8"
    )
    assert parse_hook(str(path), read).tags == {"a", "b", "c", "d"}


@pytest.mark.parametrize("text", ["a", "{a: 1}", "[1]", "- [a]"])
def test_what_is_no_file_of_tasks(tmp_path: Path, text: str) -> None:
    path = tmp_path / "drain.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RolloutError, match=r"drain\.yml: is not a list of tasks"):
        parse_hook(str(path), read)
    path.write_text("---\n", encoding="utf-8")
    assert parse_hook(str(path), read).waits == []


@pytest.mark.parametrize(
    ("limit", "given", "wait", "expected"),
    [
        (600, False, 0, 600),
        (600, False, 1800, 1860),
        (600, False, 600, 660),
        (2400, True, 1800, 2400),
        (1800, True, 1800, 1800),
        (0, True, 1800, 0),  # no limit
    ],
)
def test_the_limit_follows_the_longest_wait(limit: int, given: bool, wait: float, expected: int) -> None:
    rollout = limit_hooks(Rollout(hook_timeout_seconds=limit), given, LongestWait(wait, "x"))
    assert rollout.hook_timeout_seconds == expected


def test_a_limit_that_would_cut_a_wait_off() -> None:
    longest = LongestWait(1800.0, "sip_calls_wait.timeout_seconds in drain.yml (for pbx1)")
    with pytest.raises(RolloutError) as caught:
        limit_hooks(Rollout(hook_timeout_seconds=600), True, longest)
    assert str(caught.value) == (
        "siptune_hook_timeout_seconds: 600 s would cut off sip_calls_wait.timeout_seconds in drain.yml (for pbx1), "
        "which may wait for 1800 s. Give it more, or leave it out: the limit then follows the longest wait"
    )
