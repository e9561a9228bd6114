# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option that lets a module restart units although calls are in progress."""

    DOCUMENTATION = r"""
options:
  despite_calls:
    description:
      - Whether O(restart) also restarts units while calls are in progress on the host, and cuts them. Without it, a
        SIP daemon that runs and does not report its calls counts as one with calls.
    type: bool
    default: false
"""
