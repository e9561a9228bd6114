# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test of a file by udevadm 247, 252 and 257."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, HostError
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.udev import parse_trial, try_file
from udev_answers import DEFAULTS, OURS, Answering, answer


@pytest.mark.parametrize("version", [247, 252, 257])
def test_answers(version: int) -> None:
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
    named = version != 247  # which prints no name
    assert try_file(Answering(str(tmp_path), answer(version, "taken")), "v0", OURS, ["RxBufferSize"]) == named
    with pytest.raises(HostError, match=r"does not apply it to v0, but .*99-default"):
        try_file(Answering(str(tmp_path), answer(version, "passed")), "v0", OURS)
    with pytest.raises(HostError, match="does not accept it: Unknown key"):
        try_file(Answering(str(tmp_path), answer(version, "taken")), "v0", OURS, ["RxNonsense"])
    renamed = Answering(str(tmp_path), answer(version, "renamed"))
    if not named:
        assert not try_file(renamed, "v0", OURS)
    else:
        with pytest.raises(HostError, match="would rename v0 to renamed0"):
            try_file(renamed, "v0", OURS)


@pytest.mark.parametrize("result", [None, CommandResult(1, "", "Failed to open device '/sys/class/net/v0'")])
def test_nobody_to_ask(tmp_path: Path, result: CommandResult | None) -> None:
    assert not try_file(Answering(str(tmp_path), result), "v0", OURS)
