# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from pool_hosts import BOTH, LIB, OPENSIPS_DEFAULT, put_back, run, text, tree, write


def test_a_pool_that_is_left_out_is_reverted(root: Path) -> None:
    run(root, BOTH)
    changed, items = run(root, {"opensips.service": {"shared_mib": 1024}})
    assert changed
    assert (items["opensips.service private_mib"].wanted, items["opensips.service private_mib"].at_boot) == (None, "4")
    assert "P_MEMORY=4\n" in text(root, "opensips")
    assert "S_MEMORY=1024\n" in text(root, "opensips")
    assert "SHM_MEMORY=512\n" in text(root, "kamailio")


def test_units_are_reverted_one_by_one(root: Path) -> None:
    run(root, BOTH)
    put_back(root, "opensips.service")
    assert text(root, "opensips") == OPENSIPS_DEFAULT
    assert "SHM_MEMORY=512\n" in text(root, "kamailio")
    put_back(root, "kamailio@edge.service")
    assert not (root / "etc/default/kamailio-edge").exists()
    put_back(root, "kamailio.service")
    assert not (root / "var/lib/siptune").exists()


def test_a_new_run_replaces_our_comment(root: Path) -> None:
    run(root, {"opensips.service": {"shared_mib": {"value": 512, "why": "One. " * 60}}})
    run(root, {"opensips.service": {"shared_mib": {"value": 768, "why": "Two."}}})
    assert text(root, "opensips").count("# siptune.linux:") == 2
    assert "S_MEMORY=768 for opensips.service; was 64 in this file." in text(root, "opensips")
    put_back(root)
    assert text(root, "opensips") == OPENSIPS_DEFAULT


def test_an_exclusive_call_reverts_units_that_are_left_out(root: Path) -> None:
    start = tree(root)
    run(root, {"kamailio.service": {"shared_mib": 512}, "opensips.service": {"shared_mib": 512}})
    assert not run(root, {"opensips.service": {"shared_mib": 512}})[0]
    changed, items = run(root, {"opensips.service": {"shared_mib": 512}}, exclusive=True)
    assert changed
    assert items["kamailio.service shared_mib"].wanted is None
    assert items["opensips.service shared_mib"].state != "changed"
    assert not run(root, {"opensips.service": {"shared_mib": 512}}, exclusive=True)[0]
    put_back(root)
    assert tree(root) == start


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_file_that_was_there_and_empty_stays(root: Path, mode: int) -> None:
    write(root, "etc/default/opensips", "").chmod(mode)
    before = tree(root)
    run(root, {"opensips.service": {"shared_mib": 1024}})
    assert (root / "etc/default/opensips").stat().st_mode & 0o777 == mode
    run(root, {"opensips.service": {"shared_mib": 2048}})
    put_back(root)
    assert tree(root) == before
    assert not put_back(root)[0]


def test_a_file_with_nothing_but_a_line_ending_stays(root: Path) -> None:
    write(root, "etc/default/opensips", "\n")
    run(root, {"opensips.service": {"shared_mib": 1024}})
    put_back(root)
    assert text(root, "opensips") == "\n"


# --- other people's edits -------------------------------------------------------------------


def test_other_peoples_lines_survive(root: Path) -> None:
    run(root, BOTH)
    edited = "# at the top\n" + text(root, "opensips").replace("OPTIONS=", "# note\nOPTIONS=") + "EXTRA=1\n"
    write(root, "etc/default/opensips", edited)
    assert not run(root, BOTH)[0]
    put_back(root)
    expected = "# at the top\n" + OPENSIPS_DEFAULT.replace("OPTIONS=", "# note\nOPTIONS=") + "EXTRA=1\n"
    assert text(root, "opensips") == expected


def test_a_value_that_somebody_else_has_set_is_kept_and_reported(root: Path) -> None:
    run(root, BOTH)
    write(root, "etc/default/opensips", text(root, "opensips").replace("\nS_MEMORY=1024", "\nS_MEMORY=300"))
    items = put_back(root)[1]
    assert items["opensips.service shared_mib"].state == "kept"
    assert "set 300 in /etc/default/opensips since" in items["opensips.service shared_mib"].reason
    assert text(root, "opensips") == OPENSIPS_DEFAULT.replace("\nS_MEMORY=64", "\nS_MEMORY=300")
    assert not (root / "var/lib/siptune").exists()


def test_a_file_of_ours_with_lines_of_others_stays(root: Path) -> None:
    run(root, {"kamailio@edge.service": {"shared_mib": 256}})
    write(root, "etc/default/kamailio-edge", text(root, "kamailio-edge") + "PKG_MEMORY=12\n")
    put_back(root)
    assert text(root, "kamailio-edge") == "PKG_MEMORY=12\n"


def test_lines_of_a_removed_unit_are_reverted(root: Path) -> None:
    run(root, {"opensips.service": {"shared_mib": 1024}})
    (root / LIB / "opensips.service").unlink()
    changed, items = put_back(root, "opensips.service")
    assert changed
    assert items["/etc/default/opensips S_MEMORY"].at_boot == "64"
    assert text(root, "opensips") == OPENSIPS_DEFAULT


def test_without_the_record_the_comment_is_enough(root: Path) -> None:
    run(root, {"opensips.service": {"shared_mib": 1024}})
    (root / "var/lib/siptune/originals.json").unlink()
    run(root, {"opensips.service": {"shared_mib": 2048}})
    put_back(root)
    assert text(root, "opensips") == OPENSIPS_DEFAULT
