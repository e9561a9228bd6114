# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""siptune_state: absent on one role puts back that role's part, and no other's.

Here for the two roles that have something to set in a sandbox; for the others in the virtual machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from calls import originals, write_file
from controller import environment, program
from nics import make_interfaces, whole_host
from sandbox import difference

INVENTORY = "/run/inventory.json"
PLAYBOOK = "/run/single.json"
HOST = {
    "siptune_become": False,
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "siptune_network_nic_links": {"sip0": {"txqueuelen": 2000}},
    "siptune_service_limits_logins": [{"domain": "root", "type": "soft", "item": "nofile", "value": 2048}],
}
LINK_FILE = "/etc/systemd/network/00-siptune-sip0.link"
LOGINS_FILE = "/etc/security/limits.d/90-siptune.conf"
SYSCTL_FILE = "/etc/sysctl.d/90-siptune-network.conf"
RECORD = "/var/lib/siptune"


def play(playbook: str) -> None:
    write_file(INVENTORY, json.dumps({"all": {"hosts": {"sbc1": HOST}}}))
    command = [program("ansible-playbook"), "-i", INVENTORY, playbook]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, cwd="/run")
    assert done.returncode == 0, done.stdout + done.stderr


def absent(role: str) -> None:
    """The role alone, in a playbook of one's own."""
    role_alone = {"role": f"siptune.linux.{role}", "vars": {"siptune_state": "absent"}}
    write_file(PLAYBOOK, json.dumps([{"hosts": "all", "gather_facts": False, "roles": [role_alone]}]))
    play(PLAYBOOK)


def changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
    """What differs, but for our own record."""
    return {name for name in difference(before, after) if not name.startswith(RECORD)}


def test_a_role_puts_back_its_own_part() -> None:
    make_interfaces()
    os.makedirs("/etc/security/limits.d")
    start = whole_host()
    play("siptune.linux.site")
    tuned = whole_host()
    everything = changed(start, tuned)
    logins = {name for name in everything if name.startswith("/etc/security")}
    assert {LINK_FILE, SYSCTL_FILE, LOGINS_FILE, "sip0"} <= everything
    assert "sip0" in originals()["links"]

    absent("network")
    without_network = whole_host()
    assert changed(tuned, without_network) == everything - logins
    assert changed(start, without_network) == logins
    assert "links" not in originals() or originals()["links"] == {}

    absent("service_limits")
    assert difference(start, whole_host()) == {}
