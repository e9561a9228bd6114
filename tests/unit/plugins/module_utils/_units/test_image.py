# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Report
from ansible_collections.siptune.linux.plugins.module_utils._host.image import Image
from ansible_collections.siptune.linux.plugins.module_utils._units.image import LEFT, defaults_of_image
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS

BUILT_IN = ("1024", "524288")
DROP_IN = "etc/systemd/system/kamailio.service.d/90-siptune.conf"


def tree(root: Path, files: dict[str, str], version: int = 252) -> Image:
    names = ("usr/lib/systemd/systemd", f"usr/lib/systemd/libsystemd-shared-{version}.so")
    for name, text in {**dict.fromkeys(names, ""), **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "var/lib").mkdir(parents=True, exist_ok=True)
    return Image(str(root))


@pytest.mark.parametrize(
    ("files", "nofile"),
    [
        ({}, BUILT_IN),
        ({"etc/systemd/system.conf": "[Manager]\n#DefaultLimitNOFILE=1:2\n"}, BUILT_IN),
        ({"etc/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=2048:4096\n"}, ("2048", "4096")),
        ({"usr/lib/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=infinity\n"}, None),
        (
            {
                "etc/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=2048\n",
                "usr/lib/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=1\n",
                "usr/lib/systemd/system.conf.d/10-a.conf": "[Manager]\nDefaultLimitNOFILE=3072\n",
                "etc/systemd/system.conf.d/20-b.conf": "[Manager]\nDefaultLimitNOFILE=4096\n",
                "etc/systemd/system.conf.d/30-c.txt": "[Manager]\nDefaultLimitNOFILE=5120\n",
            },
            ("4096", "4096"),
        ),
        ({"etc/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=nonsense\n"}, BUILT_IN),
        ({"etc/systemd/system.conf": "[Service]\nDefaultLimitNOFILE=1\n"}, BUILT_IN),
    ],
)
def test_the_defaults_of_an_image_are_those_of_its_files(
    tmp_path: Path, files: dict[str, str], nofile: tuple[str, str] | None
) -> None:
    found = defaults_of_image(tree(tmp_path, files), 252)
    pair = (found["LimitNOFILESoft"], found["LimitNOFILE"])
    assert pair == nofile if nofile is not None else pair[0] == pair[1]


@pytest.mark.parametrize("version", [None, 239])
def test_the_defaults_of_an_old_systemd_are_unknown(tmp_path: Path, version: int | None) -> None:
    assert defaults_of_image(tree(tmp_path, {}), version) == {}


def run(host: Image, units: dict[str, Any], **more: Any) -> Report:
    arguments = {name: option.get("default") for name, option in SYSTEMD_LIMITS.argument_spec.items()}
    given = {"units": units, "when": "boot", "missing": "report", "shadowed": "report", "state": "present", **more}
    return SYSTEMD_LIMITS.call({**arguments, **given}, "units").run(host, False, UndoLog())


SETTINGS: dict[str, Any] = {
    "kamailio.service": {
        "LimitNOFILE": {"value": 65536, "rule": "at_least"},
        "OOMScoreAdjust": {"value": -600, "rule": "at_most"},
        "TasksMax": {"value": 9000, "rule": "at_least"},
        "OOMPolicy": "kill",
    },
    "opensips.service": {"OOMPolicy": "kill"},
}
UNIT = {"usr/lib/systemd/system/kamailio.service": "[Service]\nExecStart=/usr/sbin/kamailio\n"}


def test_a_unit_of_an_image_gets_what_its_next_start_needs(tmp_path: Path) -> None:
    host = tree(tmp_path, UNIT)
    done = run(host, SETTINGS)
    items = {change.item: (change.state, change.at_boot, change.reason) for change in done.changes}
    assert items["kamailio.service LimitNOFILE"] == ("changed", "65536:524288", "")
    assert items["kamailio.service OOMScoreAdjust"] == ("changed", "-600", "")
    assert items["kamailio.service OOMPolicy"] == ("changed", "kill", "")
    # What systemd gives a unit of tasks is a share of the machine's, and a floor never lowers it.
    assert items["kamailio.service TasksMax"] == ("pending", None, LEFT)
    assert items["opensips.service OOMPolicy"][0] == "pending"
    assert "not installed" in items["opensips.service OOMPolicy"][2]
    text = (tmp_path / DROP_IN).read_text()
    assert "LimitNOFILE=65536:524288\n" in text
    assert "TasksMax" not in text
    again = run(host, SETTINGS)
    assert not again.changed
    back = run(host, {}, state="absent")
    assert back.changed
    assert not (tmp_path / DROP_IN).parent.exists()
    assert not (tmp_path / "var/lib/siptune").exists()


def test_a_unit_that_has_more_keeps_it(tmp_path: Path) -> None:
    unit = {"etc/systemd/system/kamailio.service": "[Service]\nLimitNOFILE=infinity\nTasksMax=20000\n"}
    done = run(tree(tmp_path, unit), {"kamailio.service": SETTINGS["kamailio.service"]})
    states = {change.item.split()[1]: change.state for change in done.changes}
    assert states == {"LimitNOFILE": "kept", "OOMScoreAdjust": "changed", "TasksMax": "kept", "OOMPolicy": "changed"}


def test_a_line_that_a_run_on_the_booted_host_has_written_stays(tmp_path: Path) -> None:
    host = tree(tmp_path, UNIT)
    run(host, SETTINGS)
    path = tmp_path / DROP_IN
    exact = {"kamailio.service": {**SETTINGS["kamailio.service"], "TasksMax": 12000}}
    run(host, exact)
    assert "TasksMax=12000\n" in path.read_text()
    done = run(host, SETTINGS)
    assert "TasksMax=12000\n" in path.read_text()
    assert next(change for change in done.changes if change.item.endswith("TasksMax")).state == "ok"


def test_a_masked_unit_is_said_to_be_masked(tmp_path: Path) -> None:
    host = tree(tmp_path, {})
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/systemd/system/kamailio.service").symlink_to("/dev/null")
    done = run(host, {"kamailio.service": {"OOMPolicy": "kill"}})
    assert [(change.state, change.reason) for change in done.changes] == [
        ("pending", "the unit is masked: in force once it is unmasked and started")
    ]
