# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test of a .link file by udev itself: `udevadm test-builtin net_setup_link`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..._host.host import Host, HostError
from ..._host.network import SYS_CLASS_NET


class Trial(NamedTuple):
    """An answer of udevadm: the file it applies and the interface's name, each empty if it prints none."""

    file: str
    name: str
    complaints: list[str]


def parse_trial(stdout: str, stderr: str, path: str) -> Trial:
    """The answer of udevadm 247, which prints no name, 252 or 257, with its complaints about one file."""
    answers = dict(re.findall(r"^(ID_NET_LINK_FILE|ID_NET_NAME)=(.*)$", stdout, re.MULTILINE))
    complaints = re.findall(rf"^{re.escape(path)}:[0-9]+: (.*)$", stderr, re.MULTILINE)
    return Trial(answers.get("ID_NET_LINK_FILE", ""), answers.get("ID_NET_NAME", ""), complaints)


def try_file(host: Host, interface: str, path: str, options: Iterable[str] = ()) -> bool:
    """Whether udev applies this file to the interface and keeps its name; False if udevadm prints no name.

    Raises HostError if it applies another file, would rename the interface, or does not know one of these options in
    the file. udevadm 247 prints the file only, and 248 to 250 nothing at all.
    """
    done = host.run(["udevadm", "test-builtin", "net_setup_link", f"{SYS_CLASS_NET}/{interface}"])
    if done is None or done.status != 0:
        return False
    trial = parse_trial(done.stdout, done.stderr, path)
    if trial.name and trial.name != interface:
        raise HostError(path, f"udev would rename {interface} to {trial.name} with it; the interface keeps its name")
    if trial.file != path and (trial.file or trial.name):
        raise HostError(path, f"udev does not apply it to {interface}, but {trial.file or 'no file at all'}")
    for option in options:
        for complaint in trial.complaints:
            if re.search(rf"\b{option}\b", complaint):
                raise HostError(path, f"udev does not accept it: {complaint}")
    return trial.name == interface
