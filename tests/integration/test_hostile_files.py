# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real modules on hosts whose files, names and processes hold what nobody expects: bytes, escapes, pipes, devices."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.modules import (
    daemon_pools,
    host_facts,
    sip_calls_info,
    sip_counters_info,
)
from calls import call, write_file
from controller import HERE, playbook
from sandbox import difference, ip
from subjects import POOLS_FILE, SUBJECTS, Subject, make_daemons, whole_host

EVERY = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)

# A Latin-1 letter, an escape, a control character of one byte and one of two, an override of the direction of writing.
RAW = b"caf\xe9 \x1b[2J\x9b31m \xc2\x9b31m \xe2\x80\xae"
TEXT = os.fsdecode(RAW)
NAME = os.fsdecode(b"caf\xe9\x1b[2J")
INTERFACE = os.fsdecode(b"sip\xe9\x1b[2J")
LONG_SECONDS = 60  # nothing here takes a tenth of that


def make_hostile(subject: Subject) -> None:
    """A host as the module's tests have it, with such bytes in everything that it reads or is about to replace."""
    subject.make()
    subject.by_hand()
    for path in {subject.file, *(one.file for one in SUBJECTS)}:
        if os.path.exists(path):
            content = Path(path).read_bytes()
            Path(path).write_bytes(content + (b"\n" if content else b"") + b"# " + RAW + b"\n")
    for directory, line in (
        ("/etc/sysctl.d", "net.core.somaxconn = 5"),
        ("/etc/security/limits.d", "asterisk hard nofile 9"),
        ("/etc/systemd/system/sipd.service.d", "[Service]\nLimitNOFILE=1"),
        ("/etc/systemd/system/opensips.service.d", "[Service]\nEnvironment=X=1"),
        ("/etc/systemd/network", "[Match]\nOriginalName=none\n[Link]\nDescription=x"),
    ):
        suffix = ".link" if directory.endswith("network") else ".conf"
        write_file(f"{directory}/99-{NAME}{suffix}", f"# {TEXT}\n{line}\n# {TEXT}\n")
    ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "other")


def shown(result: dict[str, Any]) -> str:
    """All the text of a result, which must be UTF-8 and printable but for the lines of files."""
    text = json.dumps(result, ensure_ascii=False)
    text.encode("utf-8")
    assert text.isprintable(), ascii(text)
    return text


@EVERY
def test_a_host_is_tuned_and_put_back_byte_for_byte(subject: Subject) -> None:
    make_hostile(subject)
    before = whole_host()
    for parameters in (subject.first, subject.second):
        shown(call(subject.module, True, _ansible_diff=True, **parameters))
        assert subject.run(parameters)["changed"]
        assert not subject.run(parameters)["changed"]
    shown(subject.run(subject.absent))
    assert difference(before, whole_host()) == {}


def test_an_interface_of_such_a_name_is_tuned_and_put_back() -> None:
    subject = next(subject for subject in SUBJECTS if subject.name == "sysctl_bulk")
    make_hostile(subject)
    key = Path(f"/proc/sys/net/ipv4/conf/{INTERFACE}/rp_filter")
    found = key.read_text()
    parameters = {**subject.first, "settings": {"net.ipv4.conf.*.rp_filter": 1}}
    before = whole_host()
    result = subject.run(parameters)
    assert r"net.ipv4.conf.sip\xe9\x1b[2J.rp_filter" in [item["item"] for item in result["items"]]
    assert (found.strip(), key.read_text().strip()) == ("0", "1")
    shown(result)
    assert not subject.run(parameters)["changed"]
    subject.run(subject.absent)
    assert difference(before, whole_host()) == {}


def test_facts_calls_and_counters_can_be_shown() -> None:
    make_hostile(SUBJECTS[-1])
    facts = call(host_facts)
    assert r"sip\xe9\x1b[2J" in [one["name"] for one in facts["ansible_facts"]["siptune_host"]["interfaces"]]
    assert r"/etc/sysctl.d/99-caf\xe9\x1b[2J.conf" in shown(facts).replace("\\\\", "\\")
    for module in (sip_calls_info, sip_counters_info):
        shown(call(module))


def test_a_playbook_tunes_such_a_host_and_puts_it_back() -> None:
    make_hostile(SUBJECTS[-1])
    before = whole_host()
    variables = {**HERE, "siptune_service_limits_services": ["opensips.service"]}
    for name, words in (("site", ("--diff",)), ("rollback", ())):
        run = playbook(f"siptune.linux.{name}", {"target": variables}, *words)
        assert run.status == 0, run.output
        assert all(line.replace("\t", " ").isprintable() for line in run.output.split("\n")), ascii(run.output)
    assert difference(before, whole_host()) == {}


# --- without an end ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pipe", "device", "file of the kernel", "endless file", "directory"])
def test_an_environment_file_that_is_none_hangs_nobody(kind: str) -> None:
    make_daemons()
    if kind == "pipe":
        os.mkfifo(POOLS_FILE)
    elif kind == "directory":
        os.mkdir(POOLS_FILE)
    elif kind == "endless file":
        write_file(POOLS_FILE, "")
        os.truncate(POOLS_FILE, 1 << 42)
    else:
        os.symlink("/dev/zero" if kind == "device" else "/proc/self/environ", POOLS_FILE)
    begun = time.monotonic()
    result = call(daemon_pools, pools={"opensips.service": {"shared_mib": 512}})
    (item,) = (one for one in result["items"] if one["item"] == "opensips.service shared_mib")
    assert (result["changed"], item["state"]) == (False, "absent")
    assert POOLS_FILE in item["reason"]
    assert time.monotonic() - begun < LONG_SECONDS


def test_a_configuration_that_is_none_hangs_nobody() -> None:
    make_daemons()
    write_file("/etc/opensips.cfg", 'include_file "/dev/zero"\nimport_file "/run/pipe"\nmaxbuffer=1048576\n')
    os.mkfifo("/run/pipe")
    begun = time.monotonic()
    result = call(daemon_pools, pools={"opensips.service": {"shared_mib": 512}})
    assert result["changed"]
    assert time.monotonic() - begun < LONG_SECONDS


@pytest.mark.own_processes
def test_a_process_that_names_an_endless_configuration_hangs_nobody() -> None:
    shutil.copy(shutil.which("sh") or "", "/run/rtpengine")
    words = ["-c", "sleep 300; :", f"\x1b[2J{TEXT}", "--config-file=/dev/zero", "--listen-ng="]
    with subprocess.Popen(["/run/rtpengine", *words], start_new_session=True) as process:
        try:
            begun = time.monotonic()
            for module in (sip_calls_info, sip_counters_info, host_facts):
                shown(call(module))
            assert time.monotonic() - begun < LONG_SECONDS
        finally:
            os.killpg(process.pid, 9)
