# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles as data: their argument specifications, their defaults, and what they share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info < (3, 11):  # noqa: UP036 - a target may have less
    pytest.skip("the roles' data is read on the controller, from Python 3.11 on", allow_module_level=True)

import yaml
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CAPACITY_NAMES
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import PROFILES
from ansible_collections.siptune.linux.plugins.module_utils._layers.image import FIELDS as MACHINE_FIELDS
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import DEFAULT_PROFILE, HOOKS
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import PARTS as ROLLING_PARTS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import APPLIED
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_argument_spec, load_layer

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = {
    "siptune_profile": DEFAULT_PROFILE,
    "siptune_capacity": {},
    "siptune_state": "present",
    "siptune_boot_only": False,
    "siptune_machine": {},
}
NOT_OF_ONE_ROLE = {*SHARED, "siptune_disruptive", "siptune_disruptive_despite_calls"}  # these as far as a role disrupts
LAYER_BY_NAME = {name: load_layer(name) for name in LAYERS}


def _yaml(*parts: str) -> Any:
    return yaml.safe_load(CHECKOUT.joinpath(*parts).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LAYERS)
def test_the_argument_specification_is_that_of_the_defaults(name: str) -> None:
    layer = LAYER_BY_NAME[name]
    specified = {argument: option.get("default") for argument, option in load_argument_spec(layer.name).items()}
    assert specified == layer.defaults


@pytest.mark.parametrize("name", LAYERS)
def test_shared_variables_have_the_same_defaults_in_every_role(name: str) -> None:
    shared = {key: value for key, value in LAYER_BY_NAME[name].defaults.items() if key in SHARED}
    assert shared == SHARED


@pytest.mark.parametrize("name", LAYERS)
def test_every_other_variable_bears_the_name_of_its_role(name: str) -> None:
    own = LAYER_BY_NAME[name].defaults.keys() - NOT_OF_ONE_ROLE
    assert {variable for variable in own if not variable.startswith(f"siptune_{name}_")} == set()


@pytest.mark.parametrize("name", LAYERS)
def test_the_choices_are_those_of_the_code(name: str) -> None:
    spec = load_argument_spec(name)
    assert set(spec["siptune_profile"]["choices"]) == set(PROFILES)
    assert set(spec["siptune_capacity"]["options"]) == set(CAPACITY_NAMES)
    assert set(spec["siptune_machine"]["options"]) == set(MACHINE_FIELDS)


@pytest.mark.parametrize("name", LAYERS)
def test_a_role_is_its_layer_on_the_road_of_the_playbooks(name: str) -> None:
    (task,) = _yaml("roles", name, "tasks", "main.yml")
    assert task["siptune.linux.apply_layers"] == {"layers": [name], "follow_tags": False, "summary": True}
    assert task["register"] == f"__siptune_{name}_result"


@pytest.mark.parametrize("name", LAYERS)
def test_ansible_itself_does_not_check_the_parameters_of_a_role(name: str) -> None:
    """It would check the entry point main, and print the whole specification for a slip in one of them."""
    assert list(_yaml("roles", name, "meta", "argument_specs.yml")["argument_specs"]) == ["variables"]


@pytest.mark.parametrize("name", LAYERS)
def test_the_readme_names_each_variable(name: str) -> None:
    readme = CHECKOUT.joinpath("roles", name, "README.md").read_text(encoding="utf-8")
    assert [variable for variable in LAYER_BY_NAME[name].defaults if f"`{variable}`" not in readme] == []


def _tasks(outer: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a play, or of a block, in their order, those of the blocks inside included."""
    inner = [*outer.get("tasks", ()), *outer.get("block", ()), *outer.get("always", ())]
    return [task for one in inner for task in _tasks(one)] if inner else [outer]


def _modules(play: dict[str, Any]) -> list[str]:
    return [next(key for key in task if "." in key) for task in _tasks(play)]


@pytest.mark.parametrize("playbook", ["site", "rollback", "rolling", "audit"])
def test_a_playbook_applies_all_layers_in_one_task_whatever_the_tags(playbook: str) -> None:
    play, *_ = _yaml("playbooks", f"{playbook}.yml")
    tasks = _tasks(play)
    applied = [task for task in tasks if "siptune.linux.apply_layers" in task and not task.get("check_mode")]
    assert [task["register"] for task in applied] == [APPLIED]
    assert all(task["tags"] == ["always"] for task in tasks)


def test_site_and_rollback_are_one_run_in_two_directions() -> None:
    (site,), (rollback,) = _yaml("playbooks", "site.yml"), _yaml("playbooks", "rollback.yml")
    steps = ["siptune.linux.rollout", "siptune.linux.apply_layers", "siptune.linux.run_report", "ansible.builtin.fail"]
    assert _modules(site) == _modules(rollback) == steps
    assert rollback.pop("vars") == {"siptune_state": "absent"}
    keywords = set(site) - {"name", "tasks"}
    assert {key: site[key] for key in keywords} == {key: rollback[key] for key in keywords}


def test_a_rolling_run_takes_hosts_out_of_service_last_and_brings_them_back_whatever_happens() -> None:
    (play,) = _yaml("playbooks", "rolling.yml")
    (batch,) = [task for task in play["tasks"] if "block" in task]
    (last,) = batch["always"]
    assert last["siptune.linux.rollout"]["step"] == "end"
    (out_of_service,) = [task for task in batch["block"] if "block" in task]
    tasks = _tasks(play)
    (predict,) = [task for task in tasks if "siptune.linux.apply_layers" in task and task.get("check_mode")]
    include = "ansible.builtin.include_tasks"
    (before,) = [task for task in tasks if "__siptune_rollout.before[" in str(task.get(include))]
    (apply,) = [task for task in tasks if "siptune.linux.apply_layers" in task and task is not predict]
    assert tasks.index(predict) < tasks.index(before) < tasks.index(apply)
    assert before in out_of_service["block"]
    # Ansible drops a host that cannot be reached, which would then not come to the end of its batch.
    assert all(task["ignore_unreachable"] is True for task in (predict, apply))
    assert apply in out_of_service["block"]
    back = out_of_service["always"][0][include]
    assert "__siptune_rollout.after[" in back["file"]


def test_the_head_of_the_rolling_playbook_names_each_of_its_variables() -> None:
    text = CHECKOUT.joinpath("playbooks", "rolling.yml").read_text(encoding="utf-8")
    head = text[: text.index("- name: ")]
    assert set(HOOKS) <= set(ROLLING_PARTS)
    assert [name for name in ROLLING_PARTS if name not in head] == []


def test_the_documented_layers_are_those_there_are() -> None:
    source = CHECKOUT.joinpath("plugins", "modules", "apply_layers.py").read_text(encoding="utf-8")
    documentation = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    layers = documentation["options"]["layers"]
    assert layers["choices"] == layers["default"] == list(LAYERS)
