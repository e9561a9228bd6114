# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the unit tests' proof: `python tests/browser/proofs.py FILE.html` writes it, to be looked at.

`captured()` is a real comparison: Kamailio of Debian 12 in a container, stalled for a second in each step.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from checkout import CHECKOUT  # before anything that imports the collection

sys.path.insert(0, str(CHECKOUT / "tests" / "unit" / "plugins" / "plugin_utils"))

import prove_results
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import html

CAPTURED = Path(__file__).with_name("captured") / "siptune-prove.json"


def captured() -> dict[str, Any]:
    """The document that siptune.linux.prove has written."""
    return json.loads(CAPTURED.read_text(encoding="utf-8"))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(html.render(prove_results.proof()), encoding="utf-8")
