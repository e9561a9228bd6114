# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several layers in one call: which of them, and what became of each.

Pure: between the tasks of a play and siptune.linux.tune.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, PARTS, call_name

from .layers import RESULTS

ALWAYS = "always"  # the tag of a task that runs whatever --tags says
APPLIED = "__siptune_layers_result"  # what the playbooks' task of siptune.linux.apply_layers registers

Result = Mapping[str, Any]


# --- before ---------------------------------------------------------------------------------


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


# --- afterwards -----------------------------------------------------------------------------


def by_layer(done: Result, layers: Iterable[str]) -> dict[str, Any]:
    """The result of siptune.linux.tune with `layers` in place of its calls and items: what each module would return.

    None stands for a call that was not made, or is undone as another one of its layer has failed. Of a run that has
    failed, the other layers are left out.
    """
    if "calls" not in done:
        return dict(done)
    told = {one["name"]: one for one in done["calls"]}
    items: dict[str, list[dict[str, Any]]] = {name: [] for name in told}
    for item in done.get("items", []):
        items[item["call"]].append({field: value for field, value in item.items() if field != "call"})

    def result(name: str) -> dict[str, Any] | None:
        return {**_result(told[name], done), "items": items[name]} if name in told else None

    results = {layer: [result(call_name(layer, part)) for part in PARTS[layer]] for layer in layers}
    rest = {field: value for field, value in done.items() if field not in ("calls", "items")}
    return {**rest, "layers": {layer: parts for layer, parts in results.items() if any(parts)}}


def _result(one: Result, done: Result) -> dict[str, Any]:
    """What a call's module would return. If the transaction has failed, its message is that of the call that has."""
    result = {field: value for field, value in one.items() if field not in ("name", "module")}
    if done.get("failed"):
        result["msg"] = str(done.get("msg", "")).removeprefix(f"{one['name']}: ")
    return result


def results_by_layer(registered: Result, layers: Sequence[str] = LAYERS) -> dict[str, list[Result | None]]:
    """What each layer's calls have returned in a play, whether its role made them or siptune.linux.apply_layers.

    None stands for a call that was not made. Where apply_layers came to nothing, that is what each layer came to.
    """
    whole = registered.get(APPLIED)
    if not whole or whole.get("skipped"):
        return {layer: [registered.get(name) for name in RESULTS[layer]] for layer in layers}
    if "layers" not in whole:
        return {layer: [whole] for layer in layers}
    return {layer: whole["layers"].get(layer, [None]) for layer in layers}
