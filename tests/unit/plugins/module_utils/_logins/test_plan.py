# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import text_of
from ansible_collections.siptune.linux.plugins.module_utils._host.accounts import Account
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import HEADING, INFINITE, LimitsError
from ansible_collections.siptune.linux.plugins.module_utils._logins.pam import NOT_INSTALLED, PamLimits, Service
from ansible_collections.siptune.linux.plugins.module_utils._logins.plan import (
    Directory,
    Observed,
    Plan,
    Request,
    Start,
    finalize,
    highest_nofile,
    plan,
)
from ansible_collections.siptune.linux.plugins.module_utils._logins.settings import parse_limits
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import (
    KERNEL_NR_OPEN,
    SYSTEMD_NR_OPEN,
    NrOpen,
)
from hypothesis import given
from hypothesis import strategies as st

PATH = "/etc/security/limits.d/90-test.conf"
MAIN = "/etc/security/limits.conf"
LATER = "/etc/security/limits.d/99-local.conf"
EARLIER = "/etc/security/limits.d/10-base.conf"

ASTERISK = Account("asterisk", 4321, 4321, frozenset({4321, 4400}), frozenset({"asterisk", "voip"}))
ROOT = Account("root", 0, 0, frozenset({0}), frozenset({"root"}))
DEBIAN = PamLimits(spares_root=True)
UPSTREAM = PamLimits()
OLD = PamLimits(maps_nofile=False, spares_root=True, knows_nonewprivs=False, knows_rttime=False)
HARD = {"nofile": 524288, "nproc": 31275, "core": INFINITE, "nice": 0, "rtprio": 0, "memlock": 8388608, "cpu": INFINITE}


def host(**changes: Any) -> Observed:
    """An ordinary host with nothing but an empty limits.conf, and for what is given."""
    found = Observed(
        own=None,
        others={MAIN: "# empty\n"},
        originals=NOTHING,
        owner=(0, 0),
        directory=Directory(
            {"asterisk": ASTERISK, "root": ROOT}, {0: ROOT, 4321: ASTERISK}, {"voip": 4400}, {4400: "voip"}
        ),
        pam=DEBIAN,
        services=[Service("su", True, "/etc/pam.d/su", 3), Service("login", None)],
        nr_open=NrOpen(KERNEL_NR_OPEN, KERNEL_NR_OPEN),
        start=Start(HARD, "process 1"),
    )
    return found._replace(**changes)


def limit(text: str, why: str = "") -> dict[str, Any]:
    domain, kind, item, value = text.split()
    return {"domain": domain, "type": kind, "item": item, "value": value, "why": why}


def request(*texts: str) -> Request:
    return Request(PATH, parse_limits([limit(text) for text in texts]))


def planned(found: Observed, *texts: str) -> Plan:
    return plan(request(*texts), found)


def items(done: Plan) -> dict[str, Change]:
    return {change.item: change for change in done.changes}


def only(found: Observed, *texts: str) -> Change:
    """The item of the last limit that is given."""
    domain, kind, item, _ = texts[-1].split()
    return items(planned(found, *texts))[f"{domain} {kind} {item}"]


def applied(found: Observed, done: Plan) -> Observed:
    own = done.files[0].after if done.files else found.own
    return found._replace(own=own, originals=finalize(done))


def refused(found: Observed, *texts: str) -> str:
    with pytest.raises(LimitsError) as caught:
        planned(found, *texts)
    domain, kind, item, _ = texts[-1].split()
    assert caught.value.item == f"{domain} {kind} {item}"
    return caught.value.reason


# --- an ordinary run ------------------------------------------------------------------------


def test_a_first_run_says_what_a_login_will_get() -> None:
    found = host(others={MAIN: "* soft nofile 2048\n"})
    done = planned(found, "asterisk soft nofile 65536", "asterisk hard nofile 100000", "@voip both core unlimited")
    assert done.changed
    assert done.warnings == []
    assert items(done) == {
        "@voip both core": Change("@voip both core", "unlimited", None, "unlimited", "unlimited", "changed"),
        "asterisk soft nofile": Change("asterisk soft nofile", "65536", "2048", "65536", "65536", "changed"),
        "asterisk hard nofile": Change("asterisk hard nofile", "100000", None, "100000", "100000", "changed"),
    }
    (file,) = done.files
    assert (file.path, file.before) == (PATH, None)
    assert text_of(file.after) == (
        HEADING + "\n@voip - core unlimited\n\nasterisk soft nofile 65536\n\nasterisk hard nofile 100000\n"
    )
    assert done.originals.files[PATH].record is None


def test_a_second_run_has_nothing_to_do() -> None:
    texts = ("asterisk both nofile 65536", "* hard nproc 4096", "@voip soft core 0")
    found = host()
    after = applied(found, planned(found, *texts))
    again = planned(after, *texts)
    assert not again.changed
    assert {change.state for change in again.changes} == {"ok"}
    assert finalize(again) == after.originals


def test_what_is_no_longer_wanted_is_told() -> None:
    found = host(others={MAIN: "* soft nofile 2048\n"})
    after = applied(found, planned(found, "asterisk soft nofile 65536", "asterisk hard core 0"))
    done = planned(after, "asterisk hard core 0")
    gone = items(done)["asterisk soft nofile"]
    assert (gone.wanted, gone.before, gone.after, gone.state) == (None, "65536", "2048", "changed")
    assert items(done)["asterisk hard core"].state == "ok"


def test_putting_back_gives_the_file_back() -> None:
    original = FileRecord(b"# by hand\nasterisk soft nofile 1111\n", 0o640, 0, 4)
    found = host(own=original)
    after = applied(found, planned(found, "asterisk soft nofile 65536"))
    assert after.own != original
    back = planned(after)
    assert back.files[0].after == original
    (gone,) = back.changes
    assert (gone.item, gone.wanted, gone.before, gone.after) == ("asterisk soft nofile", None, "65536", "1111")
    assert finalize(back).empty
    assert not planned(applied(after, back)).changed


def test_a_file_that_somebody_edited_since_is_left() -> None:
    found = host()
    after = applied(found, planned(found, "asterisk soft nofile 65536"))
    edited = after._replace(own=FileRecord(b"asterisk soft nofile 7\n", 0o644, 0, 0))
    back = planned(edited)
    assert not back.changed
    assert items(back)[PATH].state == "kept"


def test_soft_and_hard_that_differ_are_shown_both() -> None:
    found = host(others={MAIN: "asterisk soft nofile 1024\nasterisk hard nofile 4096\n"})
    assert only(found, "asterisk both nofile 65536").before == "1024:4096"
    found = host(others={MAIN: "asterisk soft nofile 1024\n"})
    assert only(found, "asterisk both nofile 65536").before == "1024:unset"


# --- never lock anyone out ------------------------------------------------------------------

LOW_NOW = NrOpen(1000, KERNEL_NR_OPEN)
LOW_AT_BOOT = NrOpen(KERNEL_NR_OPEN, 1000, "/etc/sysctl.d/50.conf line 7")


@pytest.mark.parametrize("domain", ["asterisk", "root", "*", "@voip", "1000:"])
@pytest.mark.parametrize("kind", ["soft", "hard", "both"])
def test_nofile_above_nr_open(domain: str, kind: str) -> None:
    assert "above fs.nr_open (1000)" in refused(host(nr_open=LOW_NOW), f"{domain} {kind} nofile 1001")
    reason = refused(host(nr_open=LOW_AT_BOOT), f"{domain} {kind} nofile 1001")
    assert "after a boot (1000, /etc/sysctl.d/50.conf line 7)" in reason
    planned(host(nr_open=LOW_NOW), f"{domain} {kind} nofile 1000")
    planned(host(nr_open=LOW_AT_BOOT), f"{domain} {kind} nofile 1000")


@pytest.mark.parametrize("value", ["unlimited", "infinity", "-1"])
def test_nofile_without_limit(value: str) -> None:
    assert "fs.nr_open" in refused(host(pam=OLD), f"asterisk hard nofile {value}")
    found = host(nr_open=NrOpen(SYSTEMD_NR_OPEN, 2000), pam=UPSTREAM)
    change = only(found, f"asterisk both nofile {value}")
    assert (change.after, change.at_boot) == (value, "2000")


def test_what_becomes_of_the_login_is_said_as_this_pam_does_it() -> None:
    assert "PAM the login" in refused(host(nr_open=LOW_NOW, pam=UPSTREAM), "* hard nofile 2000")
    assert "as it was" in refused(host(nr_open=LOW_NOW, pam=DEBIAN), "* hard nofile 2000")


@pytest.mark.parametrize("domain", ["*", "root", "0:", "0:5", ":0"])
def test_nobody_could_become_root(domain: str) -> None:
    assert "sudo" in refused(host(), f"{domain} both nonewprivs 1")
    planned(host(), f"{domain} both nonewprivs 0")


@pytest.mark.parametrize("domain", ["asterisk", "@voip", "1000:"])
def test_others_may_lose_new_privileges(domain: str) -> None:
    assert only(host(), f"{domain} both nonewprivs 1").state == "changed"


CONTAINED = Start(HARD, "sshd", may_raise=False, may_renice=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("asterisk hard nofile 524289", "524288"),
        ("asterisk both nproc unlimited", "31275"),
        ("* hard memlock 8193", "8192"),
        ("asterisk hard nice -1", "20"),
        ("asterisk hard rtprio 1", "0"),
        ("asterisk hard nofile unlimited", "524288"),
    ],
)
def test_in_a_container_hard_limits_are_not_raised(text: str, shown: str) -> None:
    reason = refused(host(start=CONTAINED), text)
    assert f"sshd has {shown}:" in reason
    assert "CAP_SYS_RESOURCE" in reason
    planned(host(), text)


def test_in_a_container_the_rest_still_works() -> None:
    texts = ["asterisk both nofile 524288", "* hard memlock 8192", "asterisk hard core unlimited", "* soft priority 5"]
    assert planned(host(start=CONTAINED), *texts).changed
    assert "CAP_SYS_NICE" in refused(host(start=CONTAINED), "* soft priority -5")
    assert only(host(), "* soft priority -5").state == "changed"


# --- what cannot work -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts",
    [
        ("asterisk hard nofile 1000", "asterisk soft nofile 1001"),
        ("* hard nofile 1000", "asterisk soft nofile 1001"),
        ("@voip hard nofile 1000", "asterisk soft nofile 1001"),
        ("4000: hard nofile 1000", "asterisk soft nofile 1001"),
        ("* hard nofile 1000", "1000:2000 soft nofile 1001"),
        ("@voip hard core 5", "@:4400 soft core unlimited"),
        ("asterisk hard nice -5", "asterisk soft nice -6"),
        ("* hard nofile 5000", "* soft nofile unlimited"),
    ],
)
def test_soft_above_hard(texts: tuple[str, ...]) -> None:
    domain, kind, item, value = texts[0].split()
    assert f"of '{domain} {kind} {item}'" in refused(host(), *texts)
    planned(host(), texts[0], f"{texts[1].rpartition(' ')[0]} {value}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("asterisk soft nofile 524289", "(524288, of process 1)"),
        ("root soft nice -11", "(20, of process 1)"),
        ("* soft nproc unlimited", "(31275, of process 1)"),
        ("asterisk soft memlock unlimited", "(8192, of process 1)"),
    ],
)
def test_a_soft_raise_above_what_a_session_starts_with(text: str, shown: str) -> None:
    assert shown in refused(host(), text)
    planned(host(), text, text.replace("soft", "hard"))
    planned(host(start=Start({}, "")), text)


def test_a_soft_raise_above_another_files_hard_limit() -> None:
    found = host(others={LATER: "\n* hard nofile 1000\n"})
    assert f"{LATER} line 2" in refused(found, "asterisk soft nofile 1001")
    planned(found, "asterisk soft nofile 1000")


def test_two_limits_that_share_one_place() -> None:
    with pytest.raises(LimitsError, match=r"^\* both maxlogins: '\* both maxsyslogins' of the same call overrules it$"):
        planned(host(), "* both maxlogins 3", "* both maxsyslogins 9")


# --- max ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "highest"),
    [
        (host(), 524288),
        (host(nr_open=LOW_NOW), 1000),
        (host(nr_open=LOW_AT_BOOT), 1000),
        (host(nr_open=NrOpen(SYSTEMD_NR_OPEN, SYSTEMD_NR_OPEN)), 524288),
        (host(start=Start({"nofile": 4096}, "sshd", may_raise=False)), 4096),
        (host(start=Start({"nofile": 4096}, "sshd")), 524288),
        (host(start=Start({}, "", may_raise=False)), 524288),
    ],
)
def test_the_highest_nofile_that_is_safe(found: Observed, highest: int) -> None:
    assert highest_nofile(found) == highest
    for kind in ("hard", "both"):
        change = only(found, f"asterisk {kind} nofile max")
        assert (change.wanted, change.after, change.state) == ("max", str(highest), "changed")


def test_a_soft_max_follows_the_hard_limit() -> None:
    done = planned(host(), "asterisk hard nofile 3000", "asterisk soft nofile max", "@voip both nofile max")
    assert items(done)["asterisk soft nofile"].after == "3000"
    assert items(done)["@voip both nofile"].after == "524288"
    assert only(host(others={LATER: "* hard nofile 77\n"}), "asterisk soft nofile max").after == "77"
    assert only(host(start=Start({"nofile": 4096}, "sshd")), "asterisk soft nofile max").after == "4096"


# --- what does not do what it says ----------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "text", "reason"),
    [
        ("asterisk hard nofile 5\n", "asterisk hard nofile 6", "line 1 sets hard nofile 5 for asterisk"),
        ("# x\nasterisk - nofile 5\n", "asterisk both nofile 6", "line 2 sets soft nofile 5 for asterisk"),
        ("4000: hard nofile 5\n", "asterisk hard nofile 6", "line 1 sets hard nofile 5 for 4000:"),
        ("asterisk -\n", "asterisk hard nofile 6", "line 1 lifts all limits for asterisk"),
        ("@voip -\n", "asterisk hard nofile 6", "line 1 lifts all limits for @voip"),
        ("* hard nofile 5\n", "* hard nofile 6", "line 1 sets hard nofile 5 for *"),
        ("1000:3000 hard nofile 5\n", "2000:2500 hard nofile 6", "line 1 sets hard nofile 5 for 1000:3000"),
        ("@:4400 hard nofile 5\n", "@voip hard nofile 6", "line 1 sets hard nofile 5 for @:4400"),
        ("* - priority 5\n", "asterisk soft priority 3", "line 1 sets priority 5 for *"),
        ("* - maxsyslogins 5\n", "* hard maxlogins 6", "line 1 sets maxsyslogins 5 for *"),
    ],
)
def test_a_later_file_wins(other: str, text: str, reason: str) -> None:
    change = only(host(others={LATER: other}), text)
    assert (change.state, change.reason) == ("shadowed", f"{LATER} {reason}")
    assert change.after != text.split()[3]


@pytest.mark.parametrize(
    ("path", "other", "text"),
    [
        (EARLIER, "asterisk hard nofile 5\n", "asterisk hard nofile 6"),
        (MAIN, "asterisk hard nofile 5\n", "asterisk hard nofile 6"),
        (LATER, "asterisk hard nofile 6\n", "asterisk hard nofile 6"),
        (LATER, "asterisk hard nofile unlimited\n", "asterisk hard nofile infinity"),
        (LATER, "* hard nofile 5\n", "asterisk hard nofile 6"),
        (LATER, "@voip hard nofile 5\n", "asterisk hard nofile 6"),
        (LATER, "other hard nofile 5\n", "asterisk hard nofile 6"),
        (LATER, "asterisk hard nofile 5\n", "* hard nofile 6"),
        (LATER, "1000:2200 hard nofile 5\n", "2000:2500 hard nofile 6"),
        (LATER, "asterisk soft nofile 5\n", "asterisk hard nofile 6"),
        (LATER, "asterisk hard nofile what\n", "asterisk hard nofile 6"),
        (LATER, "* -\n", "asterisk hard nofile 6"),
    ],
)
def test_a_file_that_does_not_win_over_all(path: str, other: str, text: str) -> None:
    assert only(host(others={path: other}), text).state == "changed"


def test_a_group_wins_over_everybody_even_from_an_earlier_file() -> None:
    found = host(others={EARLIER: "@voip hard core 5\n"})
    assert only(found, "* hard core 6").state == "changed"
    assert items(planned(found, "* hard core 6", "@voip hard core 7"))["@voip hard core"].state == "changed"


def test_a_shadowed_hard_limit_cuts_the_soft_one_and_both_say_so() -> None:
    found = host(others={LATER: "asterisk hard nofile 100\n"})
    done = items(planned(found, "asterisk hard nofile 5000", "asterisk soft nofile 4000"))
    assert done["asterisk hard nofile"].state == "shadowed"
    assert done["asterisk soft nofile"].state == "shadowed"
    assert done["asterisk soft nofile"].reason == f"cut to the hard limit 100 of {LATER} line 1"


def test_a_file_that_nobody_reads() -> None:
    """The vendor's directory is read first here, which no distribution does; the rule holds all the same."""
    pam = DEBIAN._replace(directories=("/usr/etc/security", "/etc/security"))
    found = host(pam=pam, others={"/usr/etc/security/limits.d/90-test.conf": ""})
    assert "hides it" in only(found, "asterisk hard nofile 5").reason


@pytest.mark.parametrize(
    ("found", "text", "state", "reason"),
    [
        (host(), "asterisk both rss 10000", "absent", "2.4.30"),
        (host(), "asterisk both locks 10", "absent", "2.4.25"),
        (host(pam=OLD), "asterisk both rttime 10", "absent", "does not know rttime"),
        (host(pam=OLD), "asterisk both nonewprivs 1", "absent", "does not know nonewprivs"),
        (host(), "kamailio soft nofile 10", "pending", "no user kamailio"),
        (host(), ":77 soft nofile 10", "pending", "no user with the id 77"),
        (host(), "@kamailio soft nofile 10", "pending", "no group kamailio"),
        (host(), "%kamailio hard maxlogins 10", "pending", "no group kamailio"),
        (host(), "@:77 soft nofile 10", "pending", "no group with the id 77"),
        (host(), "%:77 hard maxlogins 10", "pending", "no group with the id 77"),
        (host(), "* soft core 0", "changed", "does not reach root"),
        (host(pam=UPSTREAM), "* soft core 0", "changed", ""),
        (host(others={MAIN: "root soft core 1\n"}), "* soft core 0", "changed", ""),
        (host(), "asterisk soft core unlimited", "changed", ""),
    ],
)
def test_what_a_line_does_not_do(found: Observed, text: str, state: str, reason: str) -> None:
    change = only(found, text)
    assert change.state == state
    assert reason in change.reason
    assert bool(change.reason) == bool(reason)
    assert text.split()[3] in text_of(planned(found, text).files[0].after)  # it is written all the same


# --- warnings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("services", "part"),
    [
        ([Service("su", True), Service("cron", False, reason="no line in cron")], "sessions of cron: no line in cron"),
        ([Service("su", False, reason="no line in su")], "to no login here: no line in su"),
        ([Service("su", None)], "none of its usual services"),
    ],
)
def test_a_warning_where_pam_applies_no_limits(services: list[Service], part: str) -> None:
    (warning,) = planned(host(services=services), "asterisk soft core 0").warnings
    assert part in warning
    assert planned(host(services=services)).warnings == []


def test_a_warning_where_there_is_no_pam_limits() -> None:
    (warning,) = planned(host(pam=NOT_INSTALLED), "asterisk soft core 0").warnings
    assert "no pam_limits.so" in warning


def test_a_warning_of_another_files_hazard() -> None:
    others = {MAIN: "# x\n* hard nofile 2000000\n", LATER: "root - nofile unlimited\n"}
    (warning,) = planned(host(others=others), "asterisk soft core 0").warnings
    assert f"{MAIN} line 2 sets nofile 2000000 for *, above fs.nr_open (1048576)" in warning
    assert len(planned(host(others=others, pam=OLD), "asterisk soft core 0").warnings) == 2


@pytest.mark.parametrize(
    ("found", "warnings"),
    [
        pytest.param(host(), ["asterisk both core = unlimited: fills the disk."], id="in force"),
        pytest.param(
            host(directory=Directory({}, {}, {}, {})), ["asterisk both core = unlimited: fills the disk."], id="later"
        ),
    ],
)
def test_a_hazard_is_warned_of(found: Observed, warnings: list[str]) -> None:
    wanted = Request(PATH, parse_limits([{**limit("asterisk both core unlimited"), "hazard": "fills the disk."}]))
    assert plan(wanted, found).warnings == warnings


def test_the_hazard_of_a_line_without_effect_is_none() -> None:
    wanted = Request(PATH, parse_limits([{**limit("asterisk both rss 5"), "hazard": "x."}]))
    assert plan(wanted, host()).warnings == []


# --- properties -----------------------------------------------------------------------------

DOMAINS = [
    "asterisk",
    "root",
    "kamailio",
    "@voip",
    "@gone",
    "*",
    "1000:",
    "4000:5000",
    ":4321",
    "@:4400",
    "@1:9",
    "%voip",
]
ITEMS = ["nofile", "core", "nice", "priority", "maxlogins", "cpu", "rss"]
TEXTS = st.builds(
    "{} {} {} {}".format,
    st.sampled_from(DOMAINS),
    st.sampled_from(["soft", "hard", "both"]),
    st.sampled_from(ITEMS),
    st.sampled_from(["1", "19", "4096", "max", "unlimited", "-1"]),
)
OTHERS = st.dictionaries(
    st.sampled_from([MAIN, EARLIER, LATER]),
    st.lists(TEXTS | st.sampled_from(["asterisk -", "@voip -"]), max_size=4).map(
        lambda lines: "".join(line.replace(" both ", " - ") + "\n" for line in lines)
    ),
)


@given(st.lists(TEXTS, max_size=5), OTHERS, st.sampled_from([DEBIAN, UPSTREAM, OLD]))
def test_one_run_is_enough_and_putting_back_is_exact(texts: list[str], others: dict[str, str], pam: PamLimits) -> None:
    found = host(others=others, pam=pam)
    try:
        done = planned(found, *texts)
    except LimitsError:
        return
    after = applied(found, done)
    again = planned(after, *texts)
    assert not again.changed
    assert finalize(again) == after.originals
    for first, second in zip(done.changes, again.changes):
        assert (first.item, first.after, first.at_boot) == (second.item, second.after, second.at_boot)
        assert second.before == second.after
        assert second.state in ("ok", first.state)
    back = planned(after)
    restored = applied(after, back)
    assert (restored.own, restored.originals) == (found.own, found.originals)
    assert not planned(restored).changed


@given(st.lists(TEXTS, min_size=1, max_size=5), OTHERS)
def test_no_plan_writes_a_nofile_above_nr_open(texts: list[str], others: dict[str, str]) -> None:
    found = host(others=others, pam=OLD, nr_open=NrOpen(4096, 2000))
    try:
        done = planned(found, *texts)
    except LimitsError:
        return
    for line in text_of(done.files[0].after).splitlines():
        if " nofile " in line:
            assert int(line.split()[3]) <= 2000
