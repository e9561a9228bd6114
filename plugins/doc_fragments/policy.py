# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options and attributes shared by all modules that change a host."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(absent) puts back the originals of everything that this module has set. A value or file that somebody else has
        changed since is left alone and reported.
    type: str
    choices: [present, absent]
    default: present
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
attributes:
  check_mode:
    support: full
    description: Predicts the changes of a run without changing anything.
  diff_mode:
    support: full
    description:
      - Shows the files and the live values, before and after. Of environment files it shows our lines alone, and
        nothing of another one's file that not everybody may read. Without C(--diff) no contents of files are returned.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
"""
