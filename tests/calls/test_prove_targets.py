# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""siptune.linux.prove against real daemons beside Kamailio over UDP: short proofs of a low rate.

Nothing here is a figure. What is tried is that the load reaches each daemon by each transport, is answered by the
configuration that docs/prove-targets.md has, and that what is not answered is said with the way to make it so.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import targets
from host import CallsError, Host
from namespace import build_tree, namespace_host
from tuning import playbook

KAMAILIO, WITH_TLS, WITH_RTPENGINE = "Kamailio", "Kamailio with TLS", "rtpengine behind Kamailio"
ASTERISK, BY_ADDRESS, BY_PASSWORD = "Asterisk", "The generator by its address", "The user by a password"
ASTERISK_WITH_TLS = "Asterisk with TLS"
CREDENTIALS = {"user": "siptune-prove", "password": "change-me"}
RATES = [1, 2, 4]  # of the steps of a proof up to the last one
FEW, ONE_A_CONNECTION = 2, 4  # the highest rate
MOVING = "forky"  # Debian's next release: on some days its packages do not fit each other


class Target:
    """A host with daemons, that is its own generator."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self._directory = host, directory

    def prove(self, **variables: Any) -> tuple[dict[str, Any], str]:
        """The target in siptune-prove.json, and what is printed."""
        usual = {
            "local": True,
            "step_seconds": 2,
            "max_rate": FEW,
            "max_p99_ms": 5000,
            "directory": str(self._directory),
        }
        given = {f"siptune_prove_{name}": value for name, value in {**usual, **variables}.items()}
        try:
            output = playbook(self.host, "siptune.linux.prove", given)
        except CallsError as error:
            output = str(error)
        report = self._directory / "siptune-prove.json"
        assert report.exists(), output
        return json.loads(report.read_text(encoding="utf-8"))["targets"][0], output

    def holds(self, max_rate: int = FEW, **variables: Any) -> dict[str, Any]:
        """The target whose steps all hold. Fails otherwise."""
        found, output = self.prove(max_rate=max_rate, **variables)
        steps = found["runs"][0]["steps"] if found["runs"] else []
        assert [step["rate"] for step in steps if step["holds"]] == [rate for rate in RATES if rate <= max_rate], output
        assert "sipp" not in self.host.run("ps", "-eo", "comm=")
        return found


def skip_unless_built(suite: str) -> None:
    try:
        build_tree(suite)
    except CallsError as error:
        pytest.skip(f"NOT TESTED: {error}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Starts daemons of a Debian suite with sections of the document."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED without root: there are no namespaces for a host of its own")
    with ExitStack() as stack:

        def started(suite: str, daemons: Sequence[str], headings: Sequence[str], define: str = "") -> Target:
            if suite == MOVING:
                skip_unless_built(suite)
            try:
                host = stack.enter_context(namespace_host(suite))
                targets.configure(host, headings, define)
                targets.start(host, *daemons)
            except CallsError as error:
                pytest.fail(f"NOTHING WAS PROVED: {error}", pytrace=False)
            return Target(host, tmp_path)

        yield started


def test_media_goes_through_an_rtpengine_behind_kamailio(start: Any) -> None:
    target = start("bookworm", ["rtpengine", "kamailio"], [KAMAILIO, WITH_RTPENGINE], "WITH_RTPENGINE")
    found = target.holds(scenario="invite_media", transport="tcp")
    assert (found["daemon"], found["port"], found["warnings"][1:]) == ("kamailio", 5060, [])
    names = {socket["name"] for step in found["runs"][0]["steps"] for socket in step["sockets"]}
    assert {"kamailio 127.0.0.1:5060", "rtpengine 127.0.0.1:2223"} <= names


def test_media_that_passes_by_the_rtpengine_is_said(start: Any) -> None:
    target = start("bookworm", ["rtpengine", "kamailio"], [KAMAILIO, WITH_RTPENGINE])  # which it does not use
    found, output = target.prove(scenario="invite_media", max_rate=1)
    assert found["runs"][0]["steps"][0]["holds"], output
    assert any("rtpengine has relayed none of the media" in warning for warning in found["warnings"]), output


@pytest.mark.parametrize("scenario", ["register", "invite"])
def test_kamailio_over_tls(start: Any, scenario: str) -> None:
    target = start("forky", ["kamailio"], [KAMAILIO, WITH_TLS], "WITH_TLS")
    found = target.holds(ONE_A_CONNECTION, scenario=scenario, transport="tls")
    assert (found["daemon"], found["port"]) == ("kamailio", 5061)


def test_asterisk_by_the_generators_address(start: Any) -> None:
    target = start("bullseye", ["asterisk"], [ASTERISK, BY_ADDRESS])
    found = target.holds()
    assert (found["daemon"], found["address"], found["port"]) == ("asterisk", "127.0.0.1", 5060)
    target.holds(scenario="invite_media")


def test_asterisk_by_a_password(start: Any) -> None:
    target = start("bullseye", ["asterisk"], [ASTERISK, BY_PASSWORD])
    target.holds(scenario="register", **CREDENTIALS)
    found, output = target.prove(scenario="invite", user=CREDENTIALS["user"], password="of another")
    assert re.search(r"answered 401: it asks for credentials; .*compare them with its own", output), output
    assert found["error"]


def test_a_newer_asterisk_over_tls(start: Any) -> None:
    target = start("forky", ["asterisk"], [ASTERISK, BY_PASSWORD, ASTERISK_WITH_TLS])
    found = target.holds(scenario="invite", transport="tls", **CREDENTIALS)
    assert (found["daemon"], found["port"]) == ("asterisk", 5061)


def test_asterisk_as_it_is_packaged_is_told_what_it_lacks(start: Any) -> None:
    target = start("bullseye", ["asterisk"], [])
    found, output = target.prove()
    assert found["daemon"] == "asterisk", output
    assert "answered 404: it knows no such user; give the context of the generator's endpoint" in output
