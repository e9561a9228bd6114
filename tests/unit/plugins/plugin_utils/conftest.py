# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in plugin_utils runs on the controller, whose Python is 3.11 or later, and is tested there alone."""

from __future__ import annotations

import sys

collect_ignore_glob = [] if sys.version_info >= (3, 11) else ["*"]
