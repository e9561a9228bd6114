# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the unit tests' proof: `python tests/browser/proofs.py FILE.html` writes it, to be looked at."""

from __future__ import annotations

import sys
from pathlib import Path

from checkout import CHECKOUT  # before anything that imports the collection

sys.path.insert(0, str(CHECKOUT / "tests" / "unit" / "plugins" / "plugin_utils"))

import prove_results
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import html

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(html.render(prove_results.proof()), encoding="utf-8")
