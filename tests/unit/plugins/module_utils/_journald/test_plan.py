# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan, text_of
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._journald.model import Observed
from ansible_collections.siptune.linux.plugins.module_utils._journald.plan import WAITS, plan
from ansible_collections.siptune.linux.plugins.module_utils._journald.settings import PATH, Request, render
from ansible_collections.siptune.linux.plugins.module_utils._systemd.settings_files import SettingsFiles

ONE = Request("1G", "why")
NONE = Request("", "")
MAIN = {"/etc/systemd/journald.conf": "[Journal]\n#SystemMaxUse=\n"}
ITEM = "journald SystemMaxUse"


def host(**changes: Any) -> Observed:
    found = Observed(None, NOTHING, (0, 0), SettingsFiles(MAIN, {}), installed=True, running=True, older=False)
    return found._replace(**changes)


def applied(found: Observed, done: FilesPlan, restarted: bool = True) -> Observed:
    own = done.files[0].after if done.files else found.own
    files = found.files.with_own(PATH, None if own is None else text_of(own))
    return found._replace(own=own, originals=done.finalized, files=files, older=not restarted)


def drop_ins(**texts: str) -> SettingsFiles:
    return SettingsFiles(MAIN, {f"/etc/systemd/journald.conf.d/{name}.conf": text for name, text in texts.items()})


def test_nothing_is_asked_for() -> None:
    done = plan(NONE, host())
    assert (done.changed, done.changes) == (False, [])


def test_a_first_run_waits_for_journald() -> None:
    done = plan(ONE, host(files=SettingsFiles({"/etc/systemd/journald.conf": "[Journal]\nSystemMaxUse=4G\n"}, {})))
    assert done.changes == [Change(ITEM, "1G", "4G", "4G", "1G", "pending", "why", WAITS, "4G")]
    (file,) = done.files
    assert (file.path, file.before, text_of(file.after)) == (PATH, None, render(ONE))
    assert done.originals.files[PATH].record is None


@pytest.mark.parametrize(("restarted", "state"), [(True, "ok"), (False, "pending")])
def test_a_second_run_has_nothing_to_do(restarted: bool, state: str) -> None:
    found = host()
    after = applied(found, plan(ONE, found), restarted)
    again = plan(ONE, after)
    assert not again.changed
    assert [change.state for change in again.changes] == [state]
    assert again.finalized == after.originals


def test_an_image_has_it_at_boot() -> None:
    (item,) = plan(ONE, host(running=False)).changes
    assert (item.state, item.before, item.after, item.at_boot) == ("changed", None, "1G", "1G")


def test_a_host_without_journald_gets_no_file() -> None:
    done = plan(ONE, host(installed=False, running=False))
    assert (done.changed, [change.state for change in done.changes]) == (False, ["absent"])


@pytest.mark.parametrize(
    ("files", "state"),
    [
        (drop_ins(**{"99-local": "[Journal]\nSystemMaxUse=8G\n"}), "shadowed"),
        (drop_ins(**{"99-local": "[Journal]\nSystemMaxUse=1024M\n"}), "pending"),
        (drop_ins(**{"99-local": "[Other]\nSystemMaxUse=8G\n"}), "pending"),
        (drop_ins(**{"10-vendor": "[Journal]\nSystemMaxUse=8G\n"}), "pending"),
        (
            SettingsFiles({}, {"/usr/lib/systemd/journald.conf.d/90-siptune.conf": "[Journal]\nSystemMaxUse=8G\n"}),
            "pending",
        ),
    ],
)
def test_who_wins(files: SettingsFiles, state: str) -> None:
    (item,) = plan(ONE, host(files=files)).changes
    assert item.state == state
    if state == "shadowed":
        assert item.reason == "/etc/systemd/journald.conf.d/99-local.conf line 2 sets 8G"
        assert item.at_boot == "8G"


def test_going_back_restores_what_was_there() -> None:
    original = FileRecord(b"[Journal]\nSystemMaxUse=3G\n", 0o600, 0, 4)
    found = host(own=original, files=SettingsFiles(MAIN, {PATH: "[Journal]\nSystemMaxUse=3G\n"}))
    after = applied(found, plan(ONE, found))
    back = plan(NONE, after)
    assert back.files[0].after == original
    (item,) = back.changes
    assert (item.wanted, item.before, item.after, item.at_boot, item.state) == (None, "1G", "1G", "3G", "pending")
    assert back.finalized.empty
    assert not plan(NONE, applied(after, back)).changes


def test_a_file_that_somebody_edited_is_left_alone() -> None:
    found = host()
    after = applied(found, plan(ONE, found))
    back = plan(NONE, after._replace(own=FileRecord(b"[Journal]\nSystemMaxUse=2G\n", 0o644, 0, 0)))
    assert not back.changed
    assert [(change.item, change.state) for change in back.changes] == [(PATH, "kept")]


def test_a_file_of_ours_without_a_record_was_not_there_before() -> None:
    own = FileRecord(render(ONE).encode(), 0o644, 0, 0)
    back = plan(NONE, host(own=own, files=SettingsFiles(MAIN, {PATH: render(ONE)})))
    assert back.files[0].after is None


def test_mode_and_owner_are_put_right() -> None:
    found = host()
    after = applied(found, plan(ONE, found))
    open_to_all = after._replace(own=after.own._replace(mode=0o666, uid=1000) if after.own else None)
    done = plan(ONE, open_to_all)
    assert [(change.item, change.state) for change in done.changes] == [(ITEM, "pending"), (PATH, "changed")]
