#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_limits
short_description: Give systemd units their limits, at boot and in running processes, in one call
version_added: 0.1.0
description:
  - Sets limits, scheduling, memory and restart directives of any number of units, with one drop-in for each unit. A
    call changes all units or none. It reloads systemd once, and not at all if nothing changes.
  - Runs C(systemctl show) once before and once after, and reads C(/proc/PID/limits) and C(oom_score_adj) of every
    process of the units. Reports values that systemd silently cuts, and items that wait for a restart.
  - Raises the limits of running processes without restarting them.
  - Finds out which file decides a directive, by the precedence of systemd.unit(5), and names the file and the line of
    another drop-in that wins.
  - Waits up to 10 seconds for processes that systemd is starting at that moment, as they do not have the unit's limits
    yet. A process that needs longer is named, and its items are V(pending).
  - Of a unit whose service is a container that podman runs, such as that of a quadlet, V(LimitNOFILE), V(LimitNPROC)
    and V(TasksMax) are not written, as podman sets them for each container itself. Their items have what the container
    has, and the option of podman that would give it more. All else reaches the container.
  - Records the drop-ins' content before the first change in C(/var/lib/siptune/originals.json). O(state=absent) puts
    it back.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.restart
  - siptune.linux.originals
options:
  units:
    description:
      - The units by their full names, each with a dictionary of directives. A directive has a value, or a dictionary
        of C(value), C(rule), C(why) and C(hazard).
      - A unit is a service or a slice. V(kamailio@.service) is a template and stands for all its instances,
        V(kamailio@edge.service) for one of them. An instance that is given beside its template gets the template's
        directives too. An instance alone is refused if its drop-in would hide directives of its template's drop-in.
        The drop-in of an alias goes to the real unit.
      - Services take V(LimitCPU), V(LimitFSIZE), V(LimitDATA), V(LimitSTACK), V(LimitCORE), V(LimitRSS),
        V(LimitNOFILE), V(LimitAS), V(LimitNPROC), V(LimitMEMLOCK), V(LimitLOCKS), V(LimitSIGPENDING),
        V(LimitMSGQUEUE), V(LimitNICE), V(LimitRTPRIO), V(LimitRTTIME), V(TasksMax), V(MemoryMax), V(MemoryHigh),
        V(CPUWeight), V(Nice), V(OOMScoreAdjust), V(OOMPolicy), V(CPUSchedulingPolicy), V(CPUSchedulingPriority),
        V(IOSchedulingClass), V(Restart), V(RestartSec) and V(TimeoutStopSec). Slices take V(TasksMax), V(MemoryMax),
        V(MemoryHigh) and V(CPUWeight).
      - Values have systemd's syntax, for example V(65536), V("16384:65536") for a soft and a hard limit, V(64M),
        V(infinity), V(50%), V(1min 30s). Quote a value with a colon, as YAML may read it as a number.
      - The deprecated names V(MemoryLimit) and V(CPUShares) are written as V(MemoryMax) and V(CPUWeight), with a
        warning.
      - C(rule) is V(exact) (the default); for limits and V(TasksMax) also V(at_least), and for V(Nice) and
        V(OOMScoreAdjust) also V(at_most). A unit that meets its floor or ceiling without this module is left alone.
        Soft and hard limits are compared separately. A V(TasksMax) in percent that systemd does not show as a number
        is kept.
      - C(why) becomes the comment above the line in the drop-in.
      - C(hazard) is shown as a warning as long as the drop-in sets the value.
      - A unit without directives gets its original drop-in back. A directive that is left out leaves the drop-in.
      - With O(state=absent) only the names of the units are used. Without units, it restores all units that have a
        recorded drop-in of the name O(drop_in).
    type: dict
    default: {}
  drop_in:
    description:
      - The file name of the drop-ins in C(/etc/systemd/system/UNIT.d). The module owns the whole file.
      - The drop-in with the last name wins, whatever its directory. With V(90-) an administrator's V(99-) file still
        decides, and is reported as V(shadowed).
    type: str
    default: 90-siptune.conf
  when:
    description:
      - V(boot) writes the drop-ins and reloads systemd. Running processes keep their limits.
      - V(both) also raises the limits of running processes to those of the unit's next start, with prlimit(2) and as
        far as permissions go. Processes that still have the unit's old OOM score get the new one. No limit of a
        running process is ever lowered. Whatever prlimit(2) cannot do is V(pending) until the unit is restarted.
      - There is no C(now), as systemd reads the same drop-ins for running units and for the next boot.
    type: str
    choices: [both, boot]
    default: both
  restart:
    description:
      - Whether to restart the running units for which an item would wait for a restart, instead of raising the limits
        of their processes. The module waits until they run again. If one does not come back, the whole call is undone.
        Transient units are not restarted.
      - On a host with calls in progress no unit is restarted. Limits are raised as without this option, and the other
        items are V(pending) until a later call finds the host idle. M(siptune.linux.sip_calls_info) describes how
        calls are counted.
      - Cannot be combined with O(when=boot).
    type: bool
    default: false
  exclusive:
    description:
      - Whether to restore the drop-ins of the name O(drop_in) that earlier calls wrote for other units than O(units).
    type: bool
    default: false
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux with systemd. Where systemd does not run, as in an image build, only the drop-ins are written.
notes:
  - With O(state=absent) running processes keep raised limits until they are restarted, and the items say so.
  - Refuses a C(LimitNOFILE) above the C(fs.nr_open) of now or of the next boot, a C(MemoryMax) below the memory that
    the unit uses now, its caches included, a C(TasksMax) below its processes and threads, and a C(Restart) with which
    systemd would not load the unit.
  - Refuses limits of units that logins need, such as C(ssh), C(dbus), C(systemd-logind), C(user@), C(user.slice) and
    C(polkit), below what they use now and a reserve.
  - Refuses a symbolic link in place of a drop-in or of its directory.
  - C(OOMPolicy) needs systemd 243. For an older one, such as that of EL 8, the line is not written, and the item is
    V(absent).
  - C(TasksMax), C(MemoryMax), C(MemoryHigh), C(CPUWeight), C(OOMPolicy), C(Restart), C(RestartSec) and
    C(TimeoutStopSec) apply to running units from the C(daemon-reload) on. systemd sets all others when it starts a
    process.
  - The I/O scheduling class of running processes is not read. C(IOSchedulingClass) is V(pending) until the unit has
    been restarted after the drop-in was written.
seealso:
  - module: siptune.linux.sysctl_bulk
  - name: systemd.exec(5)
    description: Limits, scheduling and the OOM score.
    link: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html
  - name: systemd.resource-control(5)
    description: Memory, tasks and CPU weight.
    link: https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html
"""

EXAMPLES = r"""
- name: Set open files and tasks of a proxy and a media relay, now and at every start
  siptune.linux.systemd_limits:
    units:
      kamailio.service:
        LimitNOFILE:
          value: 65536
          rule: at_least
          why: Twice the TCP connections, and four for each process.
        OOMScoreAdjust: -600
        Restart: on-failure
        RestartSec: 2s
      rtpengine-daemon.service:
        LimitNOFILE: "150000:200000"
        TasksMax: {value: 20000, rule: at_least}

- name: Set all instances of a template, and one of them higher
  siptune.linux.systemd_limits:
    units:
      kamailio@.service: {LimitNOFILE: 65536, TasksMax: 4096}
      kamailio@edge.service: {LimitNOFILE: 262144}

- name: Set limits in a maintenance window, with restarts
  siptune.linux.systemd_limits:
    units:
      asterisk.service: {Nice: -5, LimitNOFILE: 65536}
    restart: true

- name: Restore all units that have drop-ins of this name
  siptune.linux.systemd_limits:
    drop_in: 90-siptune.conf
    state: absent
"""

RETURN = r"""
items:
  description:
    - The result for each directive of each unit.
    - If the call fails because the host refuses a change, only the refused item, as all others are undone.
  returned: when the settings are valid
  type: list
  elements: dict
  contains:
    item:
      description: The unit and the directive.
      type: str
      sample: kamailio.service LimitNOFILE
    wanted:
      description: The requested value, null for a directive that leaves the drop-in.
      type: str
      sample: at least 65536
    before:
      description:
        - The value in force before the call, null if it is unknown. For a running unit it is the lowest value of its
          processes, or the highest nice value and OOM score; otherwise the value with which systemd would start it.
      type: str
      sample: "1024:524288"
    after:
      description: The value that was read back; in check mode, the prediction.
      type: str
      sample: "65536:524288"
    at_boot:
      description: The value in the unit's files for its next start, null for systemd's default.
      type: str
      sample: "65536"
    at_boot_before:
      description: The value in the unit's files as things stand, without this call.
      type: str
    state:
      description: One of V(ok), V(changed), V(kept), V(absent), V(readonly), V(shadowed), V(pending) and V(refused).
      type: str
      sample: changed
    why:
      description: The reason given with the setting.
      type: str
      sample: Twice the TCP connections, and four for each process.
    reason:
      description: The explanation of the state, for example which processes wait for a restart.
      type: str
      sample: "9 of 9 processes have 0: in force when kamailio.service is restarted"
files:
  description: The files that the call has written, or in check mode would write, without its own record of originals.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/systemd/system/kamailio.service.d/90-siptune.conf
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The changes that the call has undone, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [/etc/systemd/system/kamailio.service.d/90-siptune.conf]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS


def main() -> None:
    run.main(SYSTEMD_LIMITS)


if __name__ == "__main__":
    main()
