# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import text_of
from ansible_collections.siptune.linux.plugins.module_utils._logins.model import Directory, Observed, Request
from ansible_collections.siptune.linux.plugins.module_utils._logins.pam import NOT_INSTALLED, Service
from ansible_collections.siptune.linux.plugins.module_utils._logins.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._logins.settings import parse_limits
from login_hosts import DEBIAN, EARLIER, LATER, MAIN, OLD, PATH, UPSTREAM, applied, host, items, limit, only, planned


def test_soft_and_hard_that_differ_are_shown_both() -> None:
    found = host(others={MAIN: "asterisk soft nofile 1024\nasterisk hard nofile 4096\n"})
    assert only(found, "asterisk both nofile 65536").before == "1024:4096"
    found = host(others={MAIN: "asterisk soft nofile 1024\n"})
    assert only(found, "asterisk both nofile 65536").before == "1024:unset"


@pytest.mark.parametrize(
    ("other", "text", "reason"),
    [
        ("asterisk hard nofile 500\n", "asterisk hard nofile 600", "line 1 sets hard nofile 500 for asterisk"),
        ("# x\nasterisk - nofile 5\n", "asterisk both nofile 6", "line 2 sets soft nofile 5 for asterisk"),
        ("4000: hard nofile 500\n", "asterisk hard nofile 600", "line 1 sets hard nofile 500 for 4000:"),
        ("asterisk -\n", "asterisk hard nofile 600", "line 1 lifts all limits for asterisk"),
        ("@voip -\n", "asterisk hard nofile 600", "line 1 lifts all limits for @voip"),
        ("* hard nofile 500\n", "* hard nofile 600", "line 1 sets hard nofile 500 for *"),
        ("1000:3000 hard nofile 500\n", "2000:2500 hard nofile 600", "line 1 sets hard nofile 500 for 1000:3000"),
        ("@:4400 hard nofile 500\n", "@voip hard nofile 600", "line 1 sets hard nofile 500 for @:4400"),
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
        (EARLIER, "asterisk hard nofile 500\n", "asterisk hard nofile 600"),
        (MAIN, "asterisk hard nofile 500\n", "asterisk hard nofile 600"),
        (LATER, "asterisk hard nofile 600\n", "asterisk hard nofile 600"),
        (LATER, "asterisk hard nofile unlimited\n", "asterisk hard nofile infinity"),
        (LATER, "* hard nofile 500\n", "asterisk hard nofile 600"),
        (LATER, "@voip hard nofile 500\n", "asterisk hard nofile 600"),
        (LATER, "other hard nofile 500\n", "asterisk hard nofile 600"),
        (LATER, "asterisk hard nofile 500\n", "* hard nofile 600"),
        (LATER, "1000:2200 hard nofile 500\n", "2000:2500 hard nofile 600"),
        (LATER, "asterisk soft nofile 5\n", "asterisk hard nofile 600"),
        (LATER, "asterisk hard nofile what\n", "asterisk hard nofile 600"),
        (LATER, "* -\n", "asterisk hard nofile 600"),
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
    """No distribution reads the vendor's directory first, but the rule would hold there too."""
    pam = DEBIAN._replace(directories=("/usr/etc/security", "/etc/security"))
    found = host(pam=pam, others={"/usr/etc/security/limits.d/90-test.conf": ""})
    assert "hidden by a file" in only(found, "asterisk hard nofile 500").reason


@pytest.mark.parametrize(
    ("found", "text", "state", "reason"),
    [
        (host(), "asterisk both rss 10000", "absent", "2.4.30"),
        (host(), "asterisk both locks 10", "absent", "2.4.25"),
        (host(pam=OLD), "asterisk both rttime 10", "absent", "does not know rttime"),
        (host(pam=OLD), "asterisk both nonewprivs 1", "absent", "does not know nonewprivs"),
        (host(), "kamailio soft nofile 10", "pending", "no user kamailio"),
        (host(), ":77 soft nofile 10", "pending", "no user with uid 77"),
        (host(), "@kamailio soft nofile 10", "pending", "no group kamailio"),
        (host(), "%kamailio hard maxlogins 10", "pending", "no group kamailio"),
        (host(), "@:77 soft nofile 10", "pending", "no group with gid 77"),
        (host(), "%:77 hard maxlogins 10", "pending", "no group with gid 77"),
        (host(), "* soft core 0", "changed", "does not apply to root"),
        (host(pam=UPSTREAM), "* soft core 0", "changed", ""),
        (host(others={MAIN: "root soft core 1\n"}), "* soft core 0", "changed", ""),
        (host(), "asterisk soft core unlimited", "changed", ""),
    ],
)
def test_a_line_without_full_effect(found: Observed, text: str, state: str, reason: str) -> None:
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


def test_a_warning_of_another_files_nofile() -> None:
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
def test_a_hazard_is_a_warning(found: Observed, warnings: list[str]) -> None:
    wanted = Request(PATH, parse_limits([{**limit("asterisk both core unlimited"), "hazard": "fills the disk."}]))
    assert plan(wanted, found).warnings == warnings


def test_a_line_without_effect_has_no_warning() -> None:
    wanted = Request(PATH, parse_limits([{**limit("asterisk both rss 5"), "hazard": "x."}]))
    assert plan(wanted, host()).warnings == []


def test_what_a_login_gets_after_a_boot_before_the_call_and_after_it() -> None:
    found = host(others={MAIN: "asterisk soft nofile 1024\n"})
    texts = ("asterisk soft nofile 4096",)
    first = planned(found, *texts)
    (change,) = first.changes
    assert (change.at_boot_before, change.at_boot) == ("1024", "4096")
    after = applied(found, first)
    (again,) = planned(after, *texts).changes
    assert again.at_boot_before == again.at_boot == "4096"
    (gone,) = planned(after).changes
    assert (gone.at_boot_before, gone.at_boot) == ("4096", "1024")
