# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers, read from the files of their roles."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, NETWORK_LAYER, Layer

FIELDS = ("why", "hazard", "instead_of")  # of an entry, for either profile
COLLECTION = Path(__file__).resolve().parents[3]


@functools.cache
def load_layer(name: str, collection: Path = COLLECTION) -> Layer:
    """A layer from the files of its role, read once. Nobody may change it."""
    role = collection / "roles" / name
    (catalogue,) = _load(role / "vars" / "main.yml").values()
    interfaces = _load(role / "vars" / "nics.yml") if name == NETWORK_LAYER else {}
    return Layer(name, catalogue, interfaces, _load(role / "defaults" / "main.yml"))


@functools.cache
def load_argument_spec(name: str, collection: Path = COLLECTION) -> dict[str, dict[str, Any]]:
    """The options in the argument specification of a layer's role, read once. Nobody may change them."""
    return _load(collection / "roles" / name / "meta" / "argument_specs.yml")["argument_specs"]["variables"]["options"]


def for_profile(entries: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """The entries of a catalogue, nested or not, that a profile has, with the fields that count for it."""
    chosen: dict[str, Any] = {}
    for name, entry in entries.items():
        if "why" not in entry:
            chosen[name] = for_profile(entry, profile)
        elif entry[profile] is not None:
            chosen[name] = {field: entry[field] for field in (profile, *FIELDS) if field in entry}
    return chosen


def load_layers() -> None:
    """Read all layers. To be called before Ansible forks a process for each host and task."""
    for name in LAYERS:
        load_layer(name)
        load_argument_spec(name)


def _load(path: Path) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as quick where libyaml is there
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
