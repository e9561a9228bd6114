# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of siptune.linux.prove as users get them: of hosts that were proved, that could not be, and that lie."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from calls import CHECKOUT, write_file
from controller import HERE, Run, playbook
from prometheus_client.parser import text_string_to_metric_families
from sandbox import dump

sys.path.insert(0, str(CHECKOUT / "tests" / "unit" / "plugins" / "plugin_utils"))

from prove_results import AFTER, BEFORE, target

REPORTS = "/run/reports"
REPORT = "/run/report.yml"
# The last play of playbooks/prove.yml alone: what prove_step registers comes from the inventory.
LAST_PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - siptune.linux.prove_report:
        directory: /run/reports
        prometheus: /run/reports
        strict: "{{ siptune_prove_strict | default(false) }}"
        query: "{{ siptune_prove_query | default(omit) }}"
      register: reported
      run_once: true
    - ansible.builtin.debug: {var: reported.failures}
      run_once: true
"""


def proved(name: str, *runs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A host of the inventory that was proved."""
    return {**HERE, "__siptune_prove": target(name, *runs, **fields)}


def report(hosts: dict[str, dict[str, Any]], *words: str, **variables: Any) -> Run:
    os.makedirs(REPORTS, exist_ok=True)
    write_file(REPORT, LAST_PLAY)
    return playbook(REPORT, hosts, *words, "-e", json.dumps(variables))


def prove(hosts: dict[str, dict[str, Any]], *words: str, **variables: Any) -> Run:
    os.makedirs(REPORTS, exist_ok=True)
    given = {"siptune_prove_directory": REPORTS, **variables}
    return playbook("siptune.linux.prove", hosts, *words, "-e", json.dumps(given))


def targets() -> list[dict[str, Any]]:
    return json.loads(Path(REPORTS, "siptune-prove.json").read_text(encoding="utf-8"))["targets"]


def samples() -> dict[tuple[str, str], float]:
    text = Path(REPORTS, "siptune-prove.prom").read_text(encoding="utf-8")
    families = text_string_to_metric_families(text)
    return {(one.name, one.labels["host"]): one.value for family in families for one in family.samples}


def test_all_reports_say_the_same() -> None:
    hosts = {"edge1": proved("edge1", BEFORE, AFTER), "edge2": proved("edge2", {**BEFORE, "state": "as_is"})}
    run = report(hosts, siptune_prove_strict=True, siptune_prove_query="targets[].runs[-1].highest_rate")
    assert run.status == 0, run.output
    assert "edge1: holds  invite over udp to 10.0.0.5:5060, kamailio, from gen1" in run.output
    assert "2 targets: 1 with a contract that holds, 1 with one that does not" in run.output
    assert "edge2" in run.output.split("reported.failures")[1]
    assert [one["runs"][-1]["highest_rate"] for one in targets()] == [700, 190]
    assert samples()["siptune_prove_contract_holds", "edge2"] == 0
    page = Path(REPORTS, "siptune-prove.html").read_text(encoding="utf-8")
    assert "do not hold: target, UdpRcvbufErrors" in page
    assert "[\n  700.0,\n  190.0\n]" in run.output


def test_hosts_that_are_left_out_or_cannot_be_proved_keep_their_samples() -> None:
    hosts = {name: proved(name, AFTER) for name in ("edge1", "edge2", "edge3")}
    assert report(hosts).status == 0
    hosts["edge2"] = {**HERE, "__siptune_prove": {**target("edge2"), "failed": True, "msg": "lost"}}
    hosts["edge1"] = proved("edge1", {**BEFORE, "state": "as_is"})
    run = report(hosts, "--limit", "edge1,edge2")
    assert "siptune-prove.prom keeps 2 earlier proofs, of other hosts, scenarios or transports" in run.output
    found = samples()
    assert [found["siptune_prove_contract_holds", f"edge{number}"] for number in (1, 2, 3)] == [0, 1, 1]
    assert [one["error"] for one in targets()] == [None, "lost"]


def test_a_host_that_lies_spoils_its_own_results_alone() -> None:
    evil = {**BEFORE, "state": "as_is", "steps": [{**BEFORE["steps"][0], "losses": {'x"} 1\nsiptune_prove_up 5': 1}}]}
    hosts = {"sly": proved("well", evil), "well": proved("well", AFTER)}
    assert report(hosts).status == 0
    first, second = targets()
    assert (first["name"], first["runs"]) == ("sly", [])
    assert first["error"].startswith(
        "its results cannot be used: runs[0].steps[0].losses's names: must be a text of one"
    )
    assert second["runs"][0]["highest_rate"] == 700
    assert {host for _name, host in samples()} == {"well"}


def test_a_comparison_that_cannot_tune_is_reported_with_what_it_has_shown() -> None:
    ended = {"unreachable": True, "msg": "Task failed: no route to host"}
    hosts = {"edge1": {**proved("edge1", BEFORE), "__siptune_prove_tuned": ended}, "edge2": proved("edge2", AFTER)}
    assert report(hosts).status == 0
    first, second = targets()
    assert first["error"] == "restoring or tuning the host failed: no route to host"
    assert (len(first["runs"]), second["error"]) == (1, None)


def test_a_host_that_cannot_be_proved_fails_with_its_reason_after_the_reports() -> None:
    start = dump()
    run = prove({"edge1": HERE, "edge2": HERE})
    assert run.status == 2
    assert run.output.count("edge1: not proved") == run.output.count("edge2: not proved") == 1
    assert all("there is no generator" in one["error"] for one in targets())
    assert dump() == start


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"siptune_prove_query": "targets[?"}, "siptune_prove_query: 'targets[?' is not JMESPath: "),
        ({"siptune_prove_directory": "/run/missing"}, "siptune_prove_directory: no report can be written to /run/m"),
        ({"siptune_prove_prometheus": "/run/missing"}, "siptune_prove_prometheus: no report can be written"),
        ({"siptune_prove_stricts": True}, "siptune_prove_stricts: there is no such variable; the nearest is siptune_"),
    ],
)
def test_what_cannot_be_reported_ends_it_before_any_load(variables: dict[str, Any], message: str) -> None:
    run = prove({"edge1": HERE}, **variables)
    assert run.status == 2
    assert message in run.output
    assert "Begin the run" not in run.output
    assert os.listdir(REPORTS) == []
