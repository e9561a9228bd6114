# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history of several files of ours, with boots, edits by others and lost records, goes back exactly.

Exact means: each key has the value from before our first change, unless somebody else has set it since, which is kept
and named. What a lost record would have said counts from then on as the host's own.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import KEPT, REFUSED, Outcome
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import read_originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.host import HostError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import display_name, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import parse_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from sysctl_kernel import DEFAULTS, IPV4, KernelHost

OWNERS = ("/etc/sysctl.d/80-b.conf", "/etc/sysctl.d/90-a.conf", "/etc/sysctl.d/95-c.conf")
# The same histories in every run, so that a failure is the change under test; SIPTUNE_EXPLORE=1 tries new ones.
EXPLORE = bool(os.environ.get("SIPTUNE_EXPLORE"))
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
        before, not_undone = self.host.live(), []
        try:
            outcome = run(self.host, path, wanted, when)
        except RefusedError as error:  # beyond the bound that another key sets
            outcome, not_undone = None, error.not_undone
        if outcome is None:
            assert (self.host.live(), not_undone) == (before, [])
            return
        self.check_done(outcome, path, wanted, when)
        live = self.host.live()
        self.others = {key: value for key, value in self.others.items() if live[key] == value}

    def absent(self, path: str) -> None:
        outcome = run(self.host, path, {})
        self.check_done(outcome, path, {}, "both")

    def check_done(self, outcome: Outcome, path: str, wanted: dict[str, Any], when: str) -> None:
        """The same call changes nothing more, unless it tries again what the kernel has refused."""
        self.named |= {change.item for change in outcome.changes if change.state == KEPT}
        if not any(change.state == REFUSED for change in outcome.changes):
            assert not predicted_change(self.host, path, wanted, when)

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
        record = read_originals(self.host).keys.get(key)
        if record is not None and (record.cause is None or record.left != record.value):
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
        for path in (*OWNERS, *OWNERS):  # what a key of a later file forbids goes back with a later run
            self.absent(path)
        live = self.host.live()
        for key, value in live.items():
            allowed = {self.expected[key], self.others.get(key, self.expected[key])}
            if key in self.reset:
                allowed.add(DEFAULTS[key])
            # Of a vector, each field is put back for itself.
            fields = zip(value.split(), *(one.split() for one in allowed))
            assert all(field in known for field, *known in fields), f"{key} is {value}, not {allowed}"
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
    "net.ipv4.ip_local_port_range": ["500 4900", "16384 32767", "45000 60999"],
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


A, B, C = OWNERS[1], OWNERS[0], OWNERS[2]
BOTH_FORWARD = [
    ("present", A, {"net.ipv4.ip_forward": 1}, "both"),
    ("present", B, {"net.ipv4.conf.all.forwarding": 1}, "both"),
]
HISTORIES = {
    "a boot takes another file's value": [
        ("present", A, {"net.core.somaxconn": 5000}, "both"),
        ("present", B, {"net.core.somaxconn": 9000}, "both"),
        ("boot",),
        ("absent", B),
    ],
    "one switch, the first name goes first": [*BOTH_FORWARD, ("absent", A), ("boot",), ("absent", B)],
    "one switch, the other name goes first": [*BOTH_FORWARD, ("boot",), ("absent", B), ("absent", A)],
    "an interface within a switch": [
        ("present", A, {"net.ipv6.conf.all.forwarding": 1}, "both"),
        ("present", B, {"net.ipv6.conf.eth0.forwarding": 0}, "both"),
        ("boot",),
        ("absent", A),
    ],
    "only at boot": [("present", A, {"net.ipv4.ip_forward": 1, "net.core.somaxconn": 9}, "boot"), ("boot",)],
    "only at boot, dropped live": [
        ("present", A, {"net.core.somaxconn": 9000}, "boot"),
        ("boot",),
        ("present", A, {}, "boot"),
    ],
    "dropped now, and the file stays": [
        ("present", A, {"net.ipv6.conf.all.forwarding": 1}, "both"),
        ("present", A, {}, "now"),
        ("boot",),
    ],
    "the default reaches an interface at boot only": [
        ("present", B, {"net.ipv4.conf.*.rp_filter": 1}, "both"),
        ("present", B, {}, "both"),
        ("present", A, {"net.ipv4.conf.default.rp_filter": 2}, "both"),
        ("boot",),
    ],
    "ratio and bytes of two files": [
        ("present", A, {"vm.dirty_ratio": 10}, "both"),
        ("present", B, {"vm.dirty_bytes": 2000000}, "both"),
        ("boot",),
        ("absent", B),
    ],
    "the default reaches an interface again after a boot": [
        ("present", A, {"net.ipv4.conf.*.rp_filter": 1}, "now"),
        ("boot",),
        ("present", A, {"net.ipv4.conf.default.rp_filter": 2}, "both"),
    ],
    "bytes at boot, and the ratio that was there": [
        ("present", B, {"vm.dirty_bytes": 1000000}, "boot"),
        ("present", A, {"vm.dirty_ratio": 20}, "now"),
        ("boot",),
    ],
    "a bound of the other file": [
        ("present", B, {"net.ipv4.ip_unprivileged_port_start": 0}, "both"),
        ("present", A, {"net.ipv4.ip_local_port_range": "500 4900"}, "both"),
    ],
    "a lost record": [
        ("present", A, {"net.core.somaxconn": 5000}, "both"),
        ("lose",),
        ("present", A, {"net.core.somaxconn": 9000}, "both"),
    ],
    "a vector of one field and one of three": [
        ("present", A, {"net.ipv4.tcp_rmem": "8192 200000 9000000"}, "both"),
        ("present", B, {"net.ipv4.tcp_rmem": "4096"}, "now"),
        ("absent", A),
    ],
}


@pytest.mark.parametrize("steps", HISTORIES.values(), ids=list(HISTORIES))
def test_a_history(steps: list[tuple[Any, ...]]) -> None:
    play(steps)


LOW, HIGH = "net/ipv4/ipfrag_low_thresh", "net/ipv4/ipfrag_high_thresh"
START, RANGE = "net/ipv4/ip_unprivileged_port_start", "net/ipv4/ip_local_port_range"
BOUNDED = [
    pytest.param({LOW: "5000000", HIGH: "6000000"}, id="both up"),
    pytest.param({LOW: "1000000", HIGH: "2000000"}, id="both down"),
    pytest.param({START: "50000", RANGE: "55000 60999"}, id="ports up"),
    pytest.param({START: "80", RANGE: "500 4900"}, id="ports down"),
]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("first", BOUNDED)
@pytest.mark.parametrize("second", BOUNDED)
def test_keys_that_bound_each_other_move_in_any_order(
    tmp_path: Path, first: dict[str, str], second: dict[str, str], backwards: bool
) -> None:
    host = KernelHost(tmp_path)
    for wanted in (first, second, dict(list(second.items())[:1]) if first == second else first, second):
        order = reversed(list(wanted.items())) if backwards else wanted.items()
        try:
            changes = run(host, A, dict(order)).changes
        except RefusedError:
            continue  # one alone may be beyond the other's original
        if any(change.state == REFUSED for change in changes):
            continue
        assert {key: host.value(key) for key in wanted} == wanted
        live = host.live()
        host.boot()
        assert host.live() == live
    run(host, A, {})
    assert host.live() == DEFAULTS


@pytest.mark.parametrize("when", ["both", "now", "boot"])
@pytest.mark.parametrize("rule", ["exact", "at_least"])
def test_a_run_makes_of_interfaces_what_a_boot_makes(tmp_path: Path, rule: str, when: str) -> None:
    host = KernelHost(tmp_path)
    run(host, A, {"net.ipv4.conf.default.rp_filter": {"value": 2, "rule": rule}}, when)
    tuned = host.live()
    assert host.value(f"{IPV4}/lo/rp_filter") == "0"
    host.boot()
    assert (host.live() == tuned) is (when == "both")
    run(host, A, {})
    assert host.live() == DEFAULTS


def test_a_short_vector_takes_back_only_its_own_field(tmp_path: Path) -> None:
    host = KernelHost(tmp_path)
    run(host, A, {"net.ipv4.tcp_rmem": "8192"})
    host.write_kernel("/proc/sys/net/ipv4/tcp_rmem", "8192 131072 7000000")
    run(host, A, {})
    assert host.value("net/ipv4/tcp_rmem") == "4096 131072 7000000"


def test_the_other_file_gets_what_it_wants_back(tmp_path: Path) -> None:
    host = KernelHost(tmp_path)
    run(host, A, {"net.core.somaxconn": 5000})
    run(host, B, {"net.core.somaxconn": 9000})
    (change,) = run(host, B, {}).changes
    assert (host.value("net/core/somaxconn"), change.state) == ("5000", "changed")
    assert A in change.why


@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL, errno.EIO])
def test_a_key_that_cannot_go_back_is_named_and_goes_back_later(tmp_path: Path, number: int) -> None:
    host = KernelHost(tmp_path)
    run(host, A, {"net.core.somaxconn": 5000, "net.ipv4.tcp_sack": 0, "net.core.rmem_max": 4194304})
    host.refuses["net/ipv4/tcp_sack"] = number
    states = {change.item: change.state for change in run(host, A, {}).changes}
    assert states == {"net.core.somaxconn": "changed", "net.ipv4.tcp_sack": "refused", "net.core.rmem_max": "changed"}
    assert not (tmp_path / A[1:]).exists()
    host.refuses.clear()
    run(host, A, {})
    assert (host.live(), read_originals(host)) == (DEFAULTS, NOTHING)


@pytest.mark.parametrize("rename", [False, True])
@pytest.mark.parametrize("wanted", ["net.ipv4.conf.eth1.rp_filter", "net.ipv4.conf.*.rp_filter"])
def test_the_original_of_an_interface_that_is_away_stays_on_record(tmp_path: Path, wanted: str, rename: bool) -> None:
    host = KernelHost(tmp_path)
    run(host, A, {wanted: 2, "net.core.somaxconn": 5000})
    if rename:
        host.rename_interface("eth1", "lan0")
    else:
        host.lose_interface("eth1")
    for check in (True, False):
        request = Request(A, [], "both")
        changes = plan(request, observe(host, request)).changes if check else run(host, A, {}).changes
        (away,) = [change for change in changes if change.item == "net.ipv4.conf.eth1.rp_filter"]
        assert (away.state, "there is no interface eth1 now" in away.reason) == ("absent", True)
    assert host.value("net/core/somaxconn") == "4096"
    kept = rename or "*" not in wanted  # a glob's value ends with its interface
    assert list(read_originals(host).keys) == (["net/ipv4/conf/eth1/rp_filter"] if kept else [])
    if rename:
        host.rename_interface("lan0", "eth1")
        run(host, A, {})
        assert (host.live(), read_originals(host)) == (DEFAULTS, NOTHING)


class Vanishing(KernelHost):
    """A host that loses an interface while keys are written, and then may refuse one."""

    fails = False

    def write_kernel(self, path: str, text: str) -> None:
        if self.exists(f"/proc/sys/{IPV4}/eth1") and "/lo/" in path:
            self.lose_interface("eth1")
            if self.fails:
                raise HostError(path, "refused (EPERM)", errno.EPERM)
        super().write_kernel(path, text)


@pytest.mark.parametrize("fails", [False, True])
def test_an_interface_that_goes_away_during_the_run(tmp_path: Path, fails: bool) -> None:
    host = Vanishing(tmp_path)
    wanted = {"net.ipv4.conf.*.rp_filter": 2, "net.core.somaxconn": 5000}
    if fails:
        host.fails = True
        with pytest.raises(RefusedError) as caught:
            run(host, A, wanted)
        assert caught.value.not_undone == []
    else:
        states = {change.item: change.state for change in run(host, A, wanted).changes}
        assert states["net.ipv4.conf.eth1.rp_filter"] in ("absent", "changed")
        assert states["net.ipv4.conf.lo.rp_filter"] == "changed"
        run(host, A, {})
    assert host.live() == {key: value for key, value in DEFAULTS.items() if "/eth1/" not in key}
    assert read_originals(host) == NOTHING


def test_a_link_in_place_of_our_file_does_not_keep_the_keys(tmp_path: Path) -> None:
    host = KernelHost(tmp_path)
    run(host, A, {"net.core.somaxconn": 5000})
    (tmp_path / A[1:]).rename(tmp_path / "etc/elsewhere")
    (tmp_path / A[1:]).symlink_to("../elsewhere")
    states = {change.item: (change.state, change.reason) for change in run(host, A, {}).changes}
    assert states[A] == ("refused", "is a symbolic link, which is never followed")
    assert host.live() == DEFAULTS
    assert list(read_originals(host).files) == [A]


@settings(max_examples=60, derandomize=not EXPLORE)
@given(histories(OWNERS[:1]))
def test_one_file_with_boots(steps: list[tuple[Any, ...]]) -> None:
    play(steps)


@settings(max_examples=120, derandomize=not EXPLORE)
@given(histories(OWNERS[:2]))
def test_two_files_with_boots(steps: list[tuple[Any, ...]]) -> None:
    play(steps)


@settings(max_examples=120, derandomize=not EXPLORE)
@given(histories(OWNERS, edits, losses))
def test_three_files_with_boots_edits_and_lost_records(steps: list[tuple[Any, ...]]) -> None:
    play(steps)
