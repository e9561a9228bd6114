# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles as data: their argument specifications, their defaults, and what they share."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info < (3, 11):  # noqa: UP036 - a target may have less
    pytest.skip("the roles' data is read on the controller, from Python 3.11 on", allow_module_level=True)

import yaml
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CAPACITY_NAMES, PROFILES
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import DEFAULT_PROFILE, PARTS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import APPLIED
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import RESULTS, load_argument_spec, load_layer

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = {"siptune_profile": DEFAULT_PROFILE, "siptune_capacity": {}, "siptune_state": "present"}
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


@pytest.mark.parametrize("name", LAYERS)
def test_a_role_is_facts_and_a_call_for_each_result(name: str) -> None:
    facts, *calls = _yaml("roles", name, "tasks", "main.yml")
    assert facts["register"] == "__siptune_host_facts"
    assert facts["when"] == "__siptune_host_facts is not defined or ansible_facts.siptune_host is not defined"
    tasks = [task for call in calls for task in call.get("block", [call])]
    assert tuple(task["register"] for task in tasks) == RESULTS[name]


@pytest.mark.parametrize("name", LAYERS)
def test_a_role_hands_over_each_variable_of_its_own(name: str) -> None:
    tasks = CHECKOUT.joinpath("roles", name, "tasks", "main.yml").read_text(encoding="utf-8")
    assert [variable for variable in LAYER_BY_NAME[name].defaults if variable not in tasks] == []


@pytest.mark.parametrize("name", LAYERS)
def test_the_readme_names_each_variable(name: str) -> None:
    readme = CHECKOUT.joinpath("roles", name, "README.md").read_text(encoding="utf-8")
    assert [variable for variable in LAYER_BY_NAME[name].defaults if f"`{variable}`" not in readme] == []


@pytest.mark.parametrize("playbook", ["site", "audit"])
def test_a_playbook_applies_all_layers_in_one_task_whatever_the_tags(playbook: str) -> None:
    play, *_ = _yaml("playbooks", f"{playbook}.yml")
    tasks = [task for outer in play["tasks"] for task in [outer, *outer.get("block", [])]]
    (apply,) = [task for task in tasks if "siptune.linux.apply_layers" in task]
    assert apply["register"] == APPLIED
    assert apply["tags"] == ["always"]


def _layers_of(play: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The roles that a playbook applies, and their tags."""
    (block,) = [task["block"] for task in play["tasks"] if "block" in task]
    roles = [task for task in block if "ansible.builtin.import_role" in task]
    return [task["ansible.builtin.import_role"]["name"] for task in roles], [task["tags"] for task in roles]


def test_rollback_takes_the_layers_back_in_the_other_order() -> None:
    (play,) = _yaml("playbooks", "rollback.yml")
    names, tags = _layers_of(play)
    assert play["vars"]["siptune_state"] == "absent"
    assert names == [f"siptune.linux.{name}" for name in reversed(LAYERS)]
    assert tags == [[name] for name in reversed(LAYERS)]


@pytest.mark.parametrize("playbook", ["site.yml", "rollback.yml"])
def test_hosts_are_out_of_service_while_layers_are_at_work_and_come_back_whatever_happens(playbook: str) -> None:
    (play,) = _yaml("playbooks", playbook)
    (work,) = [task for task in play["tasks"] if "block" in task]
    parts = [play["tasks"][0], work["block"][0], work["always"][0], play["tasks"][-1]]
    imported = [part["ansible.builtin.import_tasks"] for part in parts]
    assert imported == [
        f"rolling/{{{{ '{rolling}' if __siptune_rolling else '{plain}' }}}}.yml"
        for rolling, plain in (
            ("begin", "plain"), ("before_host", "nothing"), ("after_host", "nothing"), ("end", "nothing")
        )
    ]  # fmt: skip


@pytest.mark.parametrize("playbook", ["site.yml", "rollback.yml"])
def test_every_part_of_a_rolling_run_makes_it_one(playbook: str) -> None:
    (play,) = _yaml("playbooks", playbook)
    named = re.findall(r"(siptune_\w+) is defined", play["vars"]["__siptune_rolling"])
    assert named == list(PARTS)


@pytest.mark.parametrize("module", ["apply_layers", "check_layers", "summary"])
def test_the_documented_layers_are_those_there_are(module: str) -> None:
    source = CHECKOUT.joinpath("plugins", "modules", f"{module}.py").read_text(encoding="utf-8")
    documentation = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    layers = documentation["options"]["layers"]
    assert layers["choices"] == layers["default"] == list(LAYERS)
