# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make `ansible_collections.siptune.linux` importable straight from the checkout.

Ansible finds a collection by its place in a tree; a checkout has no such place. Namespace modules
with a `__path__` give it one, without an installed ansible, so the same tests run on the oldest
Python a target may have.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

from hypothesis import settings

# How long an example takes says how busy the machine is, and not whether the code is right.
settings.register_profile("siptune", deadline=None)
settings.load_profile("siptune")

CHECKOUT = Path(__file__).resolve().parents[2]


def _namespace(name: str, path: list[str]) -> None:
    module = types.ModuleType(name)
    module.__path__ = path
    sys.modules[name] = module


_namespace("ansible_collections", [])
_namespace("ansible_collections.siptune", [])
_namespace("ansible_collections.siptune.linux", [str(CHECKOUT)])
