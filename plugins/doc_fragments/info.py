# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of the modules that only read."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Reads the same in C(check_mode), as it never changes anything.
  diff_mode:
    support: none
    description: There is nothing to show, as nothing changes.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
"""
