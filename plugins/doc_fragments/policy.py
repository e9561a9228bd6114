# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options by which a user turns a report into a failure."""

    DOCUMENTATION = r"""
options:
  missing:
    description:
      - Whether to report items that this host does not have or cannot take, or to fail before anything is changed.
    type: str
    choices: [report, fail]
    default: report
  shadowed:
    description:
      - Whether to report items for which another file sets another value at boot, or to fail before anything is
        changed.
    type: str
    choices: [report, fail]
    default: report
"""
