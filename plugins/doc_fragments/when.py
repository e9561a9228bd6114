# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option that says when a setting is to hold."""

    DOCUMENTATION = r"""
options:
  when:
    description:
      - V(now) changes the running system alone, V(boot) only what the next boots set, and V(both) both.
    type: str
    choices: [both, now, boot]
    default: both
"""
