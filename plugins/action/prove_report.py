# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the reports of a proof. Documentation: plugins/modules/prove_report.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural, printable, printable_result
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.document import document, failures, totals
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.html import render as render_html
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.model import APPLIED, REGISTERED
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.prometheus import earlier
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.prometheus import render as render_prometheus
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.text import render_end, render_target
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.files import (
    ReportError,
    collection_version,
    read_former,
    write_all,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.query import QueryError, compile_query, search
from ansible_collections.siptune.linux.plugins.plugin_utils._results.planted import planted, refusal
from ansible_collections.siptune.linux.plugins.plugin_utils._site.report_action import (
    OPTIONS,
    ReportAction,
    check_directories,
    left_out,
)

JSON_NAME = "siptune-prove.json"
HTML_NAME = "siptune-prove.html"
PROMETHEUS_NAME = "siptune-prove.prom"
QUERY = "siptune_prove_query"

display = Display()


class ActionModule(ReportAction):
    """Reports on all targets of the play."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write, print and query the proof. Raises AnsibleActionFail for what cannot be used."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        options = self.options(OPTIONS, variables)
        try:
            query = compile_query(options["query"], QUERY) if options["query"] else None
            check_directories("siptune_prove", options)
            if options["check_only"]:
                self.check_names(variables)
                return {"changed": False}
            proof = _document(variables)
            paths, notes = _write(proof, options, left_out(variables))
            _print(proof, paths, notes)
            answer = printable_result(search(query, proof, QUERY, "the proof")) if query else None
        except (ReportError, QueryError, CatalogueError) as error:
            raise AnsibleActionFail(printable(error)) from None
        if query:
            display.display(json.dumps(answer, indent=2, ensure_ascii=False))
        return {
            "changed": False,
            "paths": paths,
            "totals": totals(proof),
            "failures": printable_result(failures(proof, options["strict"])),
            "query_result": answer,
        }


def _document(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The proof of all hosts of the play, those that have dropped out included."""
    known = variables["hostvars"]
    found = {str(name): _registered(str(name), known[name]) for name in variables["ansible_play_hosts_all"]}
    return document(found, datetime.now(UTC).isoformat(timespec="seconds"), collection_version())


def _registered(name: str, variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    names = planted(variables)
    if names:  # a result could be planted, too
        return {"failed": True, "msg": refusal(name, names)}
    found = variables.get(REGISTERED)
    ended = next(filter(_has_failed, map(variables.get, APPLIED)), None)
    if ended:
        return {**(found or {}), "failed": True, "msg": f"restoring or tuning the host failed: {_said(ended)}"}
    return found if isinstance(found, Mapping) else None


def _has_failed(result: Any) -> bool:
    return isinstance(result, Mapping) and bool(result.get("failed") or result.get("unreachable"))


def _said(result: Mapping[str, Any]) -> str:
    return str(result.get("msg") or "no message").removeprefix("Task failed: ")


def _write(proof: Mapping[str, Any], options: Mapping[str, Any], unasked: Sequence[str]) -> tuple[list[str], list[str]]:
    """The paths of the reports, and notes on them. Raises ReportError, with every report as it was before."""
    reports = [
        (options["directory"], JSON_NAME, json.dumps(proof, ensure_ascii=False, separators=(",", ":")) + "\n"),
        (options["directory"], HTML_NAME, render_html(proof)),
    ]
    notes = []
    if options["prometheus"]:
        former = read_former(options["prometheus"], PROMETHEUS_NAME, "remove it")
        kept = len(earlier(proof, former, unasked))
        reports.append((options["prometheus"], PROMETHEUS_NAME, render_prometheus(proof, former, unasked)))
        if kept:
            proofs = plural(kept, "earlier proof")
            notes.append(f"{PROMETHEUS_NAME} keeps {kept} {proofs}, of other hosts, scenarios or transports")
    return write_all(reports), notes


def _print(proof: Mapping[str, Any], paths: list[str], notes: list[str]) -> None:
    """Print it ourselves, so that it reads the same under any output callback."""
    lines = [line for target in proof["targets"] for line in [*render_target(target), ""]]
    display.display("\n".join([*lines, *render_end(proof, paths, notes)]))
