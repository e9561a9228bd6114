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
  - Sets limits, scheduling, memory and restart directives of any number of units through one drop-in for each, all of
    them or none, with a single C(daemon-reload), and none at all where nothing changes.
  - Asks C(systemctl show) once before and once after, and reads C(/proc/PID/limits) and C(oom_score_adj) of every
    process of the units. What systemd cuts in silence is reported, and so is what waits for a restart.
  - Raises the limits of running processes without restarting them.
  - Works out which file decides a directive, with the precedence of systemd.unit(5), and names the file and the line
    where another drop-in wins.
  - Remembers what a drop-in held before the first change, in C(/var/lib/siptune/originals.json), and O(state=absent)
    puts it back.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.originals
options:
  units:
    description:
      - What is wanted, as V(unit) with a dictionary of directives. A directive has a value, or a dictionary of
        C(value), C(rule), C(why) and C(hazard).
      - Services and slices are handled, with their full names. V(kamailio@.service) is the template and counts for all
        its instances, V(kamailio@edge.service) for one of them. An instance that is given beside its template gets the
        template's directives too. An instance alone is refused where its drop-in would hide what that of its template
        sets. The drop-in of an alias goes to the real unit.
      - Services take V(LimitCPU), V(LimitFSIZE), V(LimitDATA), V(LimitSTACK), V(LimitCORE), V(LimitRSS),
        V(LimitNOFILE), V(LimitAS), V(LimitNPROC), V(LimitMEMLOCK), V(LimitLOCKS), V(LimitSIGPENDING),
        V(LimitMSGQUEUE), V(LimitNICE), V(LimitRTPRIO), V(LimitRTTIME), V(TasksMax), V(MemoryMax), V(MemoryHigh),
        V(CPUWeight), V(Nice), V(OOMScoreAdjust), V(OOMPolicy), V(CPUSchedulingPolicy), V(CPUSchedulingPriority),
        V(IOSchedulingClass), V(Restart), V(RestartSec) and V(TimeoutStopSec). Slices take V(TasksMax), V(MemoryMax),
        V(MemoryHigh) and V(CPUWeight).
      - Values are those of systemd, for example V(65536), V("16384:65536") for a soft and a hard limit, V(64M),
        V(infinity), V(50%), V(1min 30s). Put a value with a colon in quotes, as YAML may read a number in it.
      - The deprecated names V(MemoryLimit) and V(CPUShares) are written as V(MemoryMax) and V(CPUWeight), and
        reported.
      - C(rule) is V(exact) (the default); for limits and V(TasksMax) also V(at_least), and for V(Nice) and
        V(OOMScoreAdjust) also V(at_most). A unit that meets its floor or ceiling without us is left alone. Soft and
        hard limits are compared each for itself, and a V(TasksMax) in percent that is not known as a number is kept.
      - C(why) becomes the comment above the line in the drop-in.
      - C(hazard) is shown as a warning as long as the drop-in sets the value.
      - A unit without directives gets back the drop-in that it had. A directive that is left out leaves the drop-in.
      - With O(state=absent) only the names count. Without any name, every unit is meant that has a recorded drop-in
        of the name O(drop_in).
    type: dict
    default: {}
  drop_in:
    description:
      - The name of the drop-in's file, in C(/etc/systemd/system/UNIT.d). The module owns the whole file.
      - Of drop-ins in different directories the later name wins. With V(90-) an administrator's V(99-) file keeps the
        last word, and is reported as shadowing.
    type: str
    default: 90-siptune.conf
  running:
    description:
      - What becomes of processes that run already.
      - V(prlimit) raises their limits to what the unit would be started with, as far as permissions go, and gives the
        processes that were started with the unit's OOM score the new one. It never lowers a limit. What it cannot do
        is V(pending) until the unit is restarted.
      - V(restart) restarts the running units for which something would be pending, and waits for them. If one does
        not come back, everything is put back. Transient units are not restarted.
      - V(restart) counts as V(prlimit) on a host with calls in progress, and what waits for the restart is V(pending)
        until a later call finds the host idle. M(siptune.linux.sip_calls_info) says how that is found out.
      - V(keep) leaves them alone.
    type: str
    choices: [keep, prlimit, restart]
    default: prlimit
  despite_calls:
    description:
      - Whether O(running=restart) restarts units also while calls are in progress on the host, and cuts them. Without
        it, a SIP daemon that runs and cannot be asked for its calls counts like one that has some.
    type: bool
    default: false
  exclusive:
    description:
      - Whether drop-ins of the name O(drop_in) that earlier calls have written for units that are not among the
        O(units) go back to what they were.
    type: bool
    default: false
  state:
    description:
      - V(absent) puts the drop-ins back to what they were and reloads systemd. What somebody else has changed since is
        left alone and reported. Running processes keep raised limits until they are restarted, and the items name
        them.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predicts what a run would change, without changing anything.
  diff_mode:
    support: full
    description: Shows the drop-ins, and the values in force, before and after.
  platform:
    support: full
    platforms: linux
    description: Linux with systemd. Where it does not run, as in an image build, the drop-ins are written.
notes:
  - A C(LimitNOFILE) above C(fs.nr_open), of now or of the next boot, is refused, and so are a C(MemoryMax) below what
    the unit uses now, its caches included, a C(TasksMax) below the processes and threads that it has, and a
    C(Restart) with which systemd would not load it.
  - A symbolic link in place of a drop-in or of its directory is refused.
  - C(TasksMax), C(MemoryMax), C(MemoryHigh), C(CPUWeight), C(OOMPolicy), C(Restart), C(RestartSec) and
    C(TimeoutStopSec) count for running units from the C(daemon-reload) on; all else is set when a process starts.
  - The class of C(IOSchedulingClass) of a running process is not read; it is pending until the unit has been restarted
    after the drop-in was written.
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
- name: Descriptors and tasks for a proxy and a media relay, now and at every start
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

- name: All instances of a template, and one of them with more
  siptune.linux.systemd_limits:
    units:
      kamailio@.service: {LimitNOFILE: 65536, TasksMax: 4096}
      kamailio@edge.service: {LimitNOFILE: 262144}

- name: In a maintenance window, with restarts
  siptune.linux.systemd_limits:
    units:
      asterisk.service: {Nice: -5, LimitNOFILE: 65536}
    running: restart

- name: Put everything back that was set through drop-ins of this name
  siptune.linux.systemd_limits:
    drop_in: 90-siptune.conf
    state: absent
"""

RETURN = r"""
items:
  description:
    - What became of each directive of each unit.
    - Of a call that failed because the host refused a change, only the refused item, as nothing else has changed.
  returned: when the settings are valid
  type: list
  elements: dict
  contains:
    item:
      description: The unit and the directive.
      type: str
      sample: kamailio.service LimitNOFILE
    wanted:
      description: What was asked for, null for a directive that is no longer set by us.
      type: str
      sample: at least 65536
    before:
      description:
        - What was in force before the call, null if that is not known. Of a running unit it is the least that any of
          its processes has, or the highest nice value and OOM score; otherwise what systemd would start it with.
      type: str
      sample: "1024:524288"
    after:
      description: What was read back; in check mode, the prediction.
      type: str
      sample: "65536:524288"
    at_boot:
      description: What the next start of the unit will set by its files, null if they leave it to systemd.
      type: str
      sample: "65536"
    state:
      description: One of V(ok), V(changed), V(kept), V(readonly), V(shadowed), V(pending) and V(refused).
      type: str
      sample: changed
    why:
      description: The reason given with the setting.
      type: str
      sample: Twice the TCP connections, and four for each process.
    reason:
      description: What explains the state, for example which processes wait for a restart.
      type: str
      sample: "9 of 9 processes have 0: in force when kamailio.service is restarted"
undone:
  description: What the call had changed already and has put back, newest first.
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
