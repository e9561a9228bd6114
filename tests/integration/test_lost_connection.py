# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that loses the host while a run changes it: the next run goes on, and the way back stays exact."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import parse
from calls import ORIGINALS, write_file
from controller import PLAIN, Run, playbook
from sandbox import difference, dump

# Stands for ssh: runs the command here. Where /run/cut is, the session ends while a module changes the host, at an
# fsync(2) that /run/cut numbers, and with it what runs in it, by the signal that sshd(8) or an init system would send.
SSH = """\
#!/bin/sh
for last; do :; done
[ -e /run/cut ] || exec sh -c "$last"
strace -f -o /dev/null -e trace=fsync -e "inject=fsync:$(cat /run/cut)" sh -c "$last"
status=$?
[ $status -lt 128 ] && exit $status
rm /run/cut
exit 255
"""
# The record of originals takes the first ones, and its directory one more where it is made.
MOMENTS = {"site": 4, "rollback": 3}
HOST = {**PLAIN, "ansible_connection": "ssh", "ansible_ssh_executable": "/run/ssh", "ansible_pipelining": True}


def play(name: str, *words: str) -> Run:
    return playbook(f"siptune.linux.{name}", {"sbc1": HOST}, *words)


@pytest.mark.parametrize("signal", ["KILL", "HUP"])
@pytest.mark.parametrize("lost", ["site", "rollback"])
def test_a_host_that_is_lost_half_way_is_whole_and_can_be_gone_on_with(lost: str, signal: str) -> None:
    write_file("/run/ssh", SSH)
    os.chmod("/run/ssh", 0o755)
    start = dump()
    if lost == "rollback":
        assert play("site").status == 0
    write_file("/run/cut", f"signal={signal}:when={MOMENTS[lost]}")
    run = play(lost)
    assert run.status != 0, run.output
    assert not Path("/run/cut").exists(), run.output
    assert "UNREACHABLE" in run.output or "unreachable" in run.output, run.output
    if Path(ORIGINALS).exists():
        parse(Path(ORIGINALS).read_bytes())
    assert play("site").status == 0
    again = play("site")
    assert "changed=0" in again.output, again.output
    assert play("rollback").status == 0
    assert difference(start, dump()) == {}
