# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports in Prometheus' text format, for the textfile collector of node_exporter.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format". No line has a timestamp, as
the collector refuses those.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

PREFIX = "siptune"
Number = int | float
Sample = tuple[dict[str, str], Number | None]


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


def with_others(families: Iterable[Family], former: str, others: Collection[str]) -> list[Family]:
    """The families with what the hosts `others`, which a report has left out, have in the `former` file."""
    known = {one.name: one for one in families}
    for name, kept in _of_hosts(former, others).items():
        one = known.setdefault(name, kept)
        known[name] = one._replace(samples={**one.samples, **kept.samples})
    return list(known.values())


def text_of(families: Iterable[Family]) -> str:
    """The whole file, a family of samples after the other."""
    return "".join(f"{line}\n" for one in families for line in _lines(one))


def hosts_in(former: str, metric: str) -> set[str]:
    """The hosts that an earlier file has samples of, by a metric that each of them has."""
    return {host for name, host, _labels, _value in _samples(former) if name == metric}


# A sample of a host, as this file writes them: the label `host` comes first.
_SAMPLE = re.compile(r'(siptune_[a-z0-9_]+)(\{host="((?:[^"\\]|\\.)*)"[^\n]*\}) (-?[0-9]{1,20}(?:\.[0-9]{1,20})?)')
_HEAD = re.compile(r"# (HELP|TYPE) (siptune_[a-z0-9_]+) ([^\n]*)")


def _samples(former: str) -> Iterator[tuple[str, str, str, Number]]:
    for line in former.split("\n"):
        found = _SAMPLE.fullmatch(line)
        if found:
            name, labels, host, value = found.groups()
            yield name, _unescaped(host), labels, float(value) if "." in value else int(value)


def _of_hosts(former: str, hosts: Collection[str]) -> dict[str, Family]:
    """The families of an earlier file with the samples of these hosts alone."""
    found: dict[str, Family] = {}
    heads = {(kind, name): text for kind, name, text in _HEAD.findall(former)}
    for name, host, labels, value in _samples(former):
        kind, help_text = heads.get(("TYPE", name)), heads.get(("HELP", name), "")
        if host in hosts and kind in ("gauge", "counter"):
            found.setdefault(name, Family(name, kind, help_text, {})).samples[labels] = value
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
