# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading .link files off a host, and what three versions of udevadm said of one of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FileChange
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, FileRecord, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import OwnText, Setting, render
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import (
    LinkPlan,
    ProfileChange,
    Verdict,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.observe import (
    UNCHECKED,
    Write,
    apply_links,
    diff_profiles,
    parse_trial,
    read_files,
    try_file,
)

CAPTURED = Path(__file__).parents[2] / "captured"
OURS = "/etc/systemd/network/00-siptune-v0.link"
DEFAULTS = {
    247: "/lib/systemd/network/99-default.link",
    252: "/usr/lib/systemd/network/99-default.link",
    257: "/usr/lib/systemd/network/99-default.link",
}


def answer(version: int, case: str) -> CommandResult:
    """What udevadm of a version printed in one of the cases that were tried."""
    text = (CAPTURED / f"udevadm-net_setup_link-{version}.txt").read_text(encoding="utf-8")
    found = re.search(rf"^===== {case}\nrc (\d+)\n--- stdout\n(.*?)^--- stderr\n(.*?)(?=^=====|\Z)", text, re.M | re.S)
    assert found is not None
    return CommandResult(int(found.group(1)), found.group(2), found.group(3))


class Answering(Host):
    """A host whose udevadm answers what it is told to, and remembers which file it was shown."""

    def __init__(self, root: str, result: CommandResult | None) -> None:
        super().__init__(root)
        self.result = result
        self.shown: list[str | None] = []

    def run(self, arguments: Sequence[str]) -> CommandResult | None:
        assert list(arguments) == ["udevadm", "test-builtin", "net_setup_link", "/sys/class/net/v0"]
        self.shown.append(self.read_text(OURS))
        return self.result


@pytest.mark.parametrize("version", [247, 252, 257])
def test_what_udevadm_says(version: int) -> None:
    name = "" if version == 247 else "v0"
    taken = parse_trial(answer(version, "taken").stdout, answer(version, "taken").stderr, OURS)
    assert (taken.file, taken.name) == (OURS, name)
    assert any("RxNonsense" in complaint for complaint in taken.complaints)
    assert any("TransmitQueueLength" in complaint for complaint in taken.complaints) == (version == 247)
    passed = parse_trial(answer(version, "passed").stdout, answer(version, "passed").stderr, OURS)
    assert (passed.file, passed.name) == (DEFAULTS[version], name)
    renamed = parse_trial(answer(version, "renamed").stdout, "", OURS)
    assert renamed.name == ("" if version == 247 else "renamed0")


@pytest.mark.parametrize("version", [247, 252, 257])
def test_the_verdict_on_a_file(tmp_path: Path, version: int) -> None:
    told = version != 247  # which does not tell the name
    assert try_file(Answering(str(tmp_path), answer(version, "taken")), "v0", OURS, ["RxBufferSize"]) == told
    with pytest.raises(HostError, match=r"does not apply it to v0, but .*99-default"):
        try_file(Answering(str(tmp_path), answer(version, "passed")), "v0", OURS)
    with pytest.raises(HostError, match="does not take it: Unknown key"):
        try_file(Answering(str(tmp_path), answer(version, "taken")), "v0", OURS, ["RxNonsense"])
    renamed = Answering(str(tmp_path), answer(version, "renamed"))
    if not told:
        assert not try_file(renamed, "v0", OURS)
    else:
        with pytest.raises(HostError, match="would rename v0 to renamed0"):
            try_file(renamed, "v0", OURS)


@pytest.mark.parametrize("result", [None, CommandResult(1, "", "Failed to open device '/sys/class/net/v0'")])
def test_nobody_to_ask(tmp_path: Path, result: CommandResult | None) -> None:
    assert not try_file(Answering(str(tmp_path), result), "v0", OURS)


# --- carried out ----------------------------------------------------------------------------

OWN = OwnText((("OriginalName", "v0"),), (), {"nic_ring": {"RxBufferSize": Setting("512", "")}})
FULL = FileRecord(render(OWN).encode(), 0o644, 0, 0)
PROBE = FileRecord(b"# naming\n", 0o644, 0, 0)


def _plan(host: Host, probe: FileRecord | None) -> LinkPlan:
    owner = (Path(host._root).stat().st_uid, Path(host._root).stat().st_gid)  # noqa: SLF001
    record = FULL._replace(uid=owner[0], gid=owner[1])
    change = FileChange(OURS, None, record)
    shown = probe._replace(uid=owner[0], gid=owner[1]) if probe else None
    verdicts = {("v0", "RxBufferSize"): Verdict("changed", "512", ""), ("v0", "X"): Verdict("pending", None, "no")}
    return LinkPlan([change], [Write("v0", change, shown)], [], verdicts, [], {}, {}, {})


def _host(tmp_path: Path, result: CommandResult | None) -> Answering:
    (tmp_path / "etc/systemd").mkdir(parents=True)
    return Answering(str(tmp_path), result)


@pytest.mark.parametrize(("version", "probe", "shown"), [(252, PROBE, "# naming\n"), (257, None, render(OWN))])
def test_udev_is_asked_before_the_file_is_kept(
    tmp_path: Path, version: int, probe: FileRecord | None, shown: str
) -> None:
    host = _host(tmp_path, answer(version, "taken"))
    planned = _plan(host, probe)
    assert apply_links(host, planned, UndoLog()) == planned.verdicts
    assert host.shown == [shown]
    assert host.read_text(OURS) == render(OWN)


@pytest.mark.parametrize("probe", [PROBE, None])
@pytest.mark.parametrize("case", ["renamed", "passed"])
def test_what_udev_does_not_agree_with_is_put_back(tmp_path: Path, probe: FileRecord | None, case: str) -> None:
    host, log = _host(tmp_path, answer(252, case)), UndoLog()
    with pytest.raises(HostError):
        apply_links(host, _plan(host, probe), log)
    assert log.undo() == ([OURS], [])
    assert [path.name for path in tmp_path.rglob("*")] == ["etc", "systemd"]


def test_an_option_that_udev_complains_of_is_put_back(tmp_path: Path) -> None:
    host, log = _host(tmp_path, answer(247, "taken")), UndoLog()
    own = OWN._replace(settings={"nic_link": {"TransmitQueueLength": Setting("2000", "")}})
    planned = _plan(host, None)
    after = planned.files[0].after
    assert after is not None
    change = planned.files[0]._replace(after=after._replace(content=render(own).encode()))
    with pytest.raises(HostError, match="does not take it: Unknown key name 'TransmitQueueLength'"):
        apply_links(host, planned._replace(files=[change], writes=[Write("v0", change, None)]), log)
    assert log.undo() == ([OURS], [])


def test_what_nobody_could_check_says_so(tmp_path: Path) -> None:
    host = _host(tmp_path, None)
    verdicts = apply_links(host, _plan(host, PROBE), UndoLog())
    assert verdicts["v0", "RxBufferSize"] == Verdict("changed", "512", UNCHECKED)
    assert verdicts["v0", "X"].reason == "no"
    assert host.read_text(OURS) == render(OWN)


# --- observed -------------------------------------------------------------------------------


def _write(root: Path, path: str, text: str) -> None:
    (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    (root / path[1:]).write_text(text, encoding="utf-8")


def test_files_with_masks_and_drop_ins(tmp_path: Path) -> None:
    _write(tmp_path, "/usr/lib/systemd/network/99-default.link", "default")
    _write(tmp_path, "/usr/lib/systemd/network/99-default.link.d/a.conf", "vendor's a")
    _write(tmp_path, "/usr/lib/systemd/network/99-default.link.d/b.conf", "vendor's b")
    _write(tmp_path, "/etc/systemd/network/99-default.link.d/b.conf", "our b")
    _write(tmp_path, "/etc/systemd/network/99-default.link.d/ignored", "x")
    _write(tmp_path, "/usr/lib/systemd/network/73-usb-net-by-mac.link", "masked")
    (tmp_path / "etc/systemd/network/73-usb-net-by-mac.link").symlink_to("/dev/null")
    _write(tmp_path, "/run/systemd/network/50-empty.link", "")
    _write(tmp_path, "/usr/lib/systemd/network/50-empty.link", "masked by an empty file")
    (tmp_path / "etc/systemd/network/60-dangling.link").symlink_to("/nowhere")
    files = read_files(Host(str(tmp_path)), 252)
    assert [file.path for file in files] == ["/usr/lib/systemd/network/99-default.link"]
    assert [text for _path, text in files[0].texts] == ["default", "vendor's a", "our b"]
    older = read_files(Host(str(tmp_path)), 247)
    assert [text for _path, text in older[0].texts] == ["default"]


def test_diff_of_profiles() -> None:
    shown = diff_profiles([ProfileChange("u", "uplink", "ethtool.ring-rx", "", "512")])
    assert shown[0]["after"] == "ethtool.ring-rx 512\n"
    assert "uplink" in shown[0]["after_header"]
