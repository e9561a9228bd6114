# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.ceilings import PROXIES
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.ceilings import (
    MEANINGS,
    ceiling_records,
    worth_a_line,
)


def daemon(name: str, **ceilings: int | None) -> dict[str, Any]:
    found = [{"name": key.replace("_OF_", "-"), "value": value, "set_by": "default"} for key, value in ceilings.items()]
    return {"name": name, "unit": f"{name}.service", "ceilings": found}


def record(found: dict[str, Any], **items: str) -> dict[str, Any]:
    named = {"files": f"{found['unit']} LimitNOFILE", "backlog": "net.core.somaxconn"}
    (one,) = ceiling_records([found], [{"item": named[key], "planned": value} for key, value in items.items()])
    return one


@pytest.mark.parametrize(
    ("found", "items", "summary"),
    [
        (daemon("kamailio", tcp_max_connections=2048), {"files": "131072"},
         "LimitNOFILE is 131072, but Kamailio takes 2048 TCP connections: tcp_max_connections, "
         "default"),
        (daemon("kamailio", tcp_max_connections=65000), {"files": "65536"},
         "Kamailio takes 65000 TCP connections: tcp_max_connections, default"),
        (daemon("kamailio", tcp_max_connections=2048), {},
         "Kamailio takes 2048 TCP connections: tcp_max_connections, default"),
        (daemon("kamailio", tcp_listen_backlog=1024), {"backlog": "4096"},
         "net.core.somaxconn is 4096, but Kamailio lets 1024 TCP connections wait: tcp_listen_backlog, default"),
        (daemon("opensips", open_files_limit=4096), {"files": "1024:65536"},
         "OpenSIPS limits itself to 4096 open files: open_files_limit, default"),
        (daemon("opensips", open_files_limit=4096), {"files": "infinity"},
         "LimitNOFILE is infinity, but OpenSIPS limits itself to 4096 open files: open_files_limit, "
         "default"),
        (daemon("asterisk", maxcalls=100), {"files": "65536"},
         "LimitNOFILE is 65536, but Asterisk takes 100 calls: maxcalls, default"),
        (daemon("asterisk", maxcalls=None), {"files": "65536"},
         "Asterisk is not known to be bounded by maxcalls, default"),
    ],
)  # fmt: skip
def test_what_is_said(found: dict[str, Any], items: dict[str, str], summary: str) -> None:
    one = record(found, **items)
    assert one["summary"] == summary
    assert (one["limit"] is not None) == (" but " in summary)


def test_sessions_are_half_a_call() -> None:
    found = {"name": "freeswitch", "unit": "fs.service",
             "ceilings": [{"name": "max-sessions", "value": 1000, "set_by": "/x"}]}  # fmt: skip
    for files, moot in (("14096", False), ("14097", True)):
        (one,) = ceiling_records([found], [{"item": "fs.service LimitNOFILE", "live": files}])
        assert (one["item"] is not None) == moot


def test_lines_on_a_terminal() -> None:
    (children,) = ceiling_records([daemon("kamailio", children=8)], [])
    (unknown,) = ceiling_records([daemon("kamailio", tcp_max_connections=None)], [])
    assert not worth_a_line(children)
    assert not worth_a_line(unknown)


def test_unknown_ceilings_are_left_out() -> None:
    assert ceiling_records([daemon("kamailio", nonesuch=1), {"name": "drachtio"}], []) == []


def test_every_ceiling_has_a_meaning() -> None:
    assert {name for parameters in PROXIES.values() for one in parameters for name in one.names} <= set(MEANINGS)
