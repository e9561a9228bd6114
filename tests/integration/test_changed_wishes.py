# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory that changes its mind: what it does not want any more goes back with the next run of site."""

from __future__ import annotations

import json
import os
from typing import Any

from calls import write_file
from controller import HERE, playbook
from sandbox import difference, dump, read
from subjects import KAMAILIO

POOLS_FILE = "/etc/default/kamailio-edge"
UNIT = "kamailio@edge.service"
SERVICES = {"siptune_service_limits_services": [UNIT]}
WISHES: dict[str, Any] = {
    **SERVICES,
    "siptune_network_sysctl": {"net.ipv4.tcp_fin_timeout": 30, "net.ipv4.conf.sip0.rp_filter": 1},
    "siptune_service_limits_pools": {UNIT: {"shared_mib": 256, "private_mib": 16}},
    "siptune_service_limits_units": {UNIT: {"TasksMax": 777}},
}
# Null leaves a thing alone, and so does not naming it; a service that is not looked after any more has nothing left.
LESS: dict[str, Any] = {
    "siptune_service_limits_services": [],
    "siptune_network_sysctl": {"net.ipv4.tcp_fin_timeout": None},
}


def site(**variables: Any) -> str:
    run = playbook("siptune.linux.site", {"sbc1": {**HERE, **variables}}, "--skip-tags", "memory,fs,security")
    assert run.status == 0, run.output
    return run.output


def test_what_is_taken_out_of_the_inventory_goes_back() -> None:
    write_file("/etc/systemd/system/kamailio@.service", KAMAILIO)
    os.makedirs("/etc/default")
    start = dump()
    site(**LESS)
    alone = dump()
    site(**WISHES)
    assert (read("net/ipv4/tcp_fin_timeout"), read("net/ipv4/conf/sip0/rp_filter")) == ("30", "1")
    assert os.path.exists(POOLS_FILE), json.dumps(sorted(difference(alone, dump())))
    site(**LESS)
    left = {path for path in difference(alone, dump()) if not os.path.isdir(path)}
    assert left <= {"/var/lib/siptune/originals.json"}
    assert "changed=0" in site(**LESS)
    assert playbook("siptune.linux.rollback", {"sbc1": HERE}).status == 0
    assert {path for path in difference(start, dump()) if not os.path.isdir(path)} == set()
