# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole calls of daemon_pools on an image: there, back, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._pools.module import DAEMON_POOLS
from pool_hosts import (
    BOTH,
    ETC,
    KAMAILIO,
    KAMAILIO_DEFAULT,
    LIB,
    OPENSIPS_DEFAULT,
    call,
    put_back,
    report,
    run,
    text,
    tree,
    write,
)


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


SECRET = "DB_PASSWORD='s3cret\nof two lines'\nTOKEN=s3cret\n"


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_diff_of_an_environment_file_has_our_lines_alone(root: Path, mode: int) -> None:
    write(root, "etc/default/opensips", f"{SECRET}S_MEMORY=64\nP_MEMORY=4\n").chmod(mode)
    pools = {"opensips.service": {"shared_mib": {"value": 1024, "rule": "at_least", "why": "Calls."}}}
    (shown,) = report(root, pools=pools).diff
    assert shown["before"] == "S_MEMORY=64\n"
    assert shown["after"].splitlines()[1:] == ["# siptune.linux:   Calls.", "S_MEMORY=1024"]
    (back,) = report(root, state="absent").diff
    assert (back["before"], back["after"]) == (shown["after"], shown["before"])


def test_check_mode_predicts_the_run(root: Path) -> None:
    before = tree(root)
    predicted = run(root, BOTH, check_mode=True)
    assert predicted[0]
    assert tree(root) == before
    assert run(root, BOTH) == predicted


def params(**given: Any) -> dict[str, Any]:
    common = {name: option.get("default") for name, option in DAEMON_POOLS.argument_spec.items()}
    return {**common, "pools": {"opensips.service": {"shared_mib": 5}}, **given}


@pytest.mark.parametrize(
    ("given", "pools", "exclusive", "advice"),
    [
        (params(), 1, False, True),
        (params(exclusive=True), 1, True, True),
        (params(state="absent"), 0, False, False),
        (params(state="absent", pools={}), None, True, False),
        (params(pools=None), None, False, True),
    ],
)
def test_requests(given: dict[str, Any], pools: int | None, exclusive: bool, advice: bool) -> None:
    request = DAEMON_POOLS.parse(given)
    assert [len(unit.pools) for unit in request.units] == ([] if pools is None else [pools])
    assert (request.exclusive, request.advice) == (exclusive, advice)


# --- missing and shadowed -------------------------------------------------------------------

LITERAL = KAMAILIO.replace("$SHM_MEMORY", "99")
UNREACHABLE = {
    # the unit's file (None: not installed, "": masked), the wanted pool, and the item's state
    "set": (KAMAILIO, "shared_mib", "pending"),
    "not-installed": (None, "shared_mib", "absent"),
    "masked": ("", "shared_mib", "absent"),
    "no-option": (KAMAILIO.replace("-M $PKG_MEMORY", ""), "private_mib", "absent"),
    "other-program": (KAMAILIO.replace("sbin/kamailio", "bin/memcached"), "shared_mib", "absent"),
    "no-command": ("[Service]\nType=oneshot\n", "shared_mib", "absent"),
    "no-file": (KAMAILIO.replace("EnvironmentFile=", "#"), "shared_mib", "absent"),
    "literal": (LITERAL, "shared_mib", "shadowed"),
    "other-variable": (KAMAILIO.replace("--atexit=no", "$OPTIONS"), "shared_mib", "shadowed"),
}


@pytest.mark.parametrize(("fragment", "pool", "state"), UNREACHABLE.values(), ids=UNREACHABLE.keys())
def test_missing_and_shadowed_items_can_fail_a_call(root: Path, fragment: str | None, pool: str, state: str) -> None:
    name = "sip.service"
    if fragment:
        write(root, f"{ETC}/{name}", fragment)
    elif fragment is not None:
        (root / ETC / name).symlink_to("/dev/null")
    write(root, "etc/default/kamailio", "OPTIONS=-m 12\n")
    before = tree(root)
    pools = {name: {pool: 512}, "opensips.service": {"shared_mib": 1024}}
    for option, failing in (("missing", "absent"), ("shadowed", "shadowed")):
        if state == failing:
            with pytest.raises(RefusedError, match=f"^{name} {pool} is {state}: "):
                run(root, pools, **{option: "fail"})
        else:
            assert run(root, pools, check_mode=True, **{option: "fail"})[1][f"{name} {pool}"].state == state
        assert tree(root) == before


def test_advice_on_maxbuffer_fails_no_call(root: Path) -> None:
    policy = {"missing": "fail", "shadowed": "fail"}
    wanted = {"kamailio.service": {"shared_mib": 512}}
    assert run(root, wanted, **policy)[1]["kamailio.service maxbuffer"].state == "shadowed"
    (root / "proc/sys/net/core/rmem_max").unlink()
    assert run(root, wanted, **policy)[1]["kamailio.service maxbuffer"].state == "absent"


def test_a_missing_unit_does_not_keep_a_host_from_being_reverted(root: Path) -> None:
    run(root, {"opensips.service": {"shared_mib": 1024}})
    (root / LIB / "opensips.service").unlink()
    pools = {"opensips.service": {}, "late.service": {}}
    assert call(root, pools=pools, state="absent", missing="fail", shadowed="fail")[0]
    assert text(root, "opensips") == OPENSIPS_DEFAULT
