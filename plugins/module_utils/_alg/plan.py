# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the file that keeps the SIP ALG from loading. Reverting a host is the plan for no such file."""

from __future__ import annotations

from .._engine.conf_files import comment
from .._engine.owned_files import FilesPlan, OwnFile, one_file_plan, plan_file, text_of
from .items import WHY, alg_item, warnings_of
from .model import MODULES, PATH, Observed, Request
from .safety import check_safety

HEADING = "# Managed by Ansible (siptune.linux.sip_alg). Edits made here are lost with the next run.\n"
# `blacklist` is for whoever loads a module by an alias, as rules of a firewall do, and for modules-load.d; `install`
# for modprobe with the module's own name, and for what depends on it. Source: modprobe.d(5).
LINES = "".join(f"blacklist {name}\ninstall {name} /bin/false\n" for name in MODULES)
TEXT = f"{HEADING}{comment(WHY)}{LINES}"


def plan(request: Request, observed: Observed) -> FilesPlan:
    """The plan that fulfils the request. Raises AlgError where that would harm, ItemError for a file that stays."""
    can_block = not observed.container and not observed.alg.built_in
    if request.block and can_block:
        check_safety(observed)
    text = TEXT if request.block and can_block else None
    own = OwnFile(PATH, observed.own, HEADING)
    file, left_alone = plan_file(own, text, observed.originals.files, observed.owner)
    blocked, will_be = (
        text_of(record).endswith(LINES) for record in (observed.own, file.after if file else observed.own)
    )
    item = alg_item(request, observed, blocked, will_be)
    return one_file_plan(own, file, [item, left_alone], observed.originals, warnings_of(request, observed))
