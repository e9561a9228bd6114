# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history of several files of ours, with boots, edits by others and lost records, goes back exactly.

Exact means: each key has the value from before our first change, unless somebody else has set it since, which is kept
and named. What a lost record would have said counts from then on as the host's own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import KEPT, Outcome
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import read_originals
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import display_name, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import parse_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from sysctl_kernel import DEFAULTS, KernelHost

OWNERS = ("/etc/sysctl.d/80-b.conf", "/etc/sysctl.d/90-a.conf", "/etc/sysctl.d/95-c.conf")
MEMORY = "/dev/shm"  # each step syncs files to the disk, which takes most of the time elsewhere


def run(host: KernelHost, path: str, wanted: dict[str, Any], when: str = "both") -> Outcome:
    request = Request(path, parse_settings(wanted), when)
    observed = observe(host, request)
    planned = plan(request, observed)
    return all_or_nothing(lambda log: apply(host, request, observed, planned, log))


def predicted_change(host: KernelHost, path: str, wanted: dict[str, Any], when: str) -> bool:
    request = Request(path, parse_settings(wanted), when)
    return plan(request, observe(host, request)).changed


def files_of(root: Path) -> dict[str, bytes]:
    """All files below /etc and /var/lib."""
    found = [path for top in ("etc", "var") for path in (root / top).rglob("*")]
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"" for path in found}


class History:
    """A host, and the values that it must have in the end."""

    def __init__(self, root: Path) -> None:
        self.host = KernelHost(root)
        self.root = root
        self.start = files_of(root)
        self.expected = dict(DEFAULTS)  # the values of the keys before us
        self.others: dict[str, str] = {}  # what somebody else has set since, and we have not
        self.reset: set[str] = set()  # keys whose value from before us a boot may have taken away
        self.lost: set[str] = set()  # keys whose record was lost
        self.named: set[str] = set()

    def step(self, kind: str, *words: Any) -> None:
        getattr(self, kind)(*words)

    def present(self, path: str, wanted: dict[str, Any], when: str) -> None:
        before = self.host.live()
        try:
            run(self.host, path, wanted, when)
        except RefusedError as error:  # beyond the bound that another key sets
            assert (self.host.live(), error.not_undone) == (before, [])  # noqa: PT017 - it may be refused or not
            return
        assert not predicted_change(self.host, path, wanted, when)
        live = self.host.live()
        self.others = {key: value for key, value in self.others.items() if live[key] == value}

    def absent(self, path: str) -> None:
        outcome = run(self.host, path, {})
        self.named |= {change.item for change in outcome.changes if change.state == KEPT}
        assert not predicted_change(self.host, path, {}, "both")

    def boot(self) -> None:
        self.host.boot()
        live = self.host.live()
        self.others.clear()
        recorded = read_originals(self.host).keys
        self.reset = {key for key in recorded if self.expected[key] != DEFAULTS[key]}
        for key in set(live) - set(recorded):
            self.expected[key] = live[key] if key in self.lost else DEFAULTS[key]

    def edit(self, key: str, value: str) -> None:
        """Somebody else sets a key of the running kernel."""
        self.host.write_kernel(f"/proc/sys/{key}", value)
        if key in read_originals(self.host).keys:
            self.others[key] = value
        else:
            self.expected[key] = value

    def lose(self) -> None:
        """The record is gone, so that what it had is not known any more."""
        shutil.rmtree(self.root / "var/lib/siptune", ignore_errors=True)
        self.expected = self.host.live()
        self.lost, self.reset = set(self.expected), set()
        self.others.clear()

    def end(self) -> None:
        for path in OWNERS:
            self.absent(path)
        live = self.host.live()
        for key, value in live.items():
            allowed = {self.expected[key], self.others.get(key, self.expected[key])}
            if key in self.reset:
                allowed.add(DEFAULTS[key])
            assert value in allowed, f"{key} is {value}, not {allowed}"
            if value != self.expected[key]:
                assert display_name(key) in self.named, f"{key} is not named"
        assert files_of(self.root) == self.start


def play(steps: Sequence[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if Path(MEMORY).is_dir() else None) as directory:
        history = History(Path(directory))
        for step in steps:
            history.step(*step)
        history.end()


NUMBERS = {
    "net.core.somaxconn": [4096, 5000, 9000],
    "net.core.rmem_max": [65536, 212992, 4194304],
    "net.ipv4.tcp_sack": [0, 1],
    "net.ipv4.tcp_rmem": ["8192", "4096", "8192 200000", "8192 200000 9000000", "4096 131072 6291456"],
    "net.ipv4.ipfrag_low_thresh": [1000000, 3145728, 5000000],
    "net.ipv4.ipfrag_high_thresh": [2000000, 4194304, 6000000],
    "net.ipv4.ip_unprivileged_port_start": [0, 1024, 40000],
    "net.ipv4.ip_local_port_range": ["500 900", "16384 32767", "45000 60999"],
    "net.ipv4.conf.eth0.rp_filter": [0, 1, 2],
    "net.ipv4.conf.default.rp_filter": [0, 1, 2],
    "net.ipv4.conf.*.rp_filter": [0, 1, 2],
    "net.ipv4.conf.all.accept_redirects": [0, 1],
    "net.ipv4.conf.*.accept_redirects": [0],
    "net.ipv4.conf.eth1.forwarding": [0, 1],
    "net.ipv6.conf.eth0.forwarding": [0, 1],
    "net.ipv6.conf.default.forwarding": [0, 1],
    "net.ipv6.conf.all.forwarding": [0, 1],
    "net.ipv4.ip_forward": [0, 1],
    "net.ipv4.conf.all.forwarding": [0, 1],
    "net.nf_conntrack_max": [262144, 300000],
    "net.netfilter.nf_conntrack_max": [262144, 300000],
    "vm.dirty_bytes": [1000000, 2000000],
    "vm.dirty_ratio": [10, 20],
}
BOUNDABLE = ("net.core.somaxconn", "net.core.rmem_max")
APART = [
    ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"),
    ("vm.dirty_bytes", "vm.dirty_ratio"),
    ("net.nf_conntrack_max", "net.netfilter.nf_conntrack_max"),
]


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """Settings that a call accepts: no two of one switch."""
    keys = draw(st.lists(st.sampled_from(sorted(NUMBERS)), max_size=4, unique=True))
    for first, second in APART:
        if first in keys and second in keys:
            keys.remove(second)
    wanted: dict[str, Any] = {}
    for key in keys:
        rule = draw(st.sampled_from(["exact", "at_least", "at_most"])) if key in BOUNDABLE else "exact"
        wanted[key] = {"value": draw(st.sampled_from(NUMBERS[key])), "rule": rule}
    return wanted


def histories(owners: Sequence[str], *more: Any) -> Any:
    step = st.one_of(
        st.tuples(st.just("present"), st.sampled_from(owners), wishes(), st.sampled_from(["both", "now", "boot"])),
        st.tuples(st.just("absent"), st.sampled_from(owners)),
        st.tuples(st.just("boot")),
        *more,
    )
    return st.lists(step, max_size=7)


edits = st.tuples(
    st.just("edit"),
    st.sampled_from([parse_key(key) for key in (*BOUNDABLE, "net.ipv4.conf.lo.rp_filter")]),
    st.sampled_from(["7777", "6666"]),
)
losses = st.tuples(st.just("lose"))


@settings(max_examples=150)
@given(histories(OWNERS[:1]))
def test_one_file_with_boots(steps: list[tuple[Any, ...]]) -> None:
    play(steps)


@settings(max_examples=250)
@given(histories(OWNERS[:2]))
def test_two_files_with_boots(steps: list[tuple[Any, ...]]) -> None:
    play(steps)


@settings(max_examples=250)
@given(histories(OWNERS, edits, losses))
def test_three_files_with_boots_edits_and_lost_records(steps: list[tuple[Any, ...]]) -> None:
    play(steps)
