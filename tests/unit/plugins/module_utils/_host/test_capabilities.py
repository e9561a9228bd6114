# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.capabilities import (
    BOUNDING,
    CAP_SYS_NICE,
    CAP_SYS_RESOURCE,
    has_capability,
    in_user_namespace,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host

# What podman leaves to root, and what root has outside any container.
CONTAINED = "Name:\tsleep\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n"
WHOLE = "Name:\tsleep\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n"


@pytest.mark.parametrize(
    ("status", "capability", "which", "expected"),
    [
        (WHOLE, CAP_SYS_RESOURCE, "CapEff", True),
        (CONTAINED, CAP_SYS_RESOURCE, "CapEff", False),
        (CONTAINED, CAP_SYS_NICE, BOUNDING, False),
        ("CapEff:\t0000000000800000\n", CAP_SYS_NICE, "CapEff", True),
        ("CapEff:\t0000000000000000\n", CAP_SYS_NICE, "CapEff", False),
        ("Name:\tsleep\n", CAP_SYS_NICE, "CapEff", None),
        ("", CAP_SYS_NICE, BOUNDING, None),
    ],
)
def test_capabilities(status: str, capability: int, which: str, expected: bool | None) -> None:
    assert has_capability(status, capability, which) is expected


@pytest.mark.parametrize(
    ("uid_map", "inside"),
    [
        pytest.param("         0          0 4294967295\n", False, id="the whole machine"),
        pytest.param("         0     100000      65536\n", True, id="an unprivileged container"),
        pytest.param("         0          0          1\n", True, id="one user"),
        pytest.param(None, False, id="a kernel without user namespaces"),
    ],
)
def test_user_namespaces(tmp_path: Path, uid_map: str | None, inside: bool) -> None:
    if uid_map is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/uid_map").write_text(uid_map)
    assert in_user_namespace(Host(str(tmp_path))) is inside
