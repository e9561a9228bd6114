# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several layers in one task: which layers the tags select, and the result of each.

Pure: between the tasks of a play and siptune.linux.tune.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, PARTS, call_name

ALWAYS = "always"  # the tag of a task that runs whatever --tags says
APPLIED = "__siptune_layers_result"  # the variable in which the playbooks register the result of apply_layers

Result = Mapping[str, Any]


def selected(
    layers: Sequence[str], tags: Sequence[str], run_tags: Sequence[str], skip_tags: Sequence[str]
) -> list[str]:
    """The layers that --tags and --skip-tags leave, as if each were a task of its own, tagged with its name.

    `tags` are those of the task that stands for all of them: always, as Ansible skips a task for any of its tags, and
    those of the playbook around it, which are each layer's, too.
    """
    common = set(tags) - {ALWAYS}
    return [layer for layer in layers if _runs({*common, layer}, set(run_tags), set(skip_tags))]


def _runs(tags: set[str], run_tags: set[str], skip_tags: set[str]) -> bool:
    """Whether Ansible would run a task with these tags, none of which is special. Source: Playbook Guide, Tags."""
    return bool(run_tags & {"all", "tagged", *tags}) and not skip_tags & {"all", "tagged", *tags}


def by_layer(done: Result, layers: Iterable[str]) -> dict[str, Any]:
    """The result of siptune.linux.tune with `layers`, the result of each module, in place of its calls and items.

    None stands for a call that was not made, or was undone as another one has failed. After a run that failed as a
    whole, only the layer that failed is there.
    """
    if "calls" not in done:
        return dict(done)
    calls = {one["name"]: one for one in done["calls"]}
    items: dict[str, list[dict[str, Any]]] = {name: [] for name in calls}
    for item in done.get("items", []):
        items[item["call"]].append({field: value for field, value in item.items() if field != "call"})

    def result(name: str) -> dict[str, Any] | None:
        return {**_result(calls[name], done), "items": items[name]} if name in calls else None

    results = {layer: [result(call_name(layer, part)) for part in PARTS[layer]] for layer in layers}
    rest = {field: value for field, value in done.items() if field not in ("calls", "items")}
    return {**rest, "layers": {layer: parts for layer, parts in results.items() if any(parts)}}


def _result(one: Result, done: Result) -> dict[str, Any]:
    """The result of a call's module. Of a run that failed as a whole, the message of the run says more."""
    result = {field: value for field, value in one.items() if field not in ("name", "module")}
    whole, prefix = str(done.get("msg", "")), f"{one['name']}: "
    if one.get("failed") and whole.startswith(f"{prefix}{one['msg']}. "):
        result["msg"] = whole.removeprefix(prefix)
    return result


def failure(host: str, applied: Result) -> str:
    """Why a host has failed, on one line that names it."""
    message = " ".join(str(applied.get("msg") or "no message").split())
    return message if message.startswith(f"{host}: ") else f"{host}: {message}"


def results_by_layer(applied: Result | None, layers: Sequence[str] = LAYERS) -> dict[str, list[Result | None]]:
    """The results of each layer's calls, by the result of siptune.linux.apply_layers.

    None stands for a call that was not made. A result without layers, such as a failed check of variables, is that of
    every layer.
    """
    if not applied or applied.get("skipped"):
        return {layer: [None] for layer in layers}
    if "layers" not in applied:
        return {layer: [applied] for layer in layers}
    return {layer: applied["layers"].get(layer, [None]) for layer in layers}
