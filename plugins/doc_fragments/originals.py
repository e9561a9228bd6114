# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the documentation of all modules that change a host shares."""

    DOCUMENTATION = r"""
options: {}
notes:
  - Needs root.
  - Two runs on one host take turns. The second one waits up to 30 seconds for the first one.
  - Originals are recorded once, before the first change of an item, and never overwritten while the item is managed.
"""
