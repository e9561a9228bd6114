# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sip_alg in a sandbox: predicted, written, refused and put back."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._alg.model import PATH
from ansible_collections.siptune.linux.plugins.modules import sip_alg, transaction
from calls import call, write_file
from sandbox import difference, dump


def alg(**parameters: Any) -> dict[str, Any]:
    return call(sip_alg, **parameters)


def hide_modules() -> None:
    """A kernel without a SIP ALG: the machine's own may have it built in."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/sys/module"], check=True)


def test_one_that_is_built_in_cannot_be_blocked() -> None:
    hide_modules()
    os.makedirs("/sys/module/nf_conntrack_sip")
    start = dump()
    (item,) = alg(block=True)["items"]
    assert (item["state"], item["before"]) == ("readonly", "built in")
    assert alg(block=True, missing="fail")["failed"]
    assert difference(start, dump()) == {}


def test_it_is_blocked_as_predicted_and_put_back() -> None:
    hide_modules()
    start = dump()
    predicted = alg(check=True, block=True)
    assert difference(start, dump()) == {}
    done = alg(block=True)
    assert (done["changed"], done["items"], done["diff"]) == (True, predicted["items"], predicted["diff"])
    assert done["files"] == [{"path": PATH, "change": "created"}]
    assert "install nf_conntrack_sip /bin/false\n" in done["diff"][0]["after"]
    assert not alg(block=True)["changed"]
    assert alg(block=True)["items"][0]["state"] == "ok"
    assert alg(check=True, state="absent")["files"] == [{"path": PATH, "change": "removed"}]
    alg(state="absent")
    assert difference(start, dump()) == {}


def test_a_firewall_that_assigns_it_is_named_and_not_cut_off() -> None:
    hide_modules()
    zone = "/etc/firewalld/zones/public.xml"
    os.makedirs(os.path.dirname(zone))
    write_file(zone, '<zone>\n  <service name="sip"/>\n</zone>\n')
    start = dump()
    told = alg()
    assert (told["changed"], told["items"][0]["state"]) == (False, "kept")
    assert zone in told["items"][0]["reason"]
    for check in (True, False):
        refused = alg(check=check, block=True)
        assert refused["failed"]
        assert f"SIP ALG: {zone} assigns the helper" in refused["msg"]
    assert difference(start, dump()) == {}


def test_a_later_failure_of_a_transaction_takes_it_back() -> None:
    hide_modules()
    start = dump()
    calls = [
        {"name": "alg", "module": "sip_alg", "arguments": {"block": True}},
        {"name": "key", "module": "sysctl_bulk", "arguments": {"path": "/etc/sysctl.d/9.conf", "settings": {"a.b": 1}}},
    ]
    calls[1]["arguments"]["missing"] = "fail"  # type: ignore[index]
    assert call(transaction, calls=calls)["failed"]
    assert difference(start, dump()) == {}
