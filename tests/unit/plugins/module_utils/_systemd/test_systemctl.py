# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host import host
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._systemd.systemctl import real_name, systemctl

# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "asked", "real"),
    [
        ({}, "sipd.service", "sipd.service"),
        ({}, "late.service", "late.service"),
        ({"alias.service": "sipd.service"}, "alias.service", "sipd.service"),
        ({"alias.service": "/usr/lib/systemd/system/sipd.service"}, "alias.service", "sipd.service"),
        ({"one.service": "two.service", "two.service": "sipd.service"}, "one.service", "sipd.service"),
        ({"one.service": "two.service", "two.service": "one.service"}, "one.service", None),
        ({"sipd.service": "/opt/sipd/sipd.service"}, "sipd.service", "sipd.service"),
        ({"late.service": "/dev/null"}, "late.service", "late.service"),
        ({}, "kam@edge.service", "kam@edge.service"),
        ({"kalias@.service": "kam@.service"}, "kalias@edge.service", "kam@edge.service"),
        ({"kalias@.service": "kam@.service"}, "kalias@.service", "kam@.service"),
        ({"kam@edge.service": "/usr/lib/systemd/system/kam@.service"}, "kam@edge.service", "kam@edge.service"),
        ({}, "none@edge.service", "none@edge.service"),
    ],
)
def test_the_unit_that_a_name_stands_for(image: Path, links: dict[str, str], asked: str, real: str | None) -> None:
    for name, target in links.items():
        (image / "etc/systemd/system" / name).symlink_to(target)
    assert real_name(Host(str(image)), asked) in ([real] if real else list(links))


# --- systemctl ------------------------------------------------------------------------------


def test_a_systemctl_that_fails_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="systemctl is not there"):
        systemctl(Host(), "show")
    script = tmp_path / "systemctl"
    script.write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(HostError, match="systemctl daemon-reload: Failed to connect to bus"):
        systemctl(Host(), "daemon-reload")


def test_a_systemd_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "systemctl"
    script.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(host, "COMMAND_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(HostError) as caught:
        systemctl(Host(), "--no-pager", "show")
    assert str(caught.value) == "systemctl show: did not end within 0.2 s: systemd does not answer"
