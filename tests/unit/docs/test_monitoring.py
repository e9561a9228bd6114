# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts, the dashboard and the rulebook of docs/monitoring: what they ask for exists, and they do as they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.version_info < (3, 11):  # noqa: UP036 - a target may have less
    pytest.skip("what is read on the monitoring's side is tested from Python 3.11 on", allow_module_level=True)

import yaml
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS, GAUGES
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import render, snake_case
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.verdict import VERDICTS
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.prometheus import render as render_proof

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
MONITORING = CHECKOUT / "docs" / "monitoring"
PROMTOOL = CHECKOUT / ".build" / "promtool"
# The metrics of Debian 12's node_exporter 1.5.0 with its default collectors, on a machine with connection tracking.
NODE_METRICS = set((HERE / "captured" / "node_exporter.txt").read_text(encoding="utf-8").split())

RULES = yaml.safe_load((MONITORING / "siptune.rules.yml").read_text(encoding="utf-8"))
CASES = yaml.safe_load((HERE / "alerts_test.yml").read_text(encoding="utf-8"))
ALL_RULES = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in ALL_RULES if "alert" in rule}
DASHBOARD = json.loads((MONITORING / "siptune-dashboard.json").read_text(encoding="utf-8"))


def promtool(*words: str | Path) -> str:
    """What promtool says; asserts that it has no complaint."""
    program = shutil.which("promtool") or (str(PROMTOOL) if PROMTOOL.exists() else None)
    if program is None:
        pytest.skip("there is no promtool; make .build/promtool fetches it")
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- metrics that exist ----------------------------------------------------------------------


def metrics_with_labels() -> dict[str, set[str]]:
    """Each metric that an audit or a proof may write, with the names of its labels."""
    text = render(FULL_AUDIT) + render_proof(FULL_PROOF)
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(siptune_\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def _full_audit() -> dict[str, Any]:
    """An audit of one host with something of everything."""
    item = {"layer": "network", "item": "net.core.rmem_max", "verdict": "drift"}
    layer = {"name": "network", "status": "audited", "states": {"changed": 1}, "would_rewrite": True}
    part = {"part": "kamailio.service", "value": 1, "limit": 2}
    counters = [{"name": one.name, "total": 1, "value": 1, "limit": 2, "parts": [part]} for one in (*COUNTERS, *GAUGES)]
    socket = {"daemon": "kamailio", "socket": "10.0.0.5:5060", "buffer_bytes": 1, "holds_messages": 1, "drops_total": 1}
    tuner = {"name": "TuneD", "keys": [{"item": "vm.swappiness", "theirs": "60", "wanted": "10", "wins": "siptune"}]}
    relay = {
        "unit": "rtpengine-daemon.service",
        "pid": 812,
        "forwards": "kernel",
        "warnings": [],
        "user_packets_total": 1,
        "kernel_packets_total": 1,
    }
    host = {
        "name": "sbc1",
        "status": "audited",
        "would_change": True,
        "layers": [layer],
        "items": [item],
        "tuners": [tuner],
        "counters": {"list": counters},
        "sip_sockets": [socket],
        "storage": [{"kind": "sync"}],
        "rtpengine": [relay],
    }
    return {"generated_at": "2026-11-24T03:15:00+00:00", "hosts": [host]}


def _full_proof() -> dict[str, Any]:
    """A proof of one host that has something to say of everything."""
    run = {"highest_rate": 250.0, "contract_holds": True, "headroom_percent": 25.0}
    host = {
        "name": "sbc1",
        "scenario": "invite",
        "transport": "udp",
        "contract": {"rate": 200.0},
        "error": None,
        "runs": [run],
    }
    return {"generated_at": "2026-11-24T03:15:00+00:00", "targets": [host]}


FULL_AUDIT = _full_audit()
FULL_PROOF = _full_proof()
AUDIT_METRICS = metrics_with_labels()
RECORDED = {rule["record"] for rule in ALL_RULES if "record" in rule}


def panels(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All panels, those inside of folded rows too."""
    for panel in found:
        yield panel
        yield from panels(panel.get("panels", []))


PANELS = list(panels(DASHBOARD["panels"]))
QUERIES = {
    **{
        f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel.get("targets", [])
    },
    **{rule.get("alert") or rule["record"]: rule["expr"] for rule in ALL_RULES},
}


def asked(expression: str) -> set[str]:
    """The metrics that an expression names."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:siptune_|node_|instance:)\w[\w:]*", bare))


@pytest.mark.parametrize("title", QUERIES)
def test_every_metric_exists(title: str) -> None:
    names = asked(QUERIES[title])
    assert names
    assert names - AUDIT_METRICS.keys() - NODE_METRICS - RECORDED == set()


@pytest.mark.parametrize("title", QUERIES)
def test_every_label_that_is_asked_for_exists(title: str) -> None:
    for metric, matchers in re.findall(r"\b(siptune_\w+)\{([^}]*)\}", QUERIES[title]):
        assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= AUDIT_METRICS[metric]


@pytest.mark.parametrize("title", QUERIES)
def test_every_verdict_that_is_asked_for_exists(title: str) -> None:
    for words in re.findall(r'verdict=~?"([^"]*)"', QUERIES[title]):
        assert set(words.split("|")) <= set(VERDICTS)


def test_the_audit_of_this_test_has_every_counter() -> None:
    assert {f"siptune_{snake_case(one.name)}_total" for one in COUNTERS} <= AUDIT_METRICS.keys()
    assert {f"siptune_{snake_case(one.name)}" for one in GAUGES} <= AUDIT_METRICS.keys()


# --- alerts ----------------------------------------------------------------------------------


def test_promtool_accepts_the_rules() -> None:
    assert f"{len(ALL_RULES)} rules found" in promtool("check", "rules", MONITORING / "siptune.rules.yml")


def test_every_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    """The texts are left out: promtool would compare every word of them."""
    bare = {
        "groups": [
            {**group, "rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in group["rules"]]}
            for group in RULES["groups"]
        ]
    }
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(bare), encoding="utf-8")
    (tmp_path / "cases.yml").write_text(yaml.safe_dump({**CASES, "rule_files": ["rules.yml"]}), encoding="utf-8")
    promtool("test", "rules", tmp_path / "cases.yml")


@pytest.mark.parametrize("firing", [True, False])
@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_seen_to_fire_and_to_be_silent(alert: str, firing: bool) -> None:
    cases = [case for group in CASES["tests"] for case in group["alert_rule_test"]]
    assert any(case["alertname"] == alert and bool(case["exp_alerts"]) is firing for case in cases)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_who_what_and_how_grave(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    whole_fleet = alert in ("SiptuneAuditMissing", "SiptuneAuditOld")
    assert whole_fleet or re.search(r"\$labels\.(host|instance)\b", rule["annotations"]["summary"])


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_its_part_of_the_guide(alert: str) -> None:
    assert f"### {alert}\n" in (CHECKOUT / "docs" / "alerts.md").read_text(encoding="utf-8")


# --- the dashboard ---------------------------------------------------------------------------

# What Grafana fills in, and what stands for it here.
FILLED_IN = {"$__rate_interval": "5m", "$__range": "1d", "$__interval": "1m", "$host": "sbc1", "$instance": "sbc1:9100"}


def filled_in(expression: str) -> str:
    for variable, value in FILLED_IN.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


def test_promtool_accepts_every_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = [filled_in(target["expr"]) for panel in PANELS for target in panel.get("targets", [])]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", file)


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    """Grafana's own library reads the fields that its schema has, and no others: nothing may be lost on the way."""
    plugins = pytest.importorskip("grafana_foundation_sdk.cog.plugins")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    read_back = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(json.dumps(DASHBOARD)))))
    assert lost(DASHBOARD, read_back) == []


def lost(given: Any, kept: Any, path: str = "") -> list[str]:
    """The places of what is in one document and is missing or different in the other."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [place for key in given for place in lost(given[key], kept.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        pairs = enumerate(zip(given, kept, strict=True))
        return [place for number, (one, other) in pairs for place in lost(one, other, f"{path}[{number}]")]
    return [] if given == kept else [path]


def test_panels_have_ids_and_places_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24  # Grafana's grid
        assert not cells & own
        cells |= own


def test_every_data_source_can_be_chosen() -> None:
    names = {one["name"] for one in DASHBOARD["templating"]["list"]}
    assert names == {"datasource", "host", "instance"}
    sources = [panel["datasource"]["uid"] for panel in PANELS if panel["type"] != "row"]
    assert set(sources) == {"${datasource}"}


# --- the rulebook ----------------------------------------------------------------------------


def test_the_rulebook_runs_the_audit_and_nothing_else() -> None:
    rulesets = yaml.safe_load((MONITORING / "rulebook.yml").read_text(encoding="utf-8"))
    actions = [rule["action"] for ruleset in rulesets for rule in ruleset["rules"]]
    assert [list(action) for action in actions] == [["run_playbook"]] * len(actions)
    assert {action["run_playbook"]["name"] for action in actions} == {"siptune.linux.audit"}


def test_the_rulebook_asks_for_alerts_that_exist() -> None:
    rulesets = yaml.safe_load((MONITORING / "rulebook.yml").read_text(encoding="utf-8"))
    for rule in (rule for ruleset in rulesets for rule in ruleset["rules"]):
        condition = rule["condition"]
        named = re.findall(r'"((?:Siptune|Sip|Packets|Conntrack|Listen)\w+)"', str(condition))
        assert named
        assert set(named) <= ALERTS.keys()
