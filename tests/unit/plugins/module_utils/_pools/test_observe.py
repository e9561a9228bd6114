# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from pool_hosts import ETC, KAMAILIO_DEFAULT, LIB, OPENSIPS_DEFAULT, put_back, run, text, tree, write


def test_an_alias_is_its_unit(root: Path) -> None:
    os.symlink("/usr/lib/systemd/system/opensips.service", root / ETC / "proxy.service")
    items = run(root, {"proxy.service": {"shared_mib": 100}})[1]
    assert items["proxy.service shared_mib"].at_boot == "100"
    assert "S_MEMORY=100\n" in text(root, "opensips")
    put_back(root, "opensips.service")
    assert text(root, "opensips") == OPENSIPS_DEFAULT


def test_an_alias_is_not_left_out_by_an_exclusive_call(root: Path) -> None:
    os.symlink(f"{LIB}/kamailio.service", root / f"{ETC}/sip.service".lstrip("/"))
    run(root, {"sip.service": {"shared_mib": 512}})
    assert not run(root, {"sip.service": {"shared_mib": 512}}, exclusive=True)[0]
    assert not run(root, {"kamailio.service": {"shared_mib": 512}}, exclusive=True)[0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("late.service", "not installed"), ("masked.service", "masked"), ("x@y.service", "not installed")],
)
def test_a_unit_that_is_not_there(root: Path, name: str, reason: str) -> None:
    os.symlink("/dev/null", root / ETC / "masked.service")
    before = tree(root)
    changed, items = run(root, {name: {"shared_mib": 512}})
    assert not changed
    assert {item.item: item.state for item in items.values()} == {f"{name} shared_mib": "absent"}
    assert reason in items[f"{name} shared_mib"].reason
    assert tree(root) == before


# --- which file decides ---------------------------------------------------------------------


def test_the_last_file_that_sets_it_is_changed(root: Path) -> None:
    write(root, "etc/default/kamailio.d/10-a", "SHM_MEMORY=100\n")
    write(root, "etc/default/kamailio.d/20-b", "SHM_MEMORY=200\n")
    write(root, "etc/default/kamailio.d/.hidden", "SHM_MEMORY=300\n")
    before = tree(root)
    items = run(root, {"kamailio.service": {"shared_mib": 512}})[1]
    assert (items["kamailio.service shared_mib"].before, items["kamailio.service shared_mib"].at_boot) == ("200", "512")
    assert "SHM_MEMORY=512\n" in text(root, "kamailio.d/20-b")
    assert text(root, "kamailio") == KAMAILIO_DEFAULT
    put_back(root)
    assert tree(root) == before


def test_our_line_moves_where_another_file_decides_since(root: Path) -> None:
    wanted = {"kamailio.service": {"shared_mib": 512}}
    run(root, wanted)
    write(root, "etc/default/kamailio.d/20-b", "SHM_MEMORY=200\n")
    assert run(root, wanted)[1]["kamailio.service shared_mib"].at_boot == "512"
    assert text(root, "kamailio") == KAMAILIO_DEFAULT
    put_back(root)
    assert text(root, "kamailio.d/20-b") == "SHM_MEMORY=200\n"


def test_a_drop_in_counts(root: Path) -> None:
    write(root, f"{ETC}/kamailio.service.d/50-x.conf", "[Service]\nEnvironmentFile=-/etc/kamailio/env\n")
    write(root, "etc/kamailio/env", "SHM_MEMORY=99\n")
    run(root, {"kamailio.service": {"shared_mib": 512}})
    assert "SHM_MEMORY=512\n" in (root / "etc/kamailio/env").read_text()


# --- maxbuffer ------------------------------------------------------------------------------


def maxbuffer(root: Path, unit: str = "kamailio.service") -> Change:
    return run(root, {unit: {}})[1][f"{unit} maxbuffer"]


def test_another_configuration_and_its_includes(root: Path) -> None:
    write(root, "etc/default/kamailio", "CFGFILE=/etc/kamailio/other.cfg\n")
    write(root, "etc/kamailio/other.cfg", 'include_file "more.cfg"\n')
    write(root, "etc/kamailio/more.cfg", "\nmaxbuffer=300000\n")
    assert "at most 300000 bytes (/etc/kamailio/more.cfg line 2)" in maxbuffer(root).reason


def test_an_unknown_buffer_is_reported(root: Path) -> None:
    (root / "etc/kamailio/kamailio.cfg").unlink()
    assert (maxbuffer(root).state, maxbuffer(root).before) == ("absent", None)
    write(root, "etc/kamailio/kamailio.cfg", "")
    (root / "proc/sys/net/core/rmem_max").unlink()
    assert "network namespace" in maxbuffer(root).reason
