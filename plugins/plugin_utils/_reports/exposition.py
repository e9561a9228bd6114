# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports in Prometheus' text format, for the textfile collector of node_exporter.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format". No line has a timestamp, as
the collector refuses those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

PREFIX = "siptune"
Number = int | float
Labels = dict[str, str]
Sample = tuple[Labels, Number | None]


class Family(NamedTuple):
    """The samples of one metric: values by their labels as they are written, `{host="sbc1"}`."""

    name: str
    kind: str
    help: str
    samples: dict[str, Number]


def family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> Family:
    """A family, without samples whose value is unknown.

    A sample that comes twice would make the collector refuse the whole file, so that the first one counts.
    """
    values: dict[str, Number] = {}
    for labels, value in samples:
        if value is not None:
            values.setdefault(_labels(labels), value)
    return Family(f"{PREFIX}_{name}", kind, _escaped(help_text), values)


def with_former(families: Iterable[Family], former: str, keeps: Callable[[Labels], bool]) -> list[Family]:
    """The families with those samples of the `former` file that are kept: of what a report has left out."""
    known = {one.name: one for one in families}
    for name, kept in _kept(former, keeps).items():
        one = known.setdefault(name, kept)
        known[name] = one._replace(samples={**one.samples, **kept.samples})
    return list(known.values())


def text_of(families: Iterable[Family]) -> str:
    """The whole file, a family of samples after the other."""
    return "".join(f"{line}\n" for one in families for line in _lines(one))


def labels_in(former: str, metric: str) -> list[Labels]:
    """The labels of the samples of a metric in an earlier file."""
    return [labels for name, labels, _written, _value in _samples(former) if name == metric]


def hosts_in(former: str, metric: str) -> set[str]:
    """The hosts that an earlier file has samples of, by a metric that each of them has."""
    return {labels["host"] for labels in labels_in(former, metric)}


# A sample of a host, as this file writes them: the label `host` comes first.
_SAMPLE = re.compile(r'(siptune_[a-z0-9_]+)(\{host="(?:[^"\\]|\\.)*"[^\n]*\}) (-?[0-9]{1,20}(?:\.[0-9]{1,20})?)')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_HEAD = re.compile(r"# (HELP|TYPE) (siptune_[a-z0-9_]+) ([^\n]*)")


def _samples(former: str) -> Iterator[tuple[str, Labels, str, Number]]:
    """Name, labels, the same as they are written, and value of each sample."""
    for line in former.split("\n"):
        found = _SAMPLE.fullmatch(line)
        if found:
            name, written, value = found.groups()
            labels = {label: _unescaped(text) for label, text in _LABEL.findall(written)}
            yield name, labels, written, float(value) if "." in value else int(value)


def _kept(former: str, keeps: Callable[[Labels], bool]) -> dict[str, Family]:
    """The families of an earlier file with the samples that are kept alone."""
    found: dict[str, Family] = {}
    heads = {(kind, name): text for kind, name, text in _HEAD.findall(former)}
    for name, labels, written, value in _samples(former):
        kind, help_text = heads.get(("TYPE", name)), heads.get(("HELP", name), "")
        if kind in ("gauge", "counter") and keeps(labels):
            found.setdefault(name, Family(name, kind, help_text, {})).samples[written] = value
    return found


def _lines(family: Family) -> list[str]:
    """A family's lines; none at all where there is no sample."""
    lines = [f"{family.name}{labels} {value}" for labels, value in family.samples.items()]
    return [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}", *lines] if lines else []


def _labels(labels: Mapping[str, str]) -> str:
    pairs = [f'{name}="{_escaped(value, quote=True)}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found.group(1), found.group(1)), value)


def _escaped(value: str, quote: bool = False) -> str:
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quote else escaped
