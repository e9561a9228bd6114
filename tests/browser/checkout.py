# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make `ansible_collections.siptune.linux` importable straight from the checkout, on import.

Ansible finds a collection by its place in a tree; a checkout has no such place. Namespace modules
with a `__path__` give it one, as tests/unit/conftest.py does.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

for _name, _path in (
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", [str(CHECKOUT)]),
):
    _module = types.ModuleType(_name)
    _module.__path__ = _path
    sys.modules[_name] = _module
