# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a layer's part, for the tasks of the roles."""

from __future__ import annotations

DOCUMENTATION = r"""
name: layer_settings
short_description: The settings of a layer, sized to the host
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Turns the catalogue of a layer into the settings of a module, by the facts of M(siptune.linux.host_facts), the
    profile, the capacity contract and the inventory's own settings.
  - Reads the variables of the layer's role, for example C(siptune_network_sysctl), and merges those that are given in
    parts, such as C(siptune_network_sysctl__50_proxies). Each setting says in C(why) where it was set.
  - With C(siptune_state=absent) there are no settings.
options:
  _terms:
    description:
      - A layer, V(network), V(memory), V(fs) or V(security), for the settings of M(siptune.linux.sysctl_bulk).
      - Or a layer and one of its further parts, V(network rings) for M(siptune.linux.nic_ring), V(network links) for
        M(siptune.linux.nic_link), V(network sockets) for M(siptune.linux.sip_sockets), V(network notrack) for
        M(siptune.linux.sip_notrack), V(network alg) for M(siptune.linux.sip_alg), V(fs journal) for
        M(siptune.linux.journald_limits), V(service_limits logins) for M(siptune.linux.limits_file), V(service_limits
        units) for M(siptune.linux.systemd_limits), and V(service_limits pools) for M(siptune.linux.daemon_pools).
    required: true
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Gather the facts of the host
  siptune.linux.host_facts:

- name: Set the memory layer's kernel parameters
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-siptune-memory.conf
    settings: "{{ lookup('siptune.linux.layer_settings', 'memory') }}"
"""

RETURN = r"""
_raw:
  description:
    - The settings, a dictionary. For V(service_limits logins) a list, for V(network alg) true or false, for
      V(fs journal) a size or null.
  type: list
  elements: raw
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, PARTS, call_name
from ansible_collections.siptune.linux.plugins.module_utils._layers.settings import layer_settings
from ansible_collections.siptune.linux.plugins.plugin_utils._results.answers import FACT, checked_facts
from ansible_collections.siptune.linux.plugins.plugin_utils._results.planted import planted, refusal
from ansible_collections.siptune.linux.plugins.plugin_utils._results.schema import ResultError
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layer_check import checked_variables, own_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer

PART_BY_NAME = {call_name(layer, part): (layer, part) for layer in LAYERS for part in PARTS[layer]}


class LookupModule(LookupBase):
    """Looks the settings up on the controller."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **_options: Any) -> list[Any]:
        """The settings of each term. Raises AnsibleLookupError."""
        return [self._settings(str(term), variables or {}) for term in terms]

    def _settings(self, name: str, known: dict[str, Any]) -> Any:
        if name not in PART_BY_NAME:
            raise AnsibleLookupError(f"there is no layer {name!r}, only {', '.join(PART_BY_NAME)}")
        layer_name, part = PART_BY_NAME[name]
        layer = load_layer(layer_name)
        names = planted(known)
        if names:
            raise AnsibleLookupError(refusal(str(known.get("inventory_hostname")), names))
        host = (known.get("ansible_facts") or {}).get(FACT)
        if host is None:
            raise AnsibleLookupError("there are no facts of this host yet: run siptune.linux.host_facts first")
        try:
            own = self._templar.template(own_variables([layer_name], known))
            return layer_settings(layer, checked_variables([layer_name], own), checked_facts(host))[part]
        except (TuningError, ResultError) as error:
            raise AnsibleLookupError(str(error)) from error
