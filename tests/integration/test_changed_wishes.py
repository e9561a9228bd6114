# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory that changes its mind, hosts with nothing to put back, and records that this version cannot read."""

from __future__ import annotations

import json
import os
from typing import Any

from calls import ORIGINALS, write_file
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


def test_a_host_that_was_never_tuned_says_so() -> None:
    start = dump()
    for check in ([], ["--check"]):
        run = playbook("siptune.linux.rollback", {"sbc1": HERE}, *check)
        assert run.status == 0, run.output
        assert "nothing to put back, as siptune has set nothing here" in run.output
        assert "changed=0" in run.output
    assert difference(start, dump()) == {}


def test_a_record_of_a_newer_version_stops_site_and_rollback_with_what_to_do() -> None:
    write_file(ORIGINALS, '{"schema": 99}')
    start = dump()
    for name in ("site", "rollback"):
        run = playbook(f"siptune.linux.{name}", {"sbc1": HERE})
        assert run.status != 0, run.output
        assert "written by a newer version of siptune.linux (schema 99" in run.output
        assert "run that version, or a later one, on this host" in run.output
    assert difference(start, dump()) == {}
