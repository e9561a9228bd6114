# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nic_ring and nic_link share between their documentation and their logic: arguments, run and result."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.siptune.linux.plugins.module_utils._file_change import diff_files
from ansible_collections.siptune.linux.plugins.module_utils._files import RefusedError, refusal
from ansible_collections.siptune.linux.plugins.module_utils._host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._link_options import LinkError
from ansible_collections.siptune.linux.plugins.module_utils._link_persist import diff_profiles
from ansible_collections.siptune.linux.plugins.module_utils._nic import carry_out, observe
from ansible_collections.siptune.linux.plugins.module_utils._nic_items import diff_values
from ansible_collections.siptune.linux.plugins.module_utils._nic_option import NicError, Option
from ansible_collections.siptune.linux.plugins.module_utils._nic_plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._nic_records import BOOT, BOTH, NOW
from ansible_collections.siptune.linux.plugins.module_utils._nic_request import build_request
from ansible_collections.siptune.linux.plugins.module_utils._originals import OriginalsError

LOCK_TIMEOUT_SECONDS = 30

ARGUMENTS = {
    "interfaces": {"type": "dict", "default": {}},
    "when": {"type": "str", "choices": [NOW, BOOT, BOTH], "default": BOTH},
    "disruptive": {"type": "bool", "default": False},
    "despite_calls": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(host: Host, module: AnsibleModule, owner: str, known: Mapping[str, Option]) -> dict:
    """Observe, plan, and unless in check mode apply and confirm; the module's result."""
    request = build_request(owner, known, module.params)
    observed = observe(host, request)
    planned = plan(request, observed)
    changes, changed, boot = planned.changes, planned.changed, planned.boot
    if not module.check_mode:
        try:
            changes, changed, boot = carry_out(host, request, observed, planned)
        except RefusedError as error:
            module.fail_json(**refusal(error, planned.changes))
    for warning in boot.warnings if boot else []:
        module.warn(warning)
    diff = diff_values(changes)
    if boot is not None:
        diff = [*diff_files(boot.files), *diff_profiles(boot.profiles), *diff]
    return {"changed": changed, "items": [change.as_item() for change in changes], "diff": diff}


def main(name: str, owner: str, known: Mapping[str, Option]) -> None:
    """The whole of a module but its documentation."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if os.geteuid() != 0:
        module.fail_json(msg=f"{name} reads and writes what only root may: use become, or connect as root")
    host = Host()
    try:
        if module.check_mode:
            result = run(host, module, owner, known)
        else:
            with host.lock(LOCK_TIMEOUT_SECONDS):
                result = run(host, module, owner, known)
    except (NicError, LinkError, HostError, OriginalsError) as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    module.exit_json(**result)
