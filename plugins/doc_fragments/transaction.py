# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The shared documentation of the modules that run several calls."""

    DOCUMENTATION = r"""
options:
  each_for_itself:
    description:
      - For C(check_mode) alone. Predicts each call for itself, so that one that would fail neither makes the module
        fail nor hides the others.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - Can run in C(check_mode) and predicts the changes, without changing anything. A call is predicted as if the
        calls before it had done nothing.
  diff_mode:
    support: full
    description: Shows the diffs of the modules, one after the other.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
"""
