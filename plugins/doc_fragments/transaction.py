# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the documentation of the modules that carry out several calls shares."""

    DOCUMENTATION = r"""
options:
  each_for_itself:
    description:
      - For C(check_mode) alone. Predicts each call for itself, so that one that would fail does not make the module
        fail, and keeps nobody from learning of the others.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - Can run in C(check_mode) and predicts what a run would change, without changing anything. A call is predicted
        as if the calls before it had done nothing.
  diff_mode:
    support: full
    description: Shows what the modules show, one after the other.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
"""
