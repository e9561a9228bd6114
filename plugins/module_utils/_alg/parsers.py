# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks for the SIP ALG: the files of firewalld, nftables and iptables, as texts. Nothing here raises.

Sources: firewalld.zone(5), firewalld.policy(5), firewalld.service(5); nft(8), CT HELPER; iptables-extensions(8), CT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_XML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SERVICE = re.compile(r"""<service\s[^<>]*?\bname\s*=\s*["']([^"'<>]{1,255})["']""")
_HELPER = re.compile(r"""<(?:helper|module)\s[^<>]*?\bname\s*=\s*["'](?:nf[_-]conntrack[_-])?sip["']""")
_RULE_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_RULE = re.compile(r"""\btype[ \t]+["']?sip["']?[ \t]+protocol\b|--helper[ \t]+["']?sip(?:-[0-9]+)?["']?(?=\s|\Z)""")


def services_of(text: str) -> set[str]:
    """The services that a zone or a policy of firewalld lets in."""
    return set(_SERVICE.findall(_XML_COMMENT.sub("", text)))


def has_helper(text: str) -> bool:
    """Whether a service of firewalld assigns the helper. In older versions a service names the module."""
    return _HELPER.search(_XML_COMMENT.sub("", text)) is not None


def has_rule(text: str) -> bool:
    """Whether a file of nftables or of iptables-restore assigns the helper."""
    return _RULE.search(_RULE_COMMENT.sub("", text)) is not None


def zones_with_helper(zones: Mapping[str, str], services: Mapping[str, str]) -> list[str]:
    """Of these zones and policies, texts by path, those that let in a service with the helper.

    `services` are the texts of services by name. firewalld's own `sip` has the helper; the host may have replaced it.
    """
    with_helper = {name for name, text in services.items() if has_helper(text)}
    if "sip" not in services:
        with_helper.add("sip")
    return [path for path, text in zones.items() if services_of(text) & with_helper]
