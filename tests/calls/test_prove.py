# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""siptune.linux.prove against a real Kamailio, with a real SIPp, in a host of its own that is its own generator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sipp
from figures import SHORT_BYTES
from host import CallsError, Host
from tuning import playbook

STALL_MS = 1000
MOST_DEVIATION = 0.15
LINE = re.compile(r"^measured: ([0-9.]+)/s for .*?: (holds|does not hold)(?: \((\w+)\): (.*))?", re.MULTILINE)
REPLY = 'sl_send_reply("200", "OK");'


@pytest.fixture(name="host")
def with_kamailio(host: Host) -> Host:
    """A host of its own on which a stock Kamailio runs."""
    host.ask("restart", configuration=sipp.KAMAILIO)
    return host


def prove(host: Host, directory: Path, **variables: Any) -> str:
    """What a proof prints, whether or not it fails."""
    usual = {
        "local": True,
        "despite_calls": True,  # this Kamailio has no control interface that could say that it has none
        "step_seconds": 3,
        "directory": str(directory),
    }
    given = {f"siptune_prove_{name}": value for name, value in {**usual, **variables}.items()}
    try:
        return playbook(host, "siptune.linux.prove", given)
    except CallsError as error:
        return str(error)


def steps(output: str) -> list[tuple[float, bool, str, str]]:
    """Rate, verdict, place and reason of each step."""
    return [(float(rate), verdict == "holds", where, why) for rate, verdict, where, why in LINE.findall(output)]


def nothing_is_left(host: Host) -> bool:
    processes = host.run("ps", "-eo", "state=,comm=")
    return "sipp" not in processes and not re.search(r"^T", processes, re.MULTILINE)


def test_the_rate_that_survives_a_stall_is_what_the_socket_holds(host: Host, tmp_path: Path) -> None:
    held = host.ask("burst", count=2000, length=SHORT_BYTES)["answered"] / (STALL_MS / 1000)
    output = prove(host, tmp_path, stall=True, stall_ms=STALL_MS, max_rate=round(2 * held))
    found = steps(output)
    holds = max((rate for rate, good, _where, _why in found if good), default=0)
    assert holds == pytest.approx(held, rel=MOST_DEVIATION), output
    failed = [(where, why.split(":")[0]) for _rate, good, where, why in found if not good]
    assert failed, output
    assert set(failed) == {("target", "UdpRcvbufErrors")}, output
    assert nothing_is_left(host)


@pytest.mark.parametrize("scenario", ["options", "register", "invite", "invite_media"])
def test_a_low_ceiling_is_held(host: Host, tmp_path: Path, scenario: str) -> None:
    configuration = sipp.KAMAILIO.replace('== "OPTIONS"', '=~ "OPTIONS|REGISTER"')
    host.ask("restart", configuration=configuration)
    output = prove(host, tmp_path, scenario=scenario, max_rate=10, max_seconds=60)
    assert [rate for rate, good, _where, _why in steps(output) if good] == [1, 2, 4, 8, 10], output
    assert nothing_is_left(host)


@pytest.mark.parametrize(
    ("variables", "configuration", "words"),
    [
        pytest.param({"port": 5099}, sipp.KAMAILIO, "nobody listens on this port", id="closed port"),
        pytest.param(
            {},
            sipp.KAMAILIO.replace(REPLY, 'sl_send_reply("404", "Not Found");'),
            r"answered 404: it knows no such user; answer it first in request_route",
            id="404",
        ),
        pytest.param(
            {},
            sipp.KAMAILIO.replace(REPLY, 'sl_send_reply("503", "Busy");'),
            "answered 503: it is overloaded",
            id="503",
        ),
        pytest.param({"transport": "tls"}, sipp.KAMAILIO, "built without TLS", id="a SIPp without TLS"),
        pytest.param({"transport": "tcp"}, sipp.KAMAILIO, "nobody listens on this port", id="no TCP"),
        pytest.param({"max_rate": 0}, sipp.KAMAILIO, "siptune_prove_max_rate: must be", id="no rate"),
        pytest.param({"local": False}, sipp.KAMAILIO, "there is no generator", id="no generator"),
        pytest.param({"despite_calls": False}, sipp.KAMAILIO, "unknown whether calls are in progress", id="calls"),
    ],
)
def test_a_host_that_cannot_be_proved_is_said(
    host: Host, tmp_path: Path, variables: dict[str, Any], configuration: str, words: str
) -> None:
    if configuration is not sipp.KAMAILIO:  # one that does not answer 200 is not waited for by in_host.py
        host.run("sh", "-c", 'cat >"$0" && pkill kamailio; sleep 1', "/etc/kamailio/kamailio.cfg", text=configuration)
        host.run(
            "sh", "-c", "kamailio -f /etc/kamailio/kamailio.cfg -u kamailio -g kamailio >/dev/null 2>&1 </dev/null"
        )
    output = prove(host, tmp_path, **{"max_rate": 20, **variables})
    assert re.search(words, output), output
    assert nothing_is_left(host)


def test_a_host_without_sipp_is_told_the_package(host: Host, tmp_path: Path) -> None:
    host.run("mv", "/usr/bin/sipp", "/usr/bin/sipp.away")
    assert "apt install sip-tester" in prove(host, tmp_path)
