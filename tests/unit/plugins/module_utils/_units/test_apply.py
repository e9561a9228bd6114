# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._units.apply import _check_taken, apply
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._units.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import parse_units
from systemd_host import OURS, loaded, observed, unit

ETC = "etc/systemd/system"
DROP_IN = "90-siptune.conf"


def link(image: Path, name: str, target: str) -> None:
    os.symlink(target, image / ETC / name)


def request(units: dict[str, Any], **options: Any) -> Request:
    return Request(parse_units(units), DROP_IN, **options)


def run(image: Path, wanted: Request) -> tuple[bool, dict[str, str]]:
    """Observe, plan and carry out: whether it changed anything, and the states."""
    host = Host(str(image))
    found = observe(host, wanted)
    planned = plan(wanted, found)
    outcome = all_or_nothing(lambda log: apply(host, wanted, found, planned, log))
    return outcome.changed, {change.item: change.state for change in outcome.changes}


def tree(image: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(image)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in image.rglob("*")
    }


def test_files_are_written_found_again_and_put_back(image: Path) -> None:
    link(image, "alias.service", "/usr/lib/systemd/system/sipd.service")
    before = tree(image)
    units = {"alias.service": {"LimitNOFILE": 8192}, "kam@edge.service": {"Nice": 1}, "late.service": {"Nice": 2}}
    states = {
        "alias.service LimitNOFILE": "pending",
        "kam@edge.service Nice": "pending",
        "late.service Nice": "pending",
    }
    assert run(image, request(units)) == (True, states)
    assert "LimitNOFILE=8192" in (image / ETC / "sipd.service.d" / DROP_IN).read_text()
    assert (image / ETC / "kam@edge.service.d" / DROP_IN).exists()
    assert run(image, request(units)) == (False, states)
    changed, back = run(image, Request([], DROP_IN, others=True))
    assert (changed, set(back.values())) == (True, {"changed"})
    assert tree(image) == before


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_directory_that_was_there_and_empty_stays(image: Path, mode: int) -> None:
    directory = image / ETC / "sipd.service.d"
    directory.mkdir()
    directory.chmod(mode)
    for limit in (8192, 9000):
        run(image, request({"sipd.service": {"LimitNOFILE": limit}}))
    run(image, Request([], DROP_IN, others=True))
    assert directory.stat().st_mode & 0o777 == mode
    assert not list(directory.iterdir())
    assert not (image / "var/lib/siptune").exists()


def test_only_drop_ins_of_this_name_are_put_back(image: Path) -> None:
    run(image, request({"sipd.service": {"Nice": 1}}))
    run(image, Request(parse_units({"sipd.service": {"Nice": 2}}), "50-other.conf"))
    run(image, Request([], DROP_IN, others=True))
    assert sorted(path.name for path in (image / ETC / "sipd.service.d").iterdir()) == ["50-other.conf"]


def test_a_link_in_place_of_the_directory_is_refused_before_anything_is_done(image: Path) -> None:
    (image / "elsewhere").mkdir()
    link(image, "sipd.service.d", str(image / "elsewhere"))
    before = tree(image)
    with pytest.raises(HostError, match="is no plain directory"):
        run(image, request({"late.service": {"Nice": 1}, "sipd.service": {"Nice": 1}}))
    assert tree(image) == before


def test_a_disk_that_refuses_is_undone(image: Path) -> None:
    before = tree(image)
    host = Host(str(image))
    wanted = request({"late.service": {"Nice": 1}, "sipd.service": {"Nice": 1}})
    found = observe(host, wanted)
    planned = plan(wanted, found)
    (image / ETC / "sipd.service.d").write_text("a file where a directory has to be")
    with pytest.raises(RefusedError):
        all_or_nothing(lambda log: apply(host, wanted, found, planned, log))
    (image / ETC / "sipd.service.d").unlink()
    assert tree(image) == before


# --- what systemd makes of it ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "item", "reason"),
    [
        pytest.param(
            {"LoadState": "bad-setting", "LoadError": 'x "Unit sipd.service has a bad unit file setting."'},
            "sipd.service",
            "systemd does not load it with this drop-in: Unit sipd.service has a bad unit file setting.",
            id="a unit that it loads no more",
        ),
        pytest.param(
            {"TasksMax": "28909", "DropInPaths": OURS},
            "sipd.service TasksMax",
            "this systemd does not take 500: for sipd.service it has 28909",
            id="a value that it does not take",
        ),
        pytest.param(
            {"TasksMax": "28909", "DropInPaths": ""},
            "sipd.service TasksMax",
            f"systemd does not read {OURS} for sipd.service, it has 28909",
            id="a file that it does not read",
        ),
    ],
)
def test_what_systemd_does_not_take(shown: dict[str, str], item: str, reason: str) -> None:
    planned = plan(request({"sipd.service": {"TasksMax": 500}}), observed(unit(loaded())))
    _check_taken(planned, {"sipd.service": loaded(TasksMax="500", DropInPaths=OURS)})
    with pytest.raises(HostError) as caught:
        _check_taken(planned, {"sipd.service": loaded(**shown)})
    assert (caught.value.item, caught.value.reason) == (item, reason)
