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
  - A file is replaced with its ACL, label and other extended attributes. One with several hard links, with an immutable
    flag, or with a mount on it is refused with the reason, in check mode too.
  - A mode or an owner that somebody has changed on a file of siptune's is put right, and is an item named by the path.
  - A file that somebody edits while a module works is left as it is; the module fails and changes nothing.
"""
