# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof as one page without a script: words, charts and tables, for the eye, the ear and the printer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural

from .._reports.markup import Markup, element, together
from .._reports.page import render as render_page
from .charts import Axis, Point, Series, amount, chart, linear, logarithmic
from .document import (
    END_WORDS,
    FAILED,
    FAILS,
    HOLDS,
    PLACE_WORDS,
    STATE_WORDS,
    compared,
    contract_line,
    grown,
    last_run,
    rate_text,
    totals,
    unit_of,
    verdict,
)
from .text import aim_of

STYLE = Path(__file__).resolve().parent / "page.css"
MOST_SERIES = 5  # in a chart: more cannot be told apart
MOST_PROCESSORS = 16  # in a cell of a table
TONES = {HOLDS: "good", FAILS: "bad", FAILED: "bad"}
Step = Mapping[str, Any]
Run = Mapping[str, Any]
Target = Mapping[str, Any]


def render(proof: Mapping[str, Any]) -> str:
    """The whole page as text."""
    targets = proof["targets"]
    body = together(
        element("a", "Skip to the targets", class_="skip", href="#targets"),
        _header(proof),
        element(
            "main",
            _overview(targets) if len(targets) > 1 else None,
            *(_target(number, target) for number, target in enumerate(targets)),
            id="targets",
            tabindex="-1",
        ),
        element("footer", element("p", LEGEND), element("p", KNOWS_NOT)),
    )
    return render_page("siptune prove", body, STYLE.read_text(encoding="utf-8"))


LEGEND = (
    "Each point is a step of load: a disc if the target held it, a cross if it did not. All figures of the charts are "
    "in the tables of steps."
)
KNOWS_NOT = (
    "A proof says what this host carries of this load, from this generator, today. Other calls, other networks and "
    "what the daemon asks of databases and upstream are not in it; docs/prove.md has more."
)


def _header(proof: Mapping[str, Any]) -> Markup:
    made = datetime.fromisoformat(proof["generated_at"]).strftime("%Y-%m-%d %H:%M UTC")
    found = totals(proof)
    counts = {plural(found.pop("targets"), "target"): len(proof["targets"])}
    counts |= {name.replace("_", " "): count for name, count in found.items() if count}
    return element(
        "header",
        element("h1", "siptune prove"),
        element("p", f"Made {made} by siptune.linux {proof['collection_version']}", class_="made"),
        _definitions(counts, "totals"),
    )


def _definitions(pairs: Mapping[str, object], kind: str) -> Markup:
    rows = [element("div", element("dt", name), element("dd", value)) for name, value in pairs.items()]
    return element("dl", *rows, class_=kind)


def _table(label: str, heads: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "") -> Markup:
    """A table whose rows begin with their heading, and which scrolls by itself where it is wider than the window."""
    head = element("tr", *(element("th", name, scope="col") for name in heads))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in rest))
        for first, *rest in rows
    ]
    table = element("table", element("caption", label), element("thead", head), element("tbody", *body), class_=kind)
    return element("div", table, class_="scroll", role="region", aria_label=label, tabindex="0")


def _overview(targets: Sequence[Target]) -> Markup:
    heads = ("Target", "Contract", "Verdict", "Highest rate", "Headroom", "Gave first")
    rows = [_overview_row(number, target) for number, target in enumerate(targets)]
    return element("section", element("h2", "All targets"), _table("What each target carries", heads, rows))


def _overview_row(number: int, target: Target) -> Sequence[object]:
    run, contract = last_run(target) or {}, target["contract"]
    first, share = run.get("gave_first"), run.get("headroom_percent")
    return (
        element("a", target["name"], href=f"#target-{number}"),
        f"{rate_text(contract['rate'])} {contract['unit']}" if contract else "–",
        _badge(target),
        rate_text(run.get("highest_rate")),
        "–" if share is None else f"{share:g} %",
        first["what"] if first else "–",
    )


def _badge(target: Target) -> Markup:
    said = verdict(target)
    return element("span", said, class_=f"badge {TONES.get(said, 'open')}")


# --- a target --------------------------------------------------------------------------------


def _target(number: int, target: Target) -> Markup:
    runs = target["runs"]
    return element(
        "section",
        element("h2", target["name"], " ", _badge(target), id=f"target-{number}"),
        element("p", aim_of(target), class_="soft") if target["address"] else None,
        element("p", target["error"], class_="notice") if target["error"] else _said(target),
        *(element("p", "Warning: ", warning, class_="notice mild") for warning in target["warnings"]),
        element("div", *(_result(target, run) for run in runs), class_=f"panels of{len(runs)}") if runs else None,
        element("div", *_charts(target), class_=f"charts of{len(runs)}") if any(run["steps"] for run in runs) else None,
        *(_steps(target, run) for run in runs if run["steps"]),
        class_="target",
        aria_labelledby=f"target-{number}",
    )


def _said(target: Target) -> Markup:
    words = [contract_line(target), compared(target)]
    return together(*(element("p", f"{one[0].upper()}{one[1:]}.", class_="said") for one in words if one))


def _result(target: Target, run: Run) -> Markup:
    first, share = run["gave_first"], run["headroom_percent"]
    contract, stalls = target["contract"], {step["stall_ms"] for step in run["steps"]} - {0}
    facts = {
        "contract": f"{rate_text(contract['rate'])} {contract['unit']}, by {contract['from']}" if contract else None,
        "stall in each step": f"{max(stalls):,} ms" if stalls else None,
        "highest rate that holds": f"{rate_text(run['highest_rate'])} {unit_of(target)}",
        "headroom": None if share is None else f"{share:g} %",
        "ended because": END_WORDS[run["ended_by"]],
        "gave first": _reason(first) if first else None,
        "would help": element("strong", first["help"]) if first and first["help"] else None,
    }
    return element(
        "article",
        element("h3", _capital(STATE_WORDS[run["state"]])),
        _definitions({name: value for name, value in facts.items() if value is not None}, "facts"),
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _reason(reason: Mapping[str, Any]) -> Markup:
    where = PLACE_WORDS[reason["where"]]
    return together(element("strong", reason["what"]), f" ({where}): {reason['detail']}")


# --- charts ----------------------------------------------------------------------------------


def _charts(target: Target) -> list[Markup]:
    """The charts, each with one panel a run on the same axes, so that runs can be compared."""
    counters = [name for name, _count in _of_all(target["runs"], "losses")][:MOST_SERIES]
    return [
        _panels(target, "Response time", "ms", _times, lambda most: logarithmic(most, 0.1)),
        _panels(target, "Lost and sent again", "% of those sent", _shares, lambda most: linear(most, 1)),
        _panels(
            target,
            "Losses that the target has counted",
            "datagrams, packets",
            partial(_counters, counters),
            lambda most: logarithmic(most, 1),
            "None of the target's counters of losses has grown.",
        ),
        _panels(target, "Processors", "% busy", _processors, lambda _most: linear(100)),
    ]


def _of_all(runs: Iterable[Run], field: str) -> list[tuple[str, int]]:
    steps = [step for run in runs for step in run["steps"]]
    return list(grown(steps, field).items())


def _panels(
    target: Target,
    title: str,
    unit: str,
    series_of: Callable[[Sequence[Step]], list[Series]],
    values: Callable[[float], Axis],
    nothing: str = "No step has such figures.",
) -> Markup:
    """One chart in a panel for each run, with the same axes."""
    runs = [run for run in target["runs"] if run["steps"]]
    contract = target["contract"]["rate"] if target["contract"] else None
    found = [series_of(run["steps"]) for run in runs]
    points = [point for one in found for series in one for point in series.points]
    heading = element("h3", title, element("span", f", {unit}", class_="unit"))
    if not points:
        return element("section", heading, element("p", nothing, class_="soft"))
    rates = linear(max([step["rate"] for run in runs for step in run["steps"]] + ([contract] if contract else [])))
    axis = values(max(point.value for point in points))
    panels = [
        element(
            "figure",
            element("figcaption", STATE_WORDS[run["state"]]) if len(runs) > 1 else None,
            chart(f"{title}, {STATE_WORDS[run['state']]}", series, rates, axis, unit, contract),
        )
        for run, series in zip(runs, found, strict=True)
    ]
    names = [series.name for series in max(found, key=len)]
    return element("section", heading, element("div", *panels, class_=f"panels of{len(panels)}"), _key(names))


def _key(names: Sequence[str]) -> Markup:
    items = [
        element("li", element("span", class_=f"stroke k{number}", aria_hidden="true"), name)
        for number, name in enumerate(names, 1)
    ]
    return element("ul", *items, class_="key")


def _points(steps: Iterable[Step], value: Callable[[Step], float | None]) -> list[Point]:
    pairs = [(step, value(step)) for step in steps]
    return [Point(step["rate"], float(found), step["holds"]) for step, found in pairs if found is not None]


def _times(steps: Sequence[Step]) -> list[Series]:
    return [Series(name, _points(steps, partial(_time, name))) for name in ("p50", "p99")]


def _time(name: str, step: Step) -> float | None:
    found = step["response_ms"][name]
    return None if found is None else float(found)


def _shares(steps: Sequence[Step]) -> list[Series]:
    names = {"without an answer that counts": "failed", "sent again": "retransmissions"}
    return [Series(name, _points(steps, partial(_share, field))) for name, field in names.items()]


def _share(field: str, step: Step) -> float | None:
    return 100 * float(step[field]) / step["sent"] if step["sent"] else None


def _counters(names: Sequence[str], steps: Sequence[Step]) -> list[Series]:
    return [Series(name, _points(steps, partial(_loss, name))) for name in names]


def _loss(name: str, step: Step) -> float:
    return float(step["losses"].get(name, 0))


def _processors(steps: Sequence[Step]) -> list[Series]:
    kinds: dict[str, Callable[[Sequence[float]], float]] = {"busiest": max, "mean": _mean}
    return [
        Series(f"{host}, {kind}", _points(steps, partial(_busy_share, host, of_all)))
        for host in ("target", "generator")
        for kind, of_all in kinds.items()
    ]


def _mean(shares: Sequence[float]) -> float:
    return sum(shares) / len(shares)


def _busy_share(host: str, of_all: Callable[[Sequence[float]], float], step: Step) -> float | None:
    shares = step["processors"][host]
    return of_all(shares) if shares else None


# --- the steps -------------------------------------------------------------------------------

STEP_HEADS = (
    *("Rate/s", "Verdict", "Seconds", "Stall ms", "Asked", "Sent", "Answered", "Failed", "Sent again"),
    *("p50 ms", "p99 ms", "Max ms", "Answers", "Lost by target", "Dropped by sockets", "Lost by generator"),
    *("Target's processors %", "Generator's processors %", "Why"),
)


def _steps(target: Target, run: Run) -> Markup:
    state = STATE_WORDS[run["state"]]
    label = f"Steps of {target['name']}, {state}"
    heading = f"All {len(run['steps'])} steps, {state}" if len(run["steps"]) > 1 else f"The one step, {state}"
    rows = [_step_cells(step) for step in run["steps"]]
    return element("details", element("summary", heading), _table(label, STEP_HEADS, rows, "steps"))


def _step_cells(step: Step) -> Sequence[object]:
    times = step["response_ms"]
    return (
        rate_text(step["rate"]),
        element("span", "holds" if step["holds"] else "gives", class_=f"badge {'good' if step['holds'] else 'bad'}"),
        f"{step['seconds']:g}",
        f"{step['stall_ms']:,}",
        *(f"{step[name]:,}" for name in ("asked", "sent", "answered", "failed", "retransmissions")),
        *("–" if times[name] is None else amount(times[name]) for name in ("p50", "p99", "max")),
        _listed(step["statuses"]),
        _listed(step["losses"]),
        _listed({one["name"]: one["drops"] for one in step["sockets"] if one["drops"]}),
        _listed(step["generator_losses"]),
        _busy(step["processors"]["target"]),
        _busy(step["processors"]["generator"]),
        element("ul", *(element("li", _reason(one)) for one in step["reasons"])) if step["reasons"] else "–",
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items() if count) or "–"


def _busy(shares: Sequence[float]) -> str:
    more = len(shares) - MOST_PROCESSORS
    words = ", ".join(f"{share:.0f}" for share in shares[:MOST_PROCESSORS])
    return f"{words} and {more} more" if more > 0 else words or "–"
