# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts whose Python answers what it likes, beside an honest one: they harm nobody but themselves.

Each hostile host has an interpreter of its own, which swallows the module and prints a prepared answer. Most of them
are an honest answer with one thing changed.
"""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calls import write_file
from controller import CONFIGURATION, HERE, environment, playbook
from prometheus_client.parser import text_string_to_metric_families
from sandbox import difference, dump
from test_audit import REPORTS, Run, audit, play
from test_rollout import recap

Answer = dict[str, Any]
EVIL = "/run/evil.yml"
PWNED = "/run/pwned"
INCLUDED = f"""\
- name: Evil
  ansible.builtin.command: touch {PWNED}
  delegate_to: localhost
"""
TEMPLATE = "{{ lookup('ansible.builtin.pipe', 'touch " + PWNED + "') }}"
ESCAPE = "\x1b]0;title\x07\x1b[2J"
SIPTUNE = {
    "siptune_after_host_tasks": EVIL,
    "siptune_before_host_tasks": EVIL,
    "siptune_audit_directory": "/run/elsewhere",
    "siptune_profile": "classic",
    "siptune_serial": 1,
    "siptune_max_fail_percentage": 0,
    "siptune_check_seconds": 3600,
    "siptune_confirm": True,
    "__siptune_rollout": {"after": {"well": EVIL}},
    "__siptune_layers_result": {"layers": {}},
}

RECORDER = f'#!/bin/sh\n{sys.executable} "$@" | tee /run/recorded\n'
# Reads all that it is sent, so that nobody finds the pipe broken.
STAND_IN = """\
#!/bin/sh
[ "$(grep -c 'modules.sip_counters_info')" -gt 0 ] && exec cat /run/answers/{name}.counters
exec cat /run/answers/{name}
"""


def first(answer: Answer) -> Answer:
    return answer["items"][0]


def set_in(answer: Answer, *path: Any) -> None:
    """Set the value at the end of a path to the last word of it."""
    *way, last, value = path
    for step in way:
        answer = answer[step]
    answer[last] = value


def change(*path: Any) -> Callable[[Answer], None]:
    return lambda answer: set_in(answer, *path)


# Answers of which nothing can be used, and what the message about them names.
REFUSED: dict[str, tuple[Callable[[Answer], Any] | str, str]] = {
    "state": (change("items", 0, "state", "pwned"), "items[0].state: must be one of ok, changed, "),
    "item": (change("items", 0, ["no dictionary"]), "items[0]: must be a dictionary, not list"),
    "items": (change("items", {"item": "x"}), "items: must be a list, not dict"),
    "nameless": (lambda answer: first(answer).pop("item"), "items[0].item: is missing"),
    "lines": (change("items", 0, "item", 'a\nsiptune_audit_up{host="well"} 0'), "items[0].item: must be a text of"),
    "carriage": (change("items", 0, "before", "1\rwell  drift"), "items[0].before: must be a text of one line"),
    "long": (change("items", 0, "item", "x" * 5000), "items[0].item: must be at most 4096 characters"),
    "deep": (change("items", 0, "before", [[[[{}]]]]), "items[0].before: must be a text, not list"),
    "stranger": (change("items", 0, "call", "network other"), "items[0].call: must be one of"),
    "call": (change("calls", 0, "name", "../../etc"), "calls[0].name: must be one of network, network rings"),
    "twice": (lambda answer: answer["calls"].append(answer["calls"][0]), "calls: must not have the same name twice"),
    "changed": (change("changed", "yes"), "changed: must be true or false, not 'yes'"),
    "failed": (change("failed", "{{ false }}"), "failed: must be true or false"),
    "facts": (change("ansible_facts", "siptune_host", 7), "ansible_facts.siptune_host: must be a dictionary, not 7"),
    "memory": (
        change("ansible_facts", "siptune_host", "memory_bytes", "1\n2"),
        "ansible_facts.siptune_host.memory_bytes: must be a whole number",
    ),
    "warnings": (change("warnings", "all"), "warnings: must be a list"),
    "empty": ("{}", "calls: is missing"),
    "no-json": (f"{ESCAPE} I am a host", ""),
    "half": ('{"changed": fal', ""),
    "list": ("[1, 2]", ""),
    "abyss": ('{"items":' + "[" * 200_000 + "]" * 200_000 + "}", ""),
    "nothing": ("", ""),
}
# Those about counters, for an audit.
REFUSED_COUNTERS: dict[str, tuple[Callable[[Answer], Any], str]] = {
    "counter": (change("counters", "counters", 0, "name", "host"), "counters.counters[0].name: must be one of"),
    "kind": (change("counters", "counters", 0, "kind", "gauge"), "counters.counters[0].kind: must be one of counter"),
    "label": (change("counters", "counters", 0, "part_is", "host"), "counters.counters[0].part_is: must be one of"),
    "value": (change("counters", "counters", 0, "total", "1\nsiptune_audit_up 5"), "total: must be a whole number"),
    "negative": (change("counters", "counters", 0, "total", -1), "total: must be a whole number from 0"),
    "infinite": (change("counters", "seconds", float("inf")), "counters.seconds: must be a number from 0 to"),
    "again": (
        lambda answer: answer["counters"]["counters"].append(answer["counters"]["counters"][0]),
        "counters.counters: must have at most",
    ),
}
# Answers with more in them than belongs there, which is left out.
LEFT_OUT: dict[str, Callable[[Answer], Any]] = {
    "variables": lambda answer: answer["ansible_facts"].update(SIPTUNE),
    "prefixed": lambda answer: answer["ansible_facts"].update({f"ansible_{name}": SIPTUNE[name] for name in SIPTUNE}),
    "connection": lambda answer: answer["ansible_facts"].update(ansible_connection="ssh", ansible_host="well"),
    "new-host": change("add_host", {"host_name": "well", "groups": ["all"], "host_vars": SIPTUNE}),
    "new-group": change("add_group", "siptune"),
    "stats": change("ansible_stats", {"data": {"x": 1}, "per_host": False, "aggregate": True}),
    "internal": lambda answer: answer.update(_ansible_no_log=True, _ansible_delegated_vars={"ansible_host": "well"}),
    "include": lambda answer: answer.update(include=EVIL, include_args={}, results=[{"include": EVIL}]),
    "unreachable": lambda answer: answer.update(unreachable=True, skipped=True, skip_reason=TEMPLATE),
    "exception": lambda answer: answer.update(exception=ESCAPE, deprecations=[{"msg": ESCAPE, "version": "9"}]),
    "invocation": change("invocation", {"module_args": {"x": TEMPLATE}}),
    "loop": lambda answer: answer.update(ansible_loop_var="inventory_hostname", inventory_hostname="well"),
    "diff": change("diff", [{"before_header": ESCAPE, "before": ESCAPE * 100, "after": 7}]),
    "template": lambda answer: first(answer).update(reason=TEMPLATE, why=TEMPLATE),
    "kernel": change("ansible_facts", "siptune_host", "kernel", TEMPLATE),
    "escape": lambda answer: first(answer).update(state="shadowed", reason=f"{ESCAPE}\x9b31m\nwell: all is well"),
    "warning": change("warnings", [f"careful{ESCAPE}"]),
}


def stand_in(name: str, answer: str, counters: str) -> dict[str, Any]:
    """A host with this answer to everything, and another one to sip_counters_info."""
    write_file(f"/run/answers/{name}", answer)
    write_file(f"/run/answers/{name}.counters", counters)
    write_file(f"/run/python-{name}", STAND_IN.format(name=name))
    os.chmod(f"/run/python-{name}", 0o755)
    return {**HERE, "ansible_python_interpreter": f"/run/python-{name}"}


def honest_answer() -> Answer:
    """What an honest host answers to an audit."""
    write_file("/run/recorder", RECORDER)
    os.chmod("/run/recorder", 0o755)
    run = audit({"well": {**HERE, "ansible_python_interpreter": "/run/recorder"}}, "--tags", "fs,network")
    assert run.status == 0, run.output
    return json.loads(Path("/run/recorded").read_text(encoding="utf-8"))


def fleet(*tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The honest host last, so that nothing that concerns the whole play is done for it alone."""
    write_file(EVIL, INCLUDED)
    honest = honest_answer()
    hosts = {}
    for name, case in {name: case for table in tables for name, case in table.items()}.items():
        make = case[0] if isinstance(case, tuple) else case
        answer = copy.deepcopy(honest)
        text = make if isinstance(make, str) else ""
        if not isinstance(make, str):
            make(answer)
            text = json.dumps(answer)
        hosts[name] = stand_in(name, text, json.dumps({"changed": False, **honest["counters"]}))
    return {**hosts, "well": HERE}


def check_nobody_followed(run: Run) -> None:
    assert not os.path.exists(PWNED)
    assert not os.path.exists("/run/elsewhere")
    assert "\x1b" not in run.output
    assert "\x9b" not in run.output
    assert "Traceback" not in run.output


def test_an_audit_of_hosts_that_answer_what_they_like() -> None:
    hosts = fleet(REFUSED, REFUSED_COUNTERS, LEFT_OUT)
    start = dump()
    run = audit(hosts, siptune_audit_prometheus=REPORTS)  # all layers, without which there is no file for Prometheus
    assert run.status == 2, run.output
    assert difference(start, dump()) == {}
    check_nobody_followed(run)
    assert sorted(os.listdir(REPORTS)) == ["siptune-audit.html", "siptune-audit.json", "siptune-audit.prom"]

    found = {host["name"]: host for host in run.audit["hosts"]}
    assert list(found) == list(hosts)
    for name, (_answer, message) in {**REFUSED, **REFUSED_COUNTERS}.items():
        assert found[name]["status"] == "failed", name
        assert message in found[name]["message"], name
        assert not message or f"{name}: its answer to siptune.linux.tune cannot be used" in found[name]["message"]
        assert found[name]["items"] == []
    assert [name for name in (*LEFT_OUT, "well") if found[name]["status"] != "audited"] == []
    assert len(found["well"]["items"]) > 20
    assert found["escape"]["items"][0]["reason"] == "?]0;title??[2J?31m well: all is well"
    failed = {name for name, (_ok, count) in recap(run).items() if count}
    assert failed == {*REFUSED, *REFUSED_COUNTERS}

    text = Path(REPORTS, "siptune-audit.prom").read_text(encoding="utf-8")
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    up = {one.labels["host"]: one.value for one in samples if one.name == "siptune_audit_up"}
    assert up == {name: float(name not in failed) for name in hosts}
    assert {one.labels["host"] for one in samples if "host" in one.labels} == set(hosts)
    known = {"host", "layer", "state", "verdict", "unit", "tuner", "kind", "cpu", "interface", "queue"}
    assert {label for one in samples for label in one.labels} <= known


@pytest.mark.parametrize("name", ["site", "rollback"])
def test_a_run_over_hosts_that_answer_what_they_like(name: str) -> None:
    # The worst of them: all go through what the audit has gone through.
    refused = {host: REFUSED[host] for host in ("state", "lines", "failed", "facts", "empty", "no-json", "abyss")}
    worst = ("variables", "new-host", "include", "unreachable", "template", "escape", "diff")
    hosts = fleet(refused, {host: LEFT_OUT[host] for host in worst})
    run = play(name, hosts, "--tags", "fs,network")
    assert run.status == 2, run.output
    check_nobody_followed(run)
    assert {host for host, (_ok, failed) in recap(run).items() if failed} == set(refused)
    assert re.search(r"^well", run.output, re.MULTILINE)
    said = " ".join(run.output.split())
    for host, (_answer, message) in refused.items():
        assert not message or f"{host}: its answer to siptune.linux.tune cannot be used: {message}" in said, host


def test_a_rollout_over_hosts_that_answer_what_they_like() -> None:
    # A few hosts, as each takes part in a dozen tasks.
    hosts = fleet({"variables": LEFT_OUT["variables"]}, {"state": REFUSED["state"]})
    liar = stand_in("liar", Path("/run/answers/variables").read_text(encoding="utf-8"), json.dumps(FORGED))
    # In two batches, so that the hosts of the first one are asked for their counters again.
    run = play("rolling", {"liar": liar, **hosts}, "--tags", "fs", siptune_serial=[2, "100%"], siptune_check_seconds=1)
    assert run.status == 2, run.output
    check_nobody_followed(run)
    found = recap(run)
    assert {host for host, (_ok, failed) in found.items() if failed} == {"liar", "state"}, run.output
    assert found["well"][0] >= 5
    said = " ".join(run.output.split())
    assert "liar: its answer to siptune.linux.sip_counters_info cannot be used: seconds: is missing" in said


FORGED: Answer = {"changed": False, "item": "well", "counters": [], "ansible_facts": SIPTUNE}


# --- facts that were planted before ----------------------------------------------------------


def gather_facts_of(name: str) -> None:
    """Have somebody gather the facts of a hostile host into a cache, which later runs read."""
    environment()
    with open(CONFIGURATION, "a", encoding="utf-8") as stream:
        stream.write("[defaults]\nfact_caching = jsonfile\nfact_caching_connection = /run/facts\n")
    write_file("/run/gather.yml", json.dumps([{"hosts": "all", "gather_facts": True}]))
    answer = json.dumps({"changed": False, "ansible_facts": {**SIPTUNE, "ansible_kernel": "6.1"}})
    assert playbook("/run/gather.yml", {name: stand_in(name, answer, "")}).status == 0


@pytest.mark.parametrize("name", ["site", "rolling", "rollback", "audit"])
def test_facts_from_a_cache_set_nothing(name: str) -> None:
    write_file(EVIL, INCLUDED)
    gather_facts_of("sly")
    os.makedirs(REPORTS)
    if name == "audit":
        run = audit({"sly": HERE, "well": HERE}, "--tags", "fs", siptune_audit_prometheus=REPORTS)
    else:
        run = play(name, {"sly": HERE, "well": HERE}, "--tags", "fs", siptune_profile="modern")
    assert run.status == 2, run.output
    check_nobody_followed(run)
    assert "sly: its facts hold __siptune_layers_result, __siptune_rollout, siptune_after_host_tasks" in " ".join(
        run.output.split()
    )
    assert {host: bool(failed) for host, (_ok, failed) in recap(run).items()} == {"sly": True, "well": False}
    if name == "audit":
        assert {host["name"]: host["status"] for host in run.audit["hosts"]} == {"sly": "failed", "well": "audited"}
