# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP ALG as the files of a host show it."""

from __future__ import annotations

from pathlib import Path

import pytest
from alg_hosts import NONE, TELL
from ansible_collections.siptune.linux.plugins.module_utils._alg.model import SipAlg
from ansible_collections.siptune.linux.plugins.module_utils._alg.observe import observe, sip_alg
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host

MODULES = "nf_nat_sip 20480 0 - Live 0x0\nnf_conntrack_sip 45056 1 nf_nat_sip, Live 0x0\nxt_sip 1 0 - Live 0x0\n"
HELPER_FILE = "proc/sys/net/netfilter/nf_conntrack_helper"


def tree(root: Path, files: dict[str, str]) -> Host:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Host(str(root))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, NONE),
        ({"proc/modules": "xt_sip 1 0 - Live 0x0\n"}, NONE),
        ({"proc/modules": MODULES}, SipAlg(["nf_conntrack_sip", "nf_nat_sip"], False, None, [])),
        (
            {"proc/modules": MODULES[MODULES.index("nf_con") :], HELPER_FILE: "1\n"},
            SipAlg(["nf_conntrack_sip"], False, True, []),
        ),
        ({"sys/module/nf_conntrack_sip/parameters/ports": "0\n"}, SipAlg([], True, None, [])),
        (
            {"sys/module/nf_conntrack_sip/parameters/ports": "0\n", "proc/modules": MODULES},
            SipAlg(["nf_conntrack_sip", "nf_nat_sip"], False, None, []),
        ),
        ({HELPER_FILE: "0\n"}, SipAlg([], False, False, [])),
        (
            {
                "etc/firewalld/zones/public.xml": '<zone><service name="sip"/></zone>',
                "etc/firewalld/zones/public.xml.old": '<zone><service name="sip"/></zone>',
                "etc/firewalld/zones/home.xml": '<zone><service name="ssh"/>',
                "etc/firewalld/policies/p.xml": '<policy><service name="voice"/></policy>',
                "etc/firewalld/services/voice.xml": '<service><helper name="sip"/></service>',
                "etc/nftables.conf": 'ct helper a { type "sip" protocol udp; }',
                "etc/nftables/main.nft": "table inet f {}",
                "etc/sysconfig/iptables": "-A PREROUTING -j CT --helper sip\n",
            },
            SipAlg(
                [],
                False,
                None,
                [
                    "/etc/firewalld/zones/public.xml",
                    "/etc/firewalld/policies/p.xml",
                    "/etc/nftables.conf",
                    "/etc/sysconfig/iptables",
                ],
            ),
        ),
    ],
    ids=["nothing", "others", "loaded", "automatic", "built in", "loaded after all", "no module", "firewalls"],
)
def test_what_there_is(tmp_path: Path, files: dict[str, str], expected: SipAlg) -> None:
    assert sip_alg(tree(tmp_path, files)) == expected


def test_what_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    host = tree(tmp_path, {"etc/firewalld/zones": "", "proc/modules/x": "", "etc/nftables.conf/x": ""})
    (tmp_path / "etc/firewalld/services").mkdir()
    assert sip_alg(host) == NONE


def test_what_the_plan_depends_on(tmp_path: Path) -> None:
    found = observe(tree(tmp_path, {"proc/modules": MODULES, "var/lib/x": ""}), TELL)
    assert (found.own, found.container, found.alg.modules) == (None, False, ["nf_conntrack_sip", "nf_nat_sip"])
