# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way below a directory that stands for an image: units in files, and no systemd that runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._pools.model import Observed, Request
from ansible_collections.siptune.linux.plugins.module_utils._pools.observe import apply, observe
from ansible_collections.siptune.linux.plugins.module_utils._pools.plan import Plan, plan
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import PoolsError, UnitPools, parse_pools
from ansible_collections.siptune.linux.plugins.module_utils._systemd.environment_file import EnvironmentFileError

LIB = "usr/lib/systemd/system"
ETC = "etc/systemd/system"

# The shapes that the packages have: domain facts, not their texts.
KAMAILIO = """\
[Service]
Environment='CFGFILE=/etc/kamailio/kamailio.cfg'
Environment='SHM_MEMORY=64'
Environment='PKG_MEMORY=8'
EnvironmentFile=-/etc/default/kamailio
EnvironmentFile=-/etc/default/kamailio.d/*
ExecStart=/usr/sbin/kamailio -P /run/kamailio/kamailio.pid -f $CFGFILE -m $SHM_MEMORY -M $PKG_MEMORY --atexit=no
"""
INSTANCE = KAMAILIO.replace("default/kamailio", "default/kamailio-%i").replace("kamailio.cfg", "kamailio-%i.cfg")
OPENSIPS = """\
[Service]
Environment=P_MEMORY=32 S_MEMORY=32
EnvironmentFile=-/etc/default/opensips
ExecStart=/usr/sbin/opensips -P %t/opensips.pid -f /etc/opensips/opensips.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS
"""
KAMAILIO_DEFAULT = "#\n# Startup options\n#\n\n#SHM_MEMORY=64\n#PKG_MEMORY=8\n\n# mine\nDUMP_CORE=no\n"
OPENSIPS_DEFAULT = '# options\nRUN_OPENSIPS=yes\n# shared\nS_MEMORY=64\n# private\nP_MEMORY=4\nOPTIONS=""\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for directory in (ETC, LIB, "var/lib", "run", "proc/sys/net/core", "etc/kamailio", "etc/opensips", "etc/default"):
        (tmp_path / directory).mkdir(parents=True)
    write(tmp_path, f"{LIB}/kamailio.service", KAMAILIO)
    write(tmp_path, f"{LIB}/kamailio@.service", INSTANCE)
    write(tmp_path, f"{LIB}/opensips.service", OPENSIPS)
    write(tmp_path, "etc/default/kamailio", KAMAILIO_DEFAULT)
    write(tmp_path, "etc/default/opensips", OPENSIPS_DEFAULT)
    write(tmp_path, "etc/kamailio/kamailio.cfg", "debug=2\n")
    write(tmp_path, "etc/opensips/opensips.cfg", "maxbuffer=8388608\n")
    write(tmp_path, "proc/sys/net/core/rmem_max", "4194304\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def tree(root: Path) -> dict[str, Any]:
    """Every file with its content and mode."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*")
    }


def look(root: Path, pools: dict[str, Any], **options: Any) -> tuple[Observed, Plan]:
    request = Request(parse_pools(pools), **options)
    observed = observe(Host(str(root)), request)
    return observed, plan(request, observed)


def run(root: Path, pools: dict[str, Any], **options: Any) -> tuple[bool, dict[str, Change]]:
    """Observe, plan and carry out: whether anything was changed, and the items."""
    observed, planned = look(root, pools, **options)
    outcome = all_or_nothing(lambda log: apply(Host(str(root)), observed, planned, log))
    return outcome.changed, {change.item: change for change in outcome.changes}


def put_back(root: Path, *units: str) -> tuple[bool, dict[str, Change]]:
    """What state=absent does."""
    request = Request([UnitPools(unit, []) for unit in units], everywhere=not units, advice=False)
    observed = observe(Host(str(root)), request)
    planned = plan(request, observed)
    outcome = all_or_nothing(lambda log: apply(Host(str(root)), observed, planned, log))
    return outcome.changed, {change.item: change for change in outcome.changes}


def text(root: Path, name: str) -> str:
    return (root / "etc/default" / name).read_text()


BOTH = {
    "kamailio.service": {"shared_mib": {"value": 512, "rule": "at_least", "why": "Calls."}, "private_mib": 16},
    "opensips.service": {"shared_mib": 1024, "private_mib": 16},
    "kamailio@edge.service": {"shared_mib": 256},
}


def test_there_and_back_again(root: Path) -> None:
    (root / "etc/default/kamailio").chmod(0o640)
    before = tree(root)
    changed, items = run(root, BOTH)
    assert changed
    assert {name: (item.before, item.at_boot, item.state) for name, item in items.items() if "_mib" in name} == {
        "kamailio.service shared_mib": ("64", "512", "pending"),
        "kamailio.service private_mib": ("8", "16", "pending"),
        "opensips.service shared_mib": ("64", "1024", "pending"),
        "opensips.service private_mib": ("4", "16", "pending"),
        "kamailio@edge.service shared_mib": ("64", "256", "pending"),
    }
    assert "systemd does not run here" in items["opensips.service shared_mib"].reason
    assert text(root, "kamailio").startswith(KAMAILIO_DEFAULT)
    assert "\n# siptune.linux:   Calls.\nSHM_MEMORY=512\n" in text(root, "kamailio")
    assert text(root, "opensips").replace("1024\n", "64\n").count("\n") == OPENSIPS_DEFAULT.count("\n") + 2
    assert text(root, "kamailio-edge").endswith("SHM_MEMORY=256\n")
    assert (root / "etc/default/kamailio").stat().st_mode & 0o777 == 0o640

    tuned = tree(root)
    assert not run(root, BOTH)[0]
    assert tree(root) == tuned

    changed, items = put_back(root)
    assert changed
    assert (items["opensips.service private_mib"].at_boot, items["opensips.service private_mib"].wanted) == ("4", None)
    assert tree(root) == before
    assert put_back(root) == (False, {})


def test_check_mode_is_the_plan_alone(root: Path) -> None:
    before = tree(root)
    planned = look(root, BOTH)[1]
    assert planned.changed
    assert tree(root) == before
    assert planned.changes == list(run(root, BOTH)[1].values())


def test_a_pool_that_is_left_out_goes_back(root: Path) -> None:
    run(root, BOTH)
    changed, items = run(root, {"opensips.service": {"shared_mib": 1024}})
    assert changed
    assert (items["opensips.service private_mib"].wanted, items["opensips.service private_mib"].at_boot) == (None, "4")
    assert "P_MEMORY=4\n" in text(root, "opensips")
    assert "S_MEMORY=1024\n" in text(root, "opensips")
    assert "SHM_MEMORY=512\n" in text(root, "kamailio")


def test_units_are_put_back_each_by_itself(root: Path) -> None:
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
    assert "S_MEMORY=768 for opensips.service; here it was 64." in text(root, "opensips")
    put_back(root)
    assert text(root, "opensips") == OPENSIPS_DEFAULT


def test_an_alias_is_its_unit(root: Path) -> None:
    os.symlink("/usr/lib/systemd/system/opensips.service", root / ETC / "proxy.service")
    items = run(root, {"proxy.service": {"shared_mib": 100}})[1]
    assert items["proxy.service shared_mib"].at_boot == "100"
    assert "S_MEMORY=100\n" in text(root, "opensips")
    with pytest.raises(PoolsError, match="named twice"):
        run(root, {"proxy.service": {"shared_mib": 100}, "opensips.service": {"shared_mib": 100}})
    put_back(root, "opensips.service")
    assert text(root, "opensips") == OPENSIPS_DEFAULT


# --- floors ---------------------------------------------------------------------------------


def test_a_floor_that_is_met_is_left_alone(root: Path) -> None:
    before = tree(root)
    changed, items = run(root, {"opensips.service": {"shared_mib": {"value": 32, "rule": "at_least"}}})
    assert (changed, items["opensips.service shared_mib"].state) == (False, "kept")
    assert items["opensips.service shared_mib"].at_boot == "64"
    assert tree(root) == before


def test_a_floor_is_measured_against_what_was_there_before_us(root: Path) -> None:
    for value, boot in ((512, "512"), (256, "256"), (40, "64")):
        items = run(root, {"opensips.service": {"shared_mib": {"value": value, "rule": "at_least"}}})[1]
        assert items["opensips.service shared_mib"].at_boot == boot
    assert text(root, "opensips") == OPENSIPS_DEFAULT
    assert not (root / "var/lib/siptune").exists()


def test_a_higher_value_of_somebody_else_is_never_lowered_by_a_floor(root: Path) -> None:
    wanted = {"opensips.service": {"shared_mib": {"value": 512, "rule": "at_least"}}}
    run(root, wanted)
    write(root, "etc/default/opensips", text(root, "opensips").replace("\nS_MEMORY=512", "\nS_MEMORY=2048"))
    item = run(root, wanted)[1]["opensips.service shared_mib"]
    assert (item.state, item.at_boot) == ("kept", "2048")
    put_back(root)
    assert text(root, "opensips") == OPENSIPS_DEFAULT.replace("\nS_MEMORY=64", "\nS_MEMORY=2048")


# --- other people's edits -------------------------------------------------------------------


def test_other_peoples_lines_survive(root: Path) -> None:
    run(root, BOTH)
    edited = "# at the top\n" + text(root, "opensips").replace("OPTIONS=", "# note\nOPTIONS=") + "EXTRA=1\n"
    write(root, "etc/default/opensips", edited)
    assert not run(root, BOTH)[0]
    put_back(root)
    expected = "# at the top\n" + OPENSIPS_DEFAULT.replace("OPTIONS=", "# note\nOPTIONS=") + "EXTRA=1\n"
    assert text(root, "opensips") == expected


def test_a_value_that_somebody_else_has_set_since_is_left_and_told(root: Path) -> None:
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


def test_lines_go_back_though_their_unit_has_gone(root: Path) -> None:
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


SHADOWS = {
    "literal": ("-m $SHM_MEMORY", "-m 99", "shadowed", "kamailio.service line 7 starts it with -m 99"),
    "attached": ("-m $SHM_MEMORY", "-m99", "shadowed", "starts it with -m 99"),
    "none": ("-m $SHM_MEMORY", "", "absent", "starts Kamailio without -m"),
    "other-program": ("/usr/sbin/kamailio", "/usr/bin/memcached", "absent", "neither Kamailio nor OpenSIPS"),
    "script": ("/usr/sbin/kamailio", "/etc/init.d/kamailio start", "absent", "neither Kamailio nor OpenSIPS"),
    "no-file": ("EnvironmentFile=", "#", "absent", "reads no file that could set SHM_MEMORY"),
    "vendor": ("-/etc/default/kamailio\n", "/usr/lib/kamailio/env\n", "shadowed", "does not last"),
    "unset": ("[Service]", "[Service]\nUnsetEnvironment=SHM_MEMORY", "absent", "UnsetEnvironment="),
}


@pytest.mark.parametrize(("old", "new", "state", "reason"), SHADOWS.values(), ids=SHADOWS.keys())
def test_what_no_file_can_change(root: Path, old: str, new: str, state: str, reason: str) -> None:
    write(root, "usr/lib/kamailio/env", "SHM_MEMORY=3\n")
    write(root, f"{LIB}/kamailio.service", KAMAILIO.replace(old, new))
    before = tree(root)
    changed, items = run(root, {"kamailio.service": {"shared_mib": 512}})
    item = items["kamailio.service shared_mib"]
    assert (changed, item.state) == (False, state)
    assert reason in item.reason
    assert tree(root) == before


def test_an_option_in_a_later_variable_wins_and_is_named(root: Path) -> None:
    write(root, "etc/default/opensips", OPENSIPS_DEFAULT.replace('""', '"-d -m 2048"'))
    item = run(root, {"opensips.service": {"shared_mib": 1024}})[1]["opensips.service shared_mib"]
    assert (item.state, item.at_boot) == ("shadowed", "2048")
    assert item.reason.startswith("/etc/default/opensips line 7 sets OPTIONS, and -m 2048 in it")


def test_a_literal_that_is_as_wanted_is_fine(root: Path) -> None:
    write(root, f"{LIB}/kamailio.service", KAMAILIO.replace("$SHM_MEMORY", "512"))
    assert run(root, {"kamailio.service": {"shared_mib": 512}})[1]["kamailio.service shared_mib"].state == "ok"


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


def test_two_units_that_share_a_line(root: Path) -> None:
    write(root, f"{LIB}/second.service", OPENSIPS)
    same = {name: {"shared_mib": 512} for name in ("opensips.service", "second.service")}
    assert run(root, same)[0]
    assert not run(root, same)[0]
    with pytest.raises(PoolsError, match="give both the same value"):
        run(root, {**same, "second.service": {"shared_mib": 600}})
    with pytest.raises(PoolsError, match=r"opensips.service are one line, S_MEMORY in /etc/default/opensips"):
        run(root, {"second.service": {"shared_mib": 600}})
    put_back(root)
    assert text(root, "opensips") == OPENSIPS_DEFAULT


# --- refused --------------------------------------------------------------------------------

UNREADABLE = {
    "garbage": ("what is this\n", "line 1"),
    "no-number": ("S_MEMORY=64M\n", "line 1: S_MEMORY is set to '64M'"),
    "export": ("\nexport S_MEMORY=64\n", "line 2"),
    "quote": ('S_MEMORY=64\nOPTIONS="\n', "line 2: a quote"),
}


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_cannot_be_read_is_left_alone(root: Path, content: str, reason: str) -> None:
    write(root, "etc/default/opensips", content)
    before = tree(root)
    with pytest.raises(EnvironmentFileError) as caught:
        run(root, BOTH)
    assert f"/etc/default/opensips {reason}" in str(caught.value)
    assert tree(root) == before


def test_a_link_is_refused(root: Path) -> None:
    (root / "etc/default/opensips").rename(root / "etc/elsewhere")
    os.symlink("../elsewhere", root / "etc/default/opensips")
    before = tree(root)
    with pytest.raises(PoolsError, match="symbolic link"):
        run(root, BOTH)
    assert tree(root) == before


def test_a_missing_directory_is_not_made(root: Path) -> None:
    write(root, f"{LIB}/opensips.service", OPENSIPS.replace("/etc/default/", "/etc/default/nowhere/"))
    with pytest.raises(PoolsError, match="there is no directory /etc/default/nowhere"):
        run(root, {"opensips.service": {"shared_mib": 1}})


def test_a_disk_that_refuses_is_undone(root: Path) -> None:
    observed, planned = look(root, BOTH)
    (root / "etc/default/kamailio-edge").mkdir()
    before = tree(root)
    with pytest.raises((RefusedError, HostError)):
        all_or_nothing(lambda log: apply(Host(str(root)), observed, planned, log))
    assert tree(root) == before


# --- maxbuffer ------------------------------------------------------------------------------


def advice(root: Path, unit: str = "kamailio.service") -> Change:
    return run(root, {unit: {}})[1][f"{unit} maxbuffer"]


def test_what_the_daemons_ask_for(root: Path) -> None:
    kamailio, opensips = advice(root), advice(root, "opensips.service")
    assert (kamailio.state, kamailio.before, kamailio.wanted) == ("shadowed", "262144", "at least 4194304")
    assert kamailio.reason == (
        "the daemon asks for 262144 bytes at most (its default), and a larger net.core.rmem_max alone changes nothing: "
        "a larger net.core.rmem_default reaches it at its next start, or maxbuffer in /etc/kamailio/kamailio.cfg"
    )
    assert (opensips.state, opensips.after) == ("ok", "8388608")


def test_the_option_wins_in_kamailio_and_loses_in_opensips(root: Path) -> None:
    write(root, f"{LIB}/opensips.service", OPENSIPS.replace("$OPTIONS", "-b 1024"))
    assert advice(root, "opensips.service").before == "8388608"
    write(root, "etc/kamailio/kamailio.cfg", "maxbuffer=8388608\n")
    write(root, f"{LIB}/kamailio.service", KAMAILIO.replace("--atexit=no", "-b 1024"))
    assert "1024 bytes at most (-b in its command line)" in advice(root).reason


def test_another_configuration_and_its_includes(root: Path) -> None:
    write(root, "etc/default/kamailio", "CFGFILE=/etc/kamailio/other.cfg\n")
    write(root, "etc/kamailio/other.cfg", 'include_file "more.cfg"\n')
    write(root, "etc/kamailio/more.cfg", "\nmaxbuffer=300000\n")
    assert "300000 bytes at most (/etc/kamailio/more.cfg line 2)" in advice(root).reason


def test_what_is_not_known_is_said(root: Path) -> None:
    (root / "etc/kamailio/kamailio.cfg").unlink()
    assert (advice(root).state, advice(root).before) == ("absent", None)
    write(root, "etc/kamailio/kamailio.cfg", "")
    (root / "proc/sys/net/core/rmem_max").unlink()
    assert "network namespace" in advice(root).reason


def test_sockets_that_have_more_from_the_start(root: Path) -> None:
    write(root, "proc/sys/net/core/rmem_default", "1048576\n")
    assert (advice(root).state, advice(root).reason) == ("ok", "")


def test_a_unit_that_is_left_out_goes_back_where_the_call_is_exclusive(root: Path) -> None:
    start = tree(root)
    run(root, {"kamailio.service": {"shared_mib": 512}, "opensips.service": {"shared_mib": 512}})
    assert not run(root, {"opensips.service": {"shared_mib": 512}})[0]
    changed, items = run(root, {"opensips.service": {"shared_mib": 512}}, everywhere=True)
    assert changed
    assert items["kamailio.service shared_mib"].wanted is None
    assert items["opensips.service shared_mib"].state != "changed"
    assert not run(root, {"opensips.service": {"shared_mib": 512}}, everywhere=True)[0]
    put_back(root)
    assert tree(root) == start


def test_an_alias_is_not_left_out_by_an_exclusive_call(root: Path) -> None:
    os.symlink(f"{LIB}/kamailio.service", root / f"{ETC}/sip.service".lstrip("/"))
    run(root, {"sip.service": {"shared_mib": 512}})
    assert not run(root, {"sip.service": {"shared_mib": 512}}, everywhere=True)[0]
    assert not run(root, {"kamailio.service": {"shared_mib": 512}}, everywhere=True)[0]
