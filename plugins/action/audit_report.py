# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the reports of an audit. Documentation: plugins/modules/audit_report.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural, printable, printable_result
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import LONGEST_SECONDS
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import HostResults, document, failures
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.html import render as render_html
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import HOST_TIMESTAMP
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import render as render_prometheus
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.text import render_end, render_host
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.exposition import hosts_in
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.files import (
    ReportError,
    collection_version,
    read_former,
    write_all,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.query import QueryError, compile_query, search
from ansible_collections.siptune.linux.plugins.plugin_utils._results.planted import planted, refusal
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import APPLIED, results_by_layer, selected
from ansible_collections.siptune.linux.plugins.plugin_utils._site.report_action import OPTIONS as REPORT_OPTIONS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.report_action import (
    ReportAction,
    check_directories,
    left_out,
)

JSON_NAME = "siptune-audit.json"
HTML_NAME = "siptune-audit.html"
PROMETHEUS_NAME = "siptune-audit.prom"
QUERY = "siptune_audit_query"

OPTIONS = {"seconds": {"type": "int", "default": 0}, **REPORT_OPTIONS}

display = Display()


class ActionModule(ReportAction):
    """Reports on all hosts of the play."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write, print and query the audit. Raises AnsibleActionFail for what cannot be used."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        options = self.options(OPTIONS, variables)
        try:
            query = compile_query(options["query"], QUERY) if options["query"] else None
            _check(options)
            if options["check_only"]:
                self.check_names(variables)
                return {"changed": False}
            audit = _document(variables, options["seconds"])
            paths, notes = _write(audit, options, left_out(variables), self._layers(variables))
            _print(audit, paths, notes)
            answer = printable_result(search(query, audit, QUERY, "the audit")) if query else None
        except (ReportError, QueryError, CatalogueError) as error:
            raise AnsibleActionFail(f"{printable(error)}. Nothing was changed on any host.") from None
        if query:
            display.display(json.dumps(answer, indent=2, ensure_ascii=False))
        return {
            "changed": False,
            "paths": paths,
            "totals": audit["totals"],
            "failures": printable_result(failures(audit, options["strict"])),
            "query_result": answer,
        }

    def _layers(self, variables: Mapping[str, Any]) -> list[str]:
        """The layers that --tags and --skip-tags have left."""
        tags = (variables.get("ansible_run_tags") or ["all"], variables.get("ansible_skip_tags") or [])
        return selected(LAYERS, self._task.tags, *tags)


def _check(options: Mapping[str, Any]) -> None:
    """Raises ReportError for options that no report can be written with."""
    if not 0 <= options["seconds"] <= LONGEST_SECONDS:
        raise ReportError(f"siptune_audit_seconds: must be from 0 to {LONGEST_SECONDS}, not {options['seconds']}")
    check_directories("siptune_audit", options)


def _document(variables: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    """The audit of all hosts of the play, those that have dropped out included."""
    known = variables["hostvars"]
    hosts = {str(name): _results(str(name), known[name]) for name in variables["ansible_play_hosts_all"]}
    generated_at = datetime.now(UTC).isoformat(timespec="seconds")
    return document(hosts, generated_at, seconds, collection_version(), len(left_out(variables)))


def _results(name: str, registered: Mapping[str, Any]) -> HostResults:
    names = planted(registered)
    if names:  # a result could be planted, too
        return HostResults(results_by_layer({"failed": True, "msg": refusal(name, names)}), None)
    applied = registered.get(APPLIED) or {}
    facts = (applied.get("ansible_facts") or {}).get("siptune_host") or {}
    return HostResults(
        results_by_layer(applied),
        applied.get("counters"),
        tuners=facts.get("tuners") or {},
        sip_daemons=facts.get("sip_daemons") or [],
        boot_only=applied.get("boot_only") is True,
        storage=applied.get("storage") or (),
        packets=applied.get("packets"),
    )


def _write(
    audit: Mapping[str, Any], options: Mapping[str, Any], unasked: Sequence[str], layers: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The paths of the reports, and notes on them. Raises ReportError, with every report as it was before."""
    reports = [
        (options["directory"], JSON_NAME, json.dumps(audit, ensure_ascii=False, separators=(",", ":")) + "\n"),
        (options["directory"], HTML_NAME, render_html(audit)),
    ]
    notes = []
    if options["prometheus"] and len(layers) < len(LAYERS):
        # Whether a host drifts, and how many items do, is said of all its layers.
        notes.append(f"{PROMETHEUS_NAME} is left as it was, as only these layers were audited: {', '.join(layers)}")
    elif options["prometheus"]:
        former = read_former(options["prometheus"], PROMETHEUS_NAME, "remove it, or audit all hosts") if unasked else ""
        others = hosts_in(former, HOST_TIMESTAMP).intersection(unasked)
        reports.append((options["prometheus"], PROMETHEUS_NAME, render_prometheus(audit, former, others)))
        if others:
            hosts = plural(len(others), "other host")
            notes.append(f"{PROMETHEUS_NAME} keeps the samples of {len(others)} {hosts} from an earlier audit")
    return write_all(reports), notes


def _print(audit: Mapping[str, Any], paths: list[str], notes: list[str]) -> None:
    """Print it ourselves, so that it reads the same under any output callback."""
    lines = [line for host in audit["hosts"] for line in [*render_host(host), ""]]
    display.display("\n".join([*lines, *render_end(audit, paths, notes)]))
