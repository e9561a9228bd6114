# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of journald_limits: what is observed."""

from __future__ import annotations

from typing import NamedTuple

from .._engine.originals import Originals
from .._host.host import FileRecord
from .._systemd.settings_files import SettingsFiles


class Observed(NamedTuple):
    """Everything that the plan depends on.

    `files` are those that journald reads, `older` says whether it runs since before our drop-in was written. Both
    count only where there is a drop-in of ours, or is to be one.
    """

    own: FileRecord | None
    originals: Originals
    owner: tuple[int, int]
    files: SettingsFiles
    installed: bool
    running: bool
    older: bool
