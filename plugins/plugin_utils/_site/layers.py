# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers as the files of their roles have them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, NETWORK_LAYER, PARTS, Layer

COLLECTION = Path(__file__).resolve().parents[3]


def result_name(layer: str, part: str) -> str:
    """What the task of a layer's role that makes this call registers."""
    return f"__siptune_{layer}_{part}_result" if part else f"__siptune_{layer}_result"


RESULTS = {layer: tuple(result_name(layer, part) for part in parts) for layer, parts in PARTS.items()}


@functools.cache
def load_layer(name: str, collection: Path = COLLECTION) -> Layer:
    """A layer from the files of its role, read once. Nobody changes what it holds."""
    role = collection / "roles" / name
    (catalogue,) = _load(role / "vars" / "main.yml").values()
    interfaces = _load(role / "vars" / "nics.yml") if name == NETWORK_LAYER else {}
    return Layer(name, catalogue, _load(role / "defaults" / "main.yml"), interfaces)


@functools.cache
def load_argument_spec(name: str, collection: Path = COLLECTION) -> dict[str, dict[str, Any]]:
    """The options of a layer's role by its argument specification, read once. Nobody changes what it holds."""
    return _load(collection / "roles" / name / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]


def load_layers() -> None:
    """Read all that there is. To be called before Ansible forks a process for each host and task."""
    for name in LAYERS:
        load_layer(name)
        load_argument_spec(name)


def _load(path: Path) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as quick where libyaml is there
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
