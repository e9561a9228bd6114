# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host import host
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._systemd.systemctl import (
    load_error,
    names_of,
    parse_show,
    real_name,
    show,
    systemctl,
)

CAPTURED = Path(__file__).parents[1] / "captured"

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
    with pytest.raises(HostError, match="there is no command systemctl"):
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


# --- systemctl show -------------------------------------------------------------------------


def test_a_template_is_asked_for_by_its_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "systemctl"
    script.write_text('#!/bin/sh\nprintf "Id=%s\\n\\n" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    shown = show(Host(), ["Id", "MainPID"], ["kam@.service", "kam@edge.service"])
    words = ["show", "--no-pager", "--property=Id,MainPID", "--", "kam@*.service", "kam@edge.service"]
    assert [unit["Id"] for unit in shown] == words
    assert show(Host(), ["Id"], []) == []


@pytest.mark.parametrize("version", [247, 252, 257])
def test_captured_units(version: int) -> None:
    units = {unit["Id"]: unit for unit in parse_show((CAPTURED / f"systemctl-show-{version}.txt").read_text())}
    assert sorted(units) == sorted(
        [
            "sipd.service",
            "kam@core.service",
            "kam@edge.service",
            "quiet.service",
            "masked.service",
            "transi.service",
            "late.service",
            "sip.slice",
        ]
    )
    assert names_of(units["sipd.service"]) == ["sipd.service", "sipalias.service"]
    assert units["sipd.service"]["DropInPaths"] == "/etc/systemd/system/sipd.service.d/90-siptune.conf"
    assert names_of(units["kam@edge.service"])[0] == "kam@edge.service"
    assert [units[f"{name}.service"]["LoadState"] for name in ("quiet", "masked", "late")] == [
        "loaded",
        "masked",
        "not-found",
    ]
    assert units["transi.service"]["Transient"] == "yes"
    assert "is masked" in units["masked.service"]["LoadError"]


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n"])
def test_nothing_shown(text: str) -> None:
    assert parse_show(text) == []


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ({"LoadError": 'org.freedesktop.systemd1.BadUnitSetting "Unit a.service is bad."'}, "Unit a.service is bad."),
        ({"LoadError": ""}, ""),
        ({"LoadError": "odd"}, "odd"),
        ({}, ""),
    ],
)
def test_why_a_unit_could_not_be_loaded(shown: dict[str, str], text: str) -> None:
    assert load_error(shown) == text
