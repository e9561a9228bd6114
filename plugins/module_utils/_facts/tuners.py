# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else sets kernel parameters on a host: TuneD, bpftune, ufw, networkd, scripts, and other files of sysctl.d."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .._host.host import Host, unless_refused
from .._host.processes import ProcessNames, started_by_root
from .._sysctl.boot import files_read_at_boot
from .._sysctl.conf import HEADING, PROCPS_FILE, parse
from .._sysctl.conf import Assignment as Line
from .._sysctl.key import display_name
from .._sysctl.writers import starts_at_boot, writers
from .tuned import MAIN_FILE, Tuned, is_excluded, parse_main, tuned

BPFTUNE = "bpftune"
MOST_ASSIGNMENTS = 200  # of a file are told
LONGEST_VALUE = 200

# What tools write at the head of the files that they manage, and what images of clouds call theirs.
TOOL_COMMENTS = (
    ("Ansible", r"ansible[ _-]managed|managed by ansible"),
    ("Puppet", r"managed by puppet|puppet[ -]managed"),
    ("Chef", r"(generated|managed|maintained) by (chef|cinc)|chef-managed"),
    ("Salt", r"managed by salt|salt[ -]managed|saltstack"),
    ("CFEngine", r"managed by cfengine"),
    ("cloud-init", r"(created|written|managed) by cloud-init"),
)
TOOL_NAMES = (
    ("Google Cloud", r"gce|google"),
    ("Amazon", r"amazon|ec2|aws"),
    ("Azure", r"azure|waagent"),
    ("cloud image", r"cloud-?(img|image|init)"),
    ("Kubernetes", r"k8s|kube"),
    ("Docker", r"docker"),
)


class Bpftune(NamedTuple):
    """Oracle's bpftune: whether it runs now, and whether it is started at boot."""

    active: bool | None
    enabled: bool


class Assignment(NamedTuple):
    """A line of a sysctl.d file: the parameter or glob with dots, its value (None: excluded), and the line's number."""

    key: str
    value: str | None
    line: int


class SysctlFile(NamedTuple):
    """A file that sets kernel parameters and is not ours. `managed_by` is the tool that seems to write or read it.

    `at_boot` is False for /etc/sysctl.conf where only TuneD reads it, last.
    """

    file: str
    managed_by: str | None
    at_boot: bool
    sysctl: list[Assignment]


class Tuners(NamedTuple):
    tuned: Tuned
    bpftune: Bpftune
    sysctl_files: list[SysctlFile]


def tuners(host: Host, processes: ProcessNames) -> Tuners:
    """Everybody else who sets kernel parameters. Never raises: what cannot be read is not there."""
    tuner = tuned(host, processes, starts_at_boot(host, "tuned.service"))
    read = unless_refused(files_read_at_boot, host) or []
    files = [_file(file, text, at_boot=True) for file, text in read if not text.startswith(HEADING)]
    files += [file for file in _elsewhere(host) if file.file not in dict(read)]
    if (tuner.active or tuner.enabled) and tuner.reapply_sysctl and PROCPS_FILE not in dict(read):
        files.append(_read_by_tuned_alone(host))
    return Tuners(
        tuner,
        Bpftune(bpftune_active(host, processes), starts_at_boot(host, "bpftune.service")),
        [file for file in files if file.sysctl],
    )


def bpftune_active(host: Host, processes: ProcessNames) -> bool | None:
    """Whether Oracle's bpftune runs, None where its process could be hidden from us."""
    if any(started_by_root(host, pid) for pid in processes.pids_named(BPFTUNE)):
        return True
    return False if processes.complete else None


def managed_by(file: str, text: str) -> str | None:
    """The tool that a file seems to be written by: what its comments say counts for more than its name."""
    comments = "\n".join(line for line in text.splitlines() if line.lstrip().startswith(("#", ";")))
    for tool, pattern in TOOL_COMMENTS:
        if re.search(pattern, comments, re.IGNORECASE):
            return tool
    name = file.rsplit("/", 1)[-1]
    for tool, pattern in TOOL_NAMES:
        if re.search(rf"(^|[^a-z])({pattern})([^a-z]|$)", name, re.IGNORECASE):
            return tool
    return None


def _file(file: str, text: str, at_boot: bool) -> SysctlFile:
    return SysctlFile(file, managed_by(file, text), at_boot, _assignments(parse(text, file)))


def _read_by_tuned_alone(host: Host) -> SysctlFile:
    """/etc/sysctl.conf where no boot reads it, without the lines that TuneD passes over."""
    exclude = parse_main(host.read_lenient(MAIN_FILE) or "").exclude
    file = _file(PROCPS_FILE, host.read_lenient(PROCPS_FILE) or "", at_boot=False)
    return file._replace(sysctl=[one for one in file.sysctl if not is_excluded(one.key, exclude)])


def _elsewhere(host: Host) -> list[SysctlFile]:
    """The files outside of sysctl.d by which programs set kernel parameters at boot."""
    by_file: dict[str, list[Line]] = {}
    found = writers(host)
    for line in (line for writer in found for line in writer.assignments):
        by_file.setdefault(line.file, []).append(line)
    who = {writer.file: writer.who or None for writer in found}
    return [SysctlFile(file, who.get(file), True, _assignments(lines)) for file, lines in by_file.items()]


def _assignments(lines: Sequence[Line]) -> list[Assignment]:
    return [
        Assignment(display_name(one.path), None if one.value is None else one.value[:LONGEST_VALUE], one.line)
        for one in lines[:MOST_ASSIGNMENTS]
    ]
