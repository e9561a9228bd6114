# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of a host on every way in: what is printed is the module's own message, however the host is reached.

Most inventories leave the interpreter to Ansible, which puts what it has discovered into the result of a host's first
module, a failed one as well. So no host here has a Python of its own, and each way in is tried with and without become,
and with and without pipelining.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from calls import ORIGINALS, write_file
from controller import CONFIGURATION, Run, environment, playbook
from test_audit import audit, play

PLAY = "/run/play.json"
# A path without the wrappers of version managers, which need a home that the sandbox does not have.
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SUDO = "/run/sudo"
ESCALATED = "/run/escalated"
# Stands for sudo where everybody is root already: takes its options off, and keeps count.
SUDO_SCRIPT = f"""\
#!/bin/sh
while [ "$1" != "${{1#-}}" ]; do [ "$1" = -u ] && shift; shift; done
echo once >>{ESCALATED}
exec "$@"
"""
DAMAGED = f"{ORIGINALS} is damaged or was edited (JSONDecodeError: Expecting property name"


def fleet(pair: str) -> dict[str, dict[str, Any]]:
    """Two hosts: with become and pipelining and without either, or crossed."""
    os.environ["PATH"] = SYSTEM_PATH
    environment()
    with open(CONFIGURATION, "a", encoding="utf-8") as stream:
        stream.write("[privilege_escalation]\nbecome_allow_same_user = True\n")
    write_file(SUDO, SUDO_SCRIPT)
    os.chmod(SUDO, 0o755)
    return {
        name: {
            "ansible_connection": "local",
            "ansible_become_exe": SUDO,
            "ansible_pipelining": pipelining,
            "siptune_become": become,  # for the playbooks, and for the plays below
        }
        for name, become, pipelining in (
            ("edge1", True, pair == "both"),
            ("edge2", False, pair != "both"),
        )
    }


def damage_the_record() -> None:
    """What every layer of a host reads before it does anything, and nothing on the controller knows of."""
    write_file(ORIGINALS, "{damaged")
    os.chmod(os.path.dirname(ORIGINALS), 0o700)
    os.chmod(ORIGINALS, 0o600)


def failures(run: Run) -> dict[str, list[str]]:
    """The message of each failed task that Ansible has printed, by host."""
    found: dict[str, list[str]] = {}
    for line in run.output.splitlines():
        head, _, result = line.partition(": FAILED! => ")
        if result:
            found.setdefault(head.removeprefix("fatal: [").removesuffix("]"), []).append(json.loads(result)["msg"])
    return found


def own_play(*tasks: dict[str, Any], **keywords: Any) -> None:
    play = {"hosts": "all", "gather_facts": False, "become": "{{ siptune_become }}", "tasks": list(tasks), **keywords}
    write_file(PLAY, json.dumps([play]))


def check(run: Run, *messages: str) -> None:
    """Each host has failed with these messages, and the interpreter was discovered, once through become."""
    assert run.status == 2, run.output
    found = failures(run)
    assert sorted(found) == ["edge1", "edge2"], run.output
    for said in found.values():
        assert len(said) == len(messages), said
        for one, message in zip(said, messages, strict=True):
            assert message in one
    assert "Traceback" not in run.output
    assert run.output.count("is using the discovered Python interpreter") == len(found)
    assert os.path.exists(ESCALATED)


@pytest.mark.parametrize(
    ("name", "pair"), [("site", "both"), ("site", "crossed"), ("rollback", "both"), ("rolling", "crossed")]
)
def test_a_playbook_prints_what_the_host_says(name: str, pair: str) -> None:
    hosts = fleet(pair)
    damage_the_record()
    run = play(name, hosts)
    check(run, DAMAGED)
    if name != "rolling":  # there the prediction has no table
        assert [run.output.count(f"\n{host}: failed\n") for host in hosts] == [1, 1]


def test_the_audit_prints_what_the_host_says() -> None:
    hosts = fleet("crossed")
    damage_the_record()
    run = audit(hosts)
    check(run, DAMAGED)
    assert {host["message"][: len(DAMAGED)] for host in run.audit["hosts"]} == {DAMAGED}


@pytest.mark.parametrize(
    ("layer", "pair"),
    [("network", "both"), ("memory", "crossed"), ("fs", "both"), ("security", "crossed"), ("service_limits", "both")],
)
def test_a_role_prints_what_the_host_says(layer: str, pair: str) -> None:
    hosts = fleet(pair)
    damage_the_record()
    own_play(roles=[f"siptune.linux.{layer}"])
    check(playbook(PLAY, hosts), DAMAGED)


CONF = "/etc/sysctl.d/90-test.conf"
# A call of each module that no host takes, and what its module says of it.
MODULES: dict[str, tuple[dict[str, Any], str]] = {
    "sysctl_bulk": ({"path": CONF, "settings": {"net.ipv4.tcp_sack": 7}}, "net.ipv4.tcp_sack: "),
    "nic_ring": ({"interfaces": {"sip0": {"rx": "many"}}}, "sip0 rx"),
    "nic_link": ({"interfaces": {"sip0": {"speedd": 7}}}, "speedd"),
    "sip_sockets": ({"receive_buffer_bytes": 5}, "receive_buffer_bytes: must be 4096 to 2147483646 bytes, not 5"),
    "limits_file": (
        {"path": "/etc/security/limits.d/x", "limits": []},
        "/etc/security/limits.d/x: only files that end in .conf and are not hidden are read",
    ),
    "systemd_limits": ({"drop_in": "90-x.conf", "units": {"ssh.service": {"LimitNOFILES": 5}}}, "nearest: LimitNOFILE"),
    "daemon_pools": ({"pools": {"kamailio": {"shm": 0}}}, "kamailio"),
    "sip_notrack": ({"ports": ["sip"]}, "untracked UDP ports: sip is no port"),
    "journald_limits": ({"max_use": "much"}, "journald SystemMaxUse: must be a size in bytes"),
    "transaction": (
        {"calls": [{"name": "one", "module": "sysctl_bulk", "arguments": {"path": CONF, "settings": {"x": 1}}}]},
        "one: ",
    ),
    "sip_calls_wait": ({"timeout_seconds": -1}, "timeout_seconds: must be from 0 to 86400, not -1"),
    "sip_counters_info": ({"seconds": -1}, "seconds: must be from 0 to 3600, not -1"),
    "apply_layers": ({"layers": ["fs"]}, DAMAGED),
}


@pytest.mark.parametrize(("pair", "start"), [("both", 0), ("crossed", 1)])
def test_a_module_prints_what_the_host_says(pair: str, start: int) -> None:
    hosts = fleet(pair)
    damage_the_record()
    modules = dict(list(MODULES.items())[start::2])
    # Each forgets what was discovered, so that each is the first one on its host.
    forget = {"ansible.builtin.meta": "clear_facts"}
    tasks = [{f"siptune.linux.{name}": arguments, "ignore_errors": True} for name, (arguments, _) in modules.items()]
    own_play(*(one for task in tasks for one in (task, forget)), {"ansible.builtin.fail": {"msg": "the end"}})
    run = playbook(PLAY, hosts)
    found = failures(run)
    assert sorted(found) == ["edge1", "edge2"], run.output
    for said in found.values():
        expected = [*(message for _arguments, message in modules.values()), "the end"]
        assert len(said) == len(expected)
        assert [one for one, message in zip(said, expected, strict=True) if message not in one] == []
    assert run.output.count('"discovered_interpreter_python"') == len(modules) * len(hosts)
    assert "Traceback" not in run.output


def test_a_python_that_cannot_run_a_module_says_why() -> None:
    hosts = fleet("both")
    write_file("/run/broken", "#!/bin/sh\ncat >/dev/null\necho 'ImportError: no module named zipfile' >&2\nexit 1\n")
    os.chmod("/run/broken", 0o755)
    hosts["edge1"]["ansible_python_interpreter"] = "/run/broken"
    run = play("site", hosts, "--tags", "fs")
    (said,) = failures(run)["edge1"]
    assert said.endswith("(ImportError: no module named zipfile)")
