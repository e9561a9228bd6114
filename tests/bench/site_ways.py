# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to tune a whole host that are compared: kernel parameters, limits of logins, and limits of units."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import limits_ways
import sysctl_ways
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import SYSCTL_LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer
from calls import SYSTEMD_SYSCTL
from controller import HERE
from keys import MEASURED_TOGETHER, first_settings
from timing import RUNS, Seconds, timed_command
from ways import BULK, LOOP, MEASURES, MITOGEN, PING, Bound, Subject, Task, Way, template_task

SYSCTL_FILE = "/etc/sysctl.d/90-siptune-network.conf"
UNITS = ("asterisk.service", "kamailio.service", "rtpengine-daemon.service")
DIRECTIVES = {
    "LimitNOFILE": "65536",
    "LimitMEMLOCK": "67108864",
    "TasksMax": "10000",
    "OOMScoreAdjust": "-500",
    "Nice": "-5",
    "TimeoutStopSec": "60",
}

SITE = "siptune.linux.site"
MITOGEN_STRATEGY = "mitogen_linear"
BULK_MITOGEN = "bulk with mitogen"
AUDIT = "audit"
ROLLBACK = "rollback"

PING_FACTOR = 3
LOOP_FACTOR = 40
MITOGEN_FACTOR = 4
AUDIT_FACTOR = 1.15
ROLLBACK_FACTOR = 1.2


def drop_in(unit: str) -> str:
    return f"/etc/systemd/system/{unit}.d/90-siptune.conf"


def variables() -> dict[str, Any]:
    """What siptune.linux.site is told to set: these settings, and nothing of the catalogues."""
    own = {f"siptune_{layer}_sysctl": dict.fromkeys(load_layer(layer).catalogue) for layer in SYSCTL_LAYERS}
    own["siptune_network_sysctl"].update(first_settings(MEASURED_TOGETHER))
    return {
        **HERE,
        **own,
        "siptune_service_limits_logins": [line._asdict() for line in limits_ways.lines()],
        "siptune_service_limits_logins_path": limits_ways.FILE,
        "siptune_service_limits_services": [],
        "siptune_service_limits_units": dict.fromkeys(UNITS, DIRECTIVES),
        "siptune_audit_directory": "/run",
    }


def loops() -> list[Task]:
    """The same by a module call for each key, each line and each directive, as most playbooks do it."""
    keys = [{"name": key, "value": value} for key, value in first_settings(MEASURED_TOGETHER).items()]
    (lines,) = limits_ways.subject().ways[LOOP].tasks
    directives = [
        {"path": drop_in(unit), "option": name, "value": value} for unit in UNITS for name, value in DIRECTIVES.items()
    ]
    ini = {"section": "Service", "no_extra_spaces": True, "mode": "0644"}
    return [
        {
            "ansible.posix.sysctl": {
                "name": "{{ item.name }}",
                "value": "{{ item.value }}",
                "sysctl_file": SYSCTL_FILE,
            },
            "loop": keys,
        },
        lines,
        *directories(),
        {
            "community.general.ini_file": {
                **ini,
                "path": "{{ item.path }}",
                "option": "{{ item.option }}",
                "value": "{{ item.value }}",
            },
            "loop": directives,
        },
    ]


def directories() -> list[Task]:
    paths = [os.path.dirname(drop_in(unit)) for unit in UNITS]
    return [{"ansible.builtin.file": {"path": "{{ item }}", "state": "directory", "mode": "0755"}, "loop": paths}]


def templates() -> list[Task]:
    """The same by whole files, which says nothing of what the kernel has or had."""
    copies = [
        {"ansible.builtin.copy": {"dest": drop_in(unit), "content": unit_text(), "mode": "0644"}} for unit in UNITS
    ]
    sysctl = {"dest": SYSCTL_FILE, "content": sysctl_ways.text(), "mode": "0644"}
    return [
        {"ansible.builtin.copy": sysctl, "notify": "apply"},
        template_task(limits_ways.FILE),
        *directories(),
        *copies,
    ]


def unit_text() -> str:
    return "[Service]\n" + "".join(f"{name}={value}\n" for name, value in DIRECTIVES.items())


def subject() -> Subject:
    """A whole host, by every way."""
    ways = {
        **MEASURES,
        BULK: Way("the playbook `siptune.linux.site`", [], playbook=SITE),
        AUDIT: Way(
            "the playbook `siptune.linux.audit`, of the host as the former leaves it",
            [],
            playbook="siptune.linux.audit",
            beforehand=SITE,
        ),
        ROLLBACK: Way(
            "the playbook `siptune.linux.rollback`, of a host that `siptune.linux.site` has just tuned",
            [],
            works=False,
            playbook="siptune.linux.rollback",
            beforehand=SITE,
        ),
        "template": Way(
            "`template` and `copy`, and `sysctl --system` if anything changed",
            templates(),
            [{"name": "apply", "ansible.builtin.command": {"cmd": "sysctl --system"}}],
        ),
        LOOP: Way("loops of `sysctl`, `pam_limits` and `ini_file`", loops()),
        MITOGEN: Way("the same loops with mitogen's strategy", loops(), strategy=MITOGEN_STRATEGY),
        BULK_MITOGEN: Way("`siptune.linux.site` with mitogen's strategy", [], playbook=SITE, strategy=MITOGEN_STRATEGY),
    }
    bounds = [
        Bound(BULK, PING, f"at most {PING_FACTOR} times a ping task", most=PING_FACTOR),
        Bound(LOOP, BULK, f"at least {LOOP_FACTOR} times cheaper than the loops", least=LOOP_FACTOR),
        Bound(
            MITOGEN, BULK, f"at least {MITOGEN_FACTOR} times cheaper than the loops with mitogen", least=MITOGEN_FACTOR
        ),
        Bound(
            AUDIT,
            BULK,
            f"audit at most {AUDIT_FACTOR} times a converged site, as whole processes",
            most=AUDIT_FACTOR,
            whole=True,
            runs=RUNS[1:],
        ),
        Bound(
            ROLLBACK,
            BULK,
            f"rollback at most {ROLLBACK_FACTOR} times the first site, as whole processes",
            most=ROLLBACK_FACTOR,
            whole=True,
            runs=RUNS[:1],
        ),
    ]
    work = (
        f"{MEASURED_TOGETHER} kernel parameters, {len(limits_ways.lines())} limits of logins and {len(DIRECTIVES)} "
        f"directives for each of {len(UNITS)} units, on a host that has none of them. Five layers run, facts included."
    )
    return Subject(work, ways, bounds, make_host, check_tuned, variables())


def make_host() -> None:
    """Give the sandbox accounts, logins that get limits, and units."""
    limits_ways.make_host()
    for unit in UNITS:
        path = Path("/etc/systemd/system", unit)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[Service]\nExecStart=/bin/true\n", encoding="ascii")


def check_tuned() -> None:
    """Raises RuntimeError for anything that is not as wanted."""
    sysctl_ways.check_set()
    limits_ways.check_written()
    for unit in UNITS:
        found = Path(drop_in(unit)).read_text(encoding="utf-8").splitlines()
        missing = [line for line in unit_text().splitlines() if line not in found]
        if missing:
            raise RuntimeError(f"{drop_in(unit)} has not {missing}")


def measure_systemd_sysctl() -> dict[str, Seconds]:
    """systemd's own reader of sysctl.d, without Ansible. To be called in a fresh sandbox."""
    Path(SYSCTL_FILE).write_text(sysctl_ways.text(), encoding="utf-8")
    program = next(filter(os.path.exists, SYSTEMD_SYSCTL))
    taken = {run: timed_command([program, SYSCTL_FILE], dict(os.environ)) for run in RUNS}
    sysctl_ways.check_set()
    return taken
