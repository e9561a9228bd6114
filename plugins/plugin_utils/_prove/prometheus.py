# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof's metrics: of each host the last proof of each scenario and transport that came to its end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from .._reports.exposition import Family, Labels, Number, Sample, family, labels_in, text_of, with_former
from .document import FAILED, last_run, verdict
from .model import SCENARIOS, TRANSPORTS

TIMESTAMP = "siptune_prove_timestamp_seconds"
Key = tuple[str, str, str]  # host, scenario and transport


def render(proof: Mapping[str, Any], former: str = "", others: Collection[str] = ()) -> str:
    """The whole file, a family of samples after the other.

    `others` are hosts that this proof has left out. They, and hosts that could not be proved, keep the samples that
    they have in the `former` file, so that a failed proof does not make the last good one look young, or vanish. So do
    the other scenarios and transports of a host. Nothing is kept of hosts that the inventory has no more.
    """
    kept = earlier(proof, former, others)
    return text_of(with_former(_families(proof), former, lambda labels: _key(labels) in kept))


def earlier(proof: Mapping[str, Any], former: str, others: Collection[str]) -> set[Key]:
    """The proofs of the `former` file that stay in it, each by its host, scenario and transport."""
    hosts = {*others, *(target["name"] for target in proof["targets"])}
    now = {_key(_labels(target)) for target in proof["targets"] if verdict(target) != FAILED}
    found = {_key(labels) for labels in labels_in(former, TIMESTAMP)} - now
    # No other ones can be made again, and so a host has no more than these.
    return {key for key in found if key[0] in hosts and key[1] in SCENARIOS and key[2] in TRANSPORTS}


def _key(labels: Labels) -> Key:
    return labels["host"], labels.get("scenario", ""), labels.get("transport", "")


def _families(proof: Mapping[str, Any]) -> Iterator[Family]:
    targets = [target for target in proof["targets"] if verdict(target) != FAILED]
    generated = int(datetime.fromisoformat(proof["generated_at"]).timestamp())
    when: list[Sample] = [(_labels(target), generated) for target in targets]
    yield family("prove_timestamp_seconds", "gauge", "When the host was last proved to the end.", when)
    yield family("prove_highest_rate", "gauge", "The highest rate that held, a second; 0 if none did.", _rates(targets))
    contracts = ((target, target["contract"] or {}) for target in targets)
    asked: Iterator[Sample] = ((_labels(target), _plain(contract.get("rate"))) for target, contract in contracts)
    yield family("prove_contract_rate", "gauge", "The rate that the capacity contract asks for, a second.", asked)
    yield family(
        "prove_contract_holds", "gauge", "1 if the contract holds, 0 if not; absent if undecided.", _holds(targets)
    )
    yield family(
        "prove_headroom_ratio",
        "gauge",
        "How far the highest rate is above the contract; negative below.",
        _room(targets),
    )


def _rates(targets: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for target in targets:
        run = last_run(target) or {}
        yield _labels(target), _plain(run.get("highest_rate") or 0)


def _holds(targets: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for target in targets:
        holds = (last_run(target) or {}).get("contract_holds")
        yield _labels(target), None if holds is None else int(holds)


def _room(targets: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for target in targets:
        percent = (last_run(target) or {}).get("headroom_percent")
        yield _labels(target), None if percent is None else _plain(percent / 100)


def _labels(target: Mapping[str, Any]) -> Labels:
    return {"host": target["name"], "scenario": target["scenario"], "transport": target["transport"]}


def _plain(value: float | None) -> Number | None:
    """A number without an exponent, which is read back from the file by the next proof."""
    if value is None or value == int(value):
        return None if value is None else int(value)
    return round(value, 3)
