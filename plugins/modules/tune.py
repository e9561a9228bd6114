#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tune
short_description: Gather the facts of a host, size its layers and apply them, in one round trip
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - The host's half of M(siptune.linux.apply_layers). Use that module, which reads the layers from their roles and
    checks the variables.
  - Gathers the facts of M(siptune.linux.host_facts), makes the calls that the roles of the layers would make, and
    runs them as M(siptune.linux.transaction) does, all of them or none.
  - With C(siptune_boot_only) the host is an image, such as a chroot. Its files are read and written, and nothing of
    the machine that builds it. C(siptune_machine) has the facts of the host to be. What depends on others is left to a
    run on the booted host, as an item that is V(pending).
  - With C(siptune_state=absent) each call counts for itself. A call that fails is undone and named, the module fails,
    and everything else goes back. If all layers go back and the record of originals holds more, such as a file whose
    path was changed in the inventory since, a warning names it.
extends_documentation_fragment:
  - siptune.linux.originals
  - siptune.linux.transaction
options:
  layers:
    description: The layers in the order in which they are applied, each with the catalogues of its role.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The layer.
        type: str
        required: true
        choices: [network, memory, fs, security, service_limits]
      catalogue:
        description: The role's catalogue, from its C(vars/main.yml).
        type: dict
        required: true
      interfaces:
        description: The role's catalogue of network interfaces, if it has one.
        type: dict
        default: {}
  variables:
    description:
      - All variables of the roles, with their defaults, templated. C(siptune_boot_only) and C(siptune_machine) can be
        left out.
    type: dict
    required: true
  counters_seconds:
    description:
      - Also read the counters of M(siptune.linux.sip_counters_info) after the layers, twice with so many seconds in
        between, or once with 0; and look at RV(storage). An image has none.
    type: int
seealso:
  - module: siptune.linux.apply_layers
  - module: siptune.linux.transaction
  - module: siptune.linux.host_facts
"""

EXAMPLES = r"""
- name: Apply a layer of one kernel parameter
  siptune.linux.tune:
    layers:
      - name: memory
        catalogue:
          vm.swappiness:
            extra: true
            classic: null
            modern: {value: 10, rule: at_most}
            why: A proxy that swaps is late for its timers.
    variables:
      siptune_profile: modern
      siptune_state: present
      siptune_capacity: {}
      siptune_memory_sysctl: {}
      siptune_memory_sysctl_path: /etc/sysctl.d/90-siptune-memory.conf
      siptune_memory_missing: report
      siptune_memory_shadowed: report
"""

RETURN = r"""
ansible_facts:
  description: The facts of M(siptune.linux.host_facts).
  returned: when the variables are valid
  type: dict
  sample: {"siptune_host": {"processors": 4}}
calls:
  description:
    - The result of each call, in their order, as M(siptune.linux.transaction) returns it. A call has the name of its
      layer, and of its part of the layer if there are several.
  returned: when the variables are valid
  type: list
  elements: dict
  sample: [{"name": "network rings", "module": "nic_ring", "changed": false}]
items:
  description: The items of all calls, each with the name of its call, as M(siptune.linux.transaction) returns them.
  returned: when the variables are valid
  type: list
  elements: dict
  sample: [{"call": "memory", "item": "vm.swappiness", "wanted": "at most 10", "before": "60", "after": "10",
    "at_boot": "10", "state": "changed", "why": "A proxy that swaps is late for its timers.", "reason": "",
    "at_boot_before": null}]
counters:
  description: The result of M(siptune.linux.sip_counters_info).
  returned: with O(counters_seconds)
  type: dict
  sample: {"since_boot": true, "seconds": 86400.12, "uptime_seconds": 86400.12, "counters": []}
storage:
  description:
    - What is wrong with where the SIP daemons of the host, and databases that run beside them, keep recordings, spools,
      call records and data; and logs and core dumps that nothing keeps from filling a file system. At most 500.
    - Only directories that are there count. File systems of other machines are not looked at beyond how they are
      mounted. Nothing is mounted, written or removed.
  returned: with O(counters_seconds)
  type: list
  elements: dict
  contains:
    path:
      description: The directory, or the log.
      type: str
      sample: /var/spool/asterisk/monitor
    purpose:
      description:
        - What is kept there, C(recordings), C(voicemail), C(spool), C(call records), C(database), C(core database),
          C(logs), C(journal) or C(core dumps).
      type: str
      sample: recordings
    daemon:
      description: Who writes it.
      type: str
      sample: asterisk
    mount:
      description: The mount point of the file system.
      type: str
      sample: /var/spool
    device:
      description: The device that is mounted there. Null for a file system without one.
      type: str
      sample: /dev/sdb1
    kind:
      description:
        - One of V(sync), V(strictatime), V(data_journal), V(read_only), V(tmpfs), V(full), V(write_cache) and
          V(no_cap).
      type: str
      sample: sync
    finding:
      description: What is wrong.
      type: str
      sample: "on /dev/sdb1 mounted sync: each write waits for the disk"
    advice:
      description: What to do.
      type: str
      sample: mount it without sync
    free_bytes:
      description: What is free there. Null for a file system of another machine.
      type: int
      sample: 3221225472
packets:
  description:
    - The way of packets on the host, to be looked at. What is counted is what the counters' seconds have added, or all
      since boot. Nothing is set. Lists of processors are as C(0-3,8), empty for none, and null where they are unknown.
  returned: with O(counters_seconds)
  type: dict
  contains:
    online:
      description: The processors that are online.
      type: str
      sample: 0-7
    isolated:
      description: Those that C(isolcpus) or an isolated partition of cgroups keeps free of other work.
      type: str
      sample: 0-3
    nohz_full:
      description: Those that C(nohz_full) keeps free of the timer.
      type: str
      sample: 0-3
    rps_sock_flow_entries:
      description: The flows that RFS may know of. 0 for RFS off.
      type: int
      sample: 0
    steal_percent:
      description: How much of its time the hypervisor has given to other machines.
      type: float
      sample: 0.3
    irqbalance:
      description: irqbalance, and what it leaves alone.
      type: dict
      contains:
        running:
          description: Whether it runs, as root's.
          type: bool
          sample: true
        now:
          description: What it leaves alone, by its arguments and its environment.
          type: dict
          contains: &bans
            processors:
              description: The processors that it is told to leave alone. Null for isolated ones.
              type: str
              sample: 0-3
            interrupts:
              description: The interrupts.
              type: list
              elements: int
              sample: [41]
            modules:
              description: The drivers.
              type: list
              elements: str
              sample: [igb]
            policy_script:
              description: A script that decides, empty without one.
              type: str
              sample: /etc/irq-policy.sh
            one_shot:
              description: Whether it balances once and ends.
              type: bool
              sample: false
        file:
          description: The file with its settings for its next start. Null where there is none.
          type: str
          sample: /etc/default/irqbalance
        at_start:
          description: What it will leave alone from its next start on.
          type: dict
          contains: *bans
    processors:
      description: The processors that are online.
      type: list
      elements: dict
      contains:
        cpu:
          description: Its number.
          type: int
          sample: 0
        net_rx:
          description: Its softirqs of received packets, C(NET_RX).
          type: int
          sample: 81320
        net_rx_total:
          description: All since boot.
          type: int
          sample: 2408112
        steal_percent:
          description: How much of its time the hypervisor has given to others.
          type: float
          sample: 0.2
    interfaces:
      description:
        - The network cards that are up, and interfaces of software above others, such as bonds, bridges and VLANs.
      type: list
      elements: dict
      contains:
        interface:
          description: Its name.
          type: str
          sample: eth0
        driver:
          description: The kernel's driver.
          type: str
          sample: igb
        virtual:
          description: Whether it is software.
          type: bool
          sample: false
        lower:
          description: The interfaces below it, which receive its packets.
          type: list
          elements: str
          sample: [eth0, eth1]
        rx_queues:
          description: Its receive queues in use.
          type: int
          sample: 2
        most_queues:
          description: As many as the driver could have. Null where it does not say.
          type: int
          sample: 8
        numa_node:
          description: The NUMA node that it is connected to. Null where it has none.
          type: int
          sample: 0
        node_processors:
          description: The processors of that node.
          type: str
          sample: 0-3
        udp4_hash:
          description:
            - The fields of UDP over IPv4 that choose the queue, with the letters of C(ethtool -N), V(sd) for both
              addresses and V(sdfn) with both ports. Null where the driver does not say.
          type: str
          sample: sd
        udp6_hash:
          description: Those of UDP over IPv6.
          type: str
          sample: sdfn
        hash_reason:
          description: Why they are null.
          type: str
          sample: "the driver does not say which fields of UDP choose the queue: Operation not supported (EOPNOTSUPP)"
        rps_cpus:
          description: The processors that each receive queue hands packets to (RPS).
          type: list
          elements: str
          sample: [""]
        rps_flow_cnt:
          description: The flows of each receive queue (RFS).
          type: list
          elements: int
          sample: [0]
        xps_cpus:
          description: The processors of each transmit queue (XPS), where there are any.
          type: list
          elements: str
          sample: ["0-1"]
        queues:
          description: Its receive queues by their interrupts, or by themselves where those are not known.
          type: list
          elements: dict
          contains:
            name:
              description: The name of the interrupt, or of the queue.
              type: str
              sample: eth0-TxRx-0
            queue:
              description: The number of the queue. Null where the name has none.
              type: int
              sample: 0
            interrupt:
              description: The number of the interrupt. Null where it is not known.
              type: int
              sample: 41
            taken_by:
              description: The processors that take it.
              type: str
              sample: 0-3
            allowed:
              description: The processors that it may go to.
              type: str
              sample: 0-3
            by_processor:
              description: How often processors took it, the 16 busiest.
              type: list
              elements: dict
              contains:
                cpu:
                  description: The processor.
                  type: int
                  sample: 1
                interrupts:
                  description: How often.
                  type: int
                  sample: 81230
            interrupts_total:
              description: All since boot.
              type: int
              sample: 240451
            packets:
              description: The packets of the queue, as the driver counts them. Null where it does not.
              type: int
              sample: 640331
            drops:
              description: The packets that it has dropped. Null where the driver does not count them.
              type: int
              sample: 0
    settings:
      description:
        - What decides how long a packet waits, and is only reported. The governor of C(cpufreq), the deepest idle
          state, huge pages, NUMA balancing, isolated processors, and the scheduling of the daemons.
      type: list
      elements: dict
      contains:
        name:
          description: The setting.
          type: str
          sample: cpufreq governor
        value:
          description: Its value.
          type: str
          sample: powersave
    findings:
      description: What is wrong, at most 500.
      type: list
      elements: dict
      contains:
        kind:
          description:
            - One of V(few_queues), V(one_queue), V(one_processor), V(isolated), V(far_node), V(steering),
              V(irqbalance) and V(steal).
          type: str
          sample: few_queues
        subject:
          description: The interface, or what else it is about.
          type: str
          sample: eth0
        finding:
          description: What is wrong.
          type: str
          sample: 1 receive queue for 8 processors, and no RPS
        advice:
          description: What to do.
          type: str
          sample: RPS, rps_cpus of nic_link, which sends packets on to the other processors
undone:
  description: The items that the run had changed already and has put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [vm.swappiness]
"""

from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import read_originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Call
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import all_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import parse_capacity
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import (
    ABSENT,
    LAYERS,
    NETWORK_LAYER,
    SERVICE_LAYER,
    Layer,
)
from ansible_collections.siptune.linux.plugins.module_utils._layers.services import (
    left_alone,
    unusable_configuration,
)
from ansible_collections.siptune.linux.plugins.module_utils._layers.transaction import (
    CallResult,
    failure_of,
    left_on_record,
    result,
    run_all,
    run_each,
    warnings,
)

ARGUMENTS = {
    "layers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True, "choices": list(LAYERS)},
            "catalogue": {"type": "dict", "required": True},
            "interfaces": {"type": "dict", "default": {}},
        },
    },
    "variables": {"type": "dict", "required": True},
    "each_for_itself": {"type": "bool", "default": False},
    "counters_seconds": {"type": "int"},
}


def tune(
    host: Host, log: UndoLog, params: dict[str, Any], check_mode: bool
) -> tuple[dict[str, Any], list[CallResult], list[str]]:
    """The facts of the host, the results of the calls, and warnings of what is left. Raises TuningError."""
    facts = gather(host)
    if host.boot_only:
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from ansible_collections.siptune.linux.plugins.module_utils._layers.image import image_facts

        facts = image_facts(facts, params["variables"].get("siptune_machine") or {})
    calls = all_calls([Layer(**layer) for layer in params["layers"]], params["variables"], facts)
    absent = params["variables"]["siptune_state"] == ABSENT
    results = (run_each if params["each_for_itself"] or absent else run_all)(host, calls, check_mode, log)
    # What other layers have set is only left behind where all of them go back.
    if absent:
        whole = len(params["layers"]) == len(LAYERS)
        return facts, results, [_left_on_record(host, calls)] if whole else []
    services = params["variables"].get("siptune_service_limits_services")
    names = [layer["name"] for layer in params["layers"]]
    said = unusable_configuration(facts) if NETWORK_LAYER in names else []
    return facts, results, [*said, *(left_alone(services, facts) if SERVICE_LAYER in names else [])]


def _left_on_record(host: Host, calls: list[Call]) -> str:
    try:
        return left_on_record(read_originals(host), calls)
    except TuningError:  # each call has said so
        return ""


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    if params["each_for_itself"] and not module.check_mode:
        module.fail_json(msg="each_for_itself is for check mode: a run changes everything or nothing")
    boot_only = bool(params["variables"].get("siptune_boot_only"))
    facts, results, left = run.run(
        module, "tune", lambda host, log: tune(host, log, params, module.check_mode), boot_only
    )
    for warning in filter(None, [*warnings(results), *left]):
        module.warn(warning)
    # The catalogues come from the controller, and need not go back from every host.
    given = {name: value for name, value in params.items() if name != "layers"}
    returned = {
        **run.returned(module, result(results, live=False)),  # each value stands in the items already
        "ansible_facts": {"siptune_host": facts},
        "invocation": {"module_args": given},
    }
    if params["counters_seconds"] is not None and not boot_only:
        # Imported here, as only an audit needs it and each run on a host compiles what it imports.
        from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import counted
        from ansible_collections.siptune.linux.plugins.module_utils._packets.observe import look, sample
        from ansible_collections.siptune.linux.plugins.module_utils._storage.observe import storage_findings

        # Checked by now: without the state absent, the calls are sized by it.
        present = params["variables"]["siptune_state"] != ABSENT
        capacity = parse_capacity(params["variables"]["siptune_capacity"]) if present else {}
        rate = capacity.get("sip_datagrams_per_second") or None
        before = sample(Host(), facts) if params["counters_seconds"] else None
        relays = facts["rtpengine"] if module.check_mode else None  # a run may have restarted them
        returned["counters"] = counted(Host(), params["counters_seconds"], rate, relays)
        returned["packets"] = look(Host(), facts, before)
        returned["storage"] = storage_findings(Host(), facts["sip_daemons"])
    failure = "" if params["each_for_itself"] else failure_of(results)
    if failure:
        module.fail_json(msg=failure, **returned)
    module.exit_json(**returned)


if __name__ == "__main__":
    main()
