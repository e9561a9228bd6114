# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input, links in the way, and a systemd that refuses, fails or does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from machine import DROP_IN, Machine


def test_a_drop_in_that_systemd_has_not_read_yet_is_reloaded(machine: Machine) -> None:
    machine.module({"sipd.service": {"TasksMax": 300}})
    machine.sh(f"rm {DROP_IN}; systemctl daemon-reload")
    machine.calls_of_systemctl()
    text = machine.module({"sipd.service": {"TasksMax": 300}}, check=True).raw["diff"][0]["after"]
    machine.write(DROP_IN, text)  # as a run that was killed before its daemon-reload leaves it
    machine.calls_of_systemctl()
    done = machine.module({"sipd.service": {"TasksMax": 300}})
    assert machine.calls_of_systemctl() == ["show", "daemon-reload", "show"]
    assert (done.changed, done.states()) == (True, {"sipd.service.TasksMax": "changed"})
    assert machine.show("sipd.service", "TasksMax") == "300"


def test_a_value_that_this_systemd_does_not_take_is_refused_and_undone(machine: Machine) -> None:
    if machine.suite != "bullseye":
        pytest.skip("only systemd 247 drops a priority without a policy; newer ones take it")
    before = machine.dump()
    raw = machine.call({"quiet.service": {"CPUSchedulingPriority": 10}})
    assert raw["failed"]
    assert "quiet.service CPUSchedulingPriority: this systemd does not take 10" in raw["msg"]
    assert [item["state"] for item in raw["items"]] == ["refused"]
    assert machine.dump() == before


BAD_UNITS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"../sipd.service": {"Nice": 1}}, "../sipd.service: a unit name contains neither / nor .."),
    ({"etc/sipd.service": {"Nice": 1}}, "contains neither / nor .."),
    ({"..service": {"Nice": 1}}, "contains neither / nor .."),
    ({"sipd.service\nx.service": {"Nice": 1}}, "'sipd.service\\nx.service': a unit name is a text"),
    ({"sip d.service": {"Nice": 1}}, "sip d.service: a unit name contains no blanks"),
    ({"sipd": {"Nice": 1}}, "sipd: a unit name ends in .service or .slice"),
    ({"sipd.socket": {"Nice": 1}}, "sipd.socket: a unit name ends in .service or .slice"),
    ({"kam@*.service": {"Nice": 1}}, "consists of letters, digits"),
    ({"-.slice": {"TasksMax": 99999}}, "-.slice: is the root of all control groups"),
    ({"sipd.service": {"Nice": 1}, "sipalias.service": {"Nice": 2}}, "is given twice"),
    ({"kam@edge.service": {"Nice": 1}, "kalias@edge.service": {"Nice": 1}}, "is given twice"),
    ({"sipd.service": {"LimitNOFIL": 1}}, "unknown directive 'LimitNOFIL'; nearest: LimitNOFILE"),
    ({"sipd.service": {"ExecStart": "/bin/true"}}, "unknown directive 'ExecStart'"),
    ({"sipd.service": {"LimitNOFILE": 2**31}}, "sipd.service LimitNOFILE: 2147483648 is above fs.nr_open"),
    ({"sipd.service": {"LimitNOFILE": "64K"}}, "must be a plain number, not '64K'"),
    ({"sipd.service": {"LimitNOFILE": "1\nExecStart=/bin/true"}}, "contains a line break"),
    ({"sipd.service": {"LimitNOFILE": [1, 2]}}, "must be a text or a number, not list"),
    ({"sipd.service": {"LimitNOFILE": None}}, "must be a text or a number, not nothing"),
    ({"sipd.service": {"LimitNOFILE": {"value": 1, "rule": "most"}}}, "rule is one of exact, at_least, at_most"),
    ({"sipd.service": {"Nice": {"value": 1, "why": "a\0b"}}}, "why holds a control character"),
    ({"sipd.service": {"Nice": 20}}, "sipd.service Nice: must be a whole number, -20 to 19, not '20'"),
    ({"sipd.service": {"Nice": True}}, "YAML read it as a boolean"),
    ({"sipd.service": {"Restart": "sometimes"}}, "must be one of no, on-success"),
    ({"sipd.service": {"TasksMax": 3}}, "3 is below the 4 processes and threads that sipd.service has"),
    ({"once.service": {"Restart": "always"}}, "systemd does not load a unit of Type=oneshot with always"),
    ({"sipd.service": "Nice=1"}, "must be a dictionary of directives, not a str"),
)


def test_bad_input_changes_nothing(machine: Machine) -> None:
    machine.write("/etc/systemd/system/once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    machine.sh("systemctl daemon-reload")
    before = machine.dump()
    for units, message in BAD_UNITS:
        said = machine.failure({"quiet.service": {"TasksMax": 300}, **units})
        assert message in said
        assert said.endswith(". Nothing was changed.")
    for drop_in in ("../90-x.conf", "sub/90-x.conf", "90-x", ".conf", ".90-x.conf", "90 x.conf", "90-x.conf\n", ""):
        said = machine.failure({"quiet.service": {"Nice": 1}}, drop_in=drop_in)
        assert said.endswith(". Nothing was changed.")
    assert machine.dump() == before
    assert "daemon-reload" not in machine.calls_of_systemctl()[1:]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("mkdir /elsewhere; ln -s /elsewhere /etc/systemd/system/quiet.service.d", id="directory"),
        pytest.param(
            "mkdir -p /etc/systemd/system/quiet.service.d;"
            "ln -s /etc/passwd /etc/systemd/system/quiet.service.d/90-siptune.conf",
            id="file",
        ),
        pytest.param("mkdir -p /etc/systemd/system/quiet.service.d/90-siptune.conf", id="a directory for a file"),
    ],
)
def test_links_in_the_way_are_refused(machine: Machine, script: str) -> None:
    machine.sh(script)
    before = machine.dump()
    message = machine.failure({"sipd.service": {"TasksMax": 300}, "quiet.service": {"Nice": 1}})
    assert "/etc/systemd/system/quiet.service.d" in message
    assert machine.dump() == before


@pytest.mark.parametrize("when", ["show", "daemon-reload"])
def test_a_systemd_that_does_not_answer_is_not_waited_for_forever(machine: Machine, when: str) -> None:
    counter = machine.read("/usr/local/bin/systemctl") or ""
    hanging = f'[ "${{1#--*}}" = {when} ] && [ ! -e /run/hung-once ] && touch /run/hung-once && exec sleep 100\n'
    machine.write("/usr/local/bin/systemctl", counter.replace("exec", hanging + "exec"), 0o755)
    try:
        before = machine.dump()
        message = machine.failure({"sipd.service": {"LimitNOFILE": 4096}}, patience_seconds=1)
        assert f"systemctl {when}: did not end within 1 s: systemd does not answer. " in message
        assert ("Nothing was changed." in message) is (when == "show")
        assert machine.dump() == before
        assert machine.nofile("sipd.service") == {("1024", "4096")}
    finally:
        machine.write("/usr/local/bin/systemctl", counter, 0o755)
        machine.sh("rm -f /run/hung-once")


def test_a_daemon_reload_that_fails_is_undone(machine: Machine) -> None:
    counter = machine.read("/usr/local/bin/systemctl") or ""
    failing = 'if [ "$1" = daemon-reload ] && [ ! -e /run/failed-once ]; then touch /run/failed-once; exit 1; fi\n'
    machine.write("/usr/local/bin/systemctl", counter.replace("exec", failing + "exec"), 0o755)
    try:
        before = machine.dump()
        message = machine.failure({"sipd.service": {"LimitNOFILE": 4096}})
        assert "systemctl daemon-reload: exit status 1" in message
        assert machine.dump() == before
        assert machine.nofile("sipd.service") == {("1024", "4096")}
    finally:
        machine.write("/usr/local/bin/systemctl", counter, 0o755)
        machine.sh("rm -f /run/failed-once")
