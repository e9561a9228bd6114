# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import text_of
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import HEADING, LimitsError
from ansible_collections.siptune.linux.plugins.module_utils._logins.model import Start
from ansible_collections.siptune.linux.plugins.module_utils._logins.pam import PamLimits
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import NrOpen
from hypothesis import given
from hypothesis import strategies as st
from login_hosts import DEBIAN, EARLIER, LATER, MAIN, OLD, PATH, UPSTREAM, applied, host, items, only, planned


def test_a_first_run_predicts_what_a_login_gets() -> None:
    found = host(others={MAIN: "* soft nofile 2048\n"})
    done = planned(found, "asterisk soft nofile 65536", "asterisk hard nofile 100000", "@voip both core unlimited")
    assert done.changed
    assert done.warnings == []
    assert items(done) == {
        "@voip both core": Change("@voip both core", "unlimited", None, "unlimited", "unlimited", "changed"),
        "asterisk soft nofile": Change(
            "asterisk soft nofile", "65536", "2048", "65536", "65536", "changed", at_boot_before="2048"
        ),
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
    assert again.finalized == after.originals


def test_a_line_that_is_no_longer_wanted_has_an_item() -> None:
    found = host(others={MAIN: "* soft nofile 2048\n"})
    after = applied(found, planned(found, "asterisk soft nofile 65536", "asterisk hard core 0"))
    done = planned(after, "asterisk hard core 0")
    gone = items(done)["asterisk soft nofile"]
    assert (gone.wanted, gone.before, gone.after, gone.state) == (None, "65536", "2048", "changed")
    assert items(done)["asterisk hard core"].state == "ok"


def test_reverting_restores_the_file() -> None:
    original = FileRecord(b"# by hand\nasterisk soft nofile 1111\n", 0o640, 0, 4)
    found = host(own=original)
    after = applied(found, planned(found, "asterisk soft nofile 65536"))
    assert after.own != original
    back = planned(after)
    assert back.files[0].after == original
    (gone,) = back.changes
    assert (gone.item, gone.wanted, gone.before, gone.after) == ("asterisk soft nofile", None, "65536", "1111")
    assert back.finalized.empty
    assert not planned(applied(after, back)).changed


def test_a_file_that_somebody_edited_is_left_alone() -> None:
    found = host()
    after = applied(found, planned(found, "asterisk soft nofile 65536"))
    edited = after._replace(own=FileRecord(b"asterisk soft nofile 7\n", 0o644, 0, 0))
    back = planned(edited)
    assert not back.changed
    assert items(back)[PATH].state == "kept"


# --- max ------------------------------------------------------------------------------------


def test_a_soft_max_follows_the_hard_limit() -> None:
    done = planned(host(), "asterisk hard nofile 3000", "asterisk soft nofile max", "@voip both nofile max")
    assert items(done)["asterisk soft nofile"].after == "3000"
    assert items(done)["@voip both nofile"].after == "524288"
    assert only(host(others={LATER: "* hard nofile 77\n"}), "asterisk soft nofile max").after == "77"
    assert only(host(start=Start({"nofile": 4096}, "sshd")), "asterisk soft nofile max").after == "4096"


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
def test_one_run_is_enough_and_reverting_is_exact(texts: list[str], others: dict[str, str], pam: PamLimits) -> None:
    found = host(others=others, pam=pam)
    try:
        done = planned(found, *texts)
    except LimitsError:
        return
    after = applied(found, done)
    again = planned(after, *texts)
    assert not again.changed
    assert again.finalized == after.originals
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
