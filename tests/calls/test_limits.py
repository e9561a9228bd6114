# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real daemons run out of: an rtpengine whose ports others take, and a Kamailio that takes 2048 connections."""

from __future__ import annotations

import contextlib
import json
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

from host import Host
from tuning import module, playbook

IN_LIMITS = Path(__file__).with_name("in_limits.py")
CONTROL_PORT = 2223
FIRST_PORT, LAST_PORT = 45000, 50000
RTPENGINE = (
    *("rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--table=-1", "--interface=127.0.0.1"),
    *(f"--listen-ng=127.0.0.1:{CONTROL_PORT}", f"--port-min={FIRST_PORT}", f"--port-max={LAST_PORT}"),
)
CALLS, OUTGOING = 100, 8000


# --- ports ------------------------------------------------------------------------------------


class Relay:
    """A running rtpengine, every bind(2) of which is written down."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def bind_errors(self) -> int:
        """How many times it has found a port of its range taken."""
        ports = range(FIRST_PORT, LAST_PORT + 1)
        found = re.findall(r"sin_port=htons\((\d+)\).*\) = -1 EADDRINUSE", self._trace.read_text(encoding="utf-8"))
        return sum(int(port) in ports for port in found)


@contextlib.contextmanager
def relay(host: Host, directory: Path) -> Iterator[Relay]:
    """An rtpengine, under strace(1), which is not of the host's tree."""
    trace = directory / "binds"
    command = ["strace", "-f", "-qq", "-e", "trace=bind", "-o", str(trace), *host.enter, *RTPENGINE]
    with (directory / "log").open("wb") as log:
        started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield Relay(trace)
    finally:
        started.kill()
        started.wait()


def test_no_port_of_a_relay_is_taken_once_its_range_is_reserved(host: Host, tmp_path: Path) -> None:
    with relay(host, tmp_path) as running:
        stock = host.ask("allocate", IN_LIMITS, control=CONTROL_PORT, calls=CALLS, outgoing=OUTGOING, prefix="stock")
        assert stock["taken"] == CALLS, (tmp_path / "log").read_text(encoding="utf-8")[-2000:]
        assert stock["first"] < FIRST_PORT
        assert stock["last"] > LAST_PORT
        before = running.bind_errors()
        assert before > 0

        (facts,) = [one for one in module(host, "host_facts", {})["ansible_facts"]["siptune_host"]["sip_daemons"]
                    if one["name"] == "rtpengine" and one["running"]]  # fmt: skip
        assert facts["rtp_ports"] == [f"{FIRST_PORT}-{LAST_PORT}"]
        assert facts["sip_ports"] == [CONTROL_PORT]
        playbook(host, "siptune.linux.site", {})
        reserved = host.run("cat", "/proc/sys/net/ipv4/ip_local_reserved_ports").strip()
        assert f"{FIRST_PORT}-{LAST_PORT}" in reserved.split(",")

        tuned = host.ask("allocate", IN_LIMITS, control=CONTROL_PORT, calls=CALLS, outgoing=OUTGOING, prefix="tuned")
        assert tuned["taken"] == CALLS
        assert tuned["chosen"] > OUTGOING
        assert running.bind_errors() == before
        assert "changed=0" in playbook(host, "siptune.linux.site", {})


# --- connections --------------------------------------------------------------------------------

SIP_PORT = 5060
CONNECTIONS, TAKEN = 3000, 2048  # DEFAULT_TCP_MAX_CONNECTIONS, Kamailio src/core/tcp_init.h
FILES = 2 * CONNECTIONS  # more than all of them take: the ceiling is what counts
KAMAILIO = f"""\
#!KAMAILIO
debug=1
log_stderror=no
children=2
tcp_children=2
listen=udp:127.0.0.1:{SIP_PORT}
listen=tcp:127.0.0.1:{SIP_PORT}
loadmodule "sl.so"
loadmodule "pv.so"
request_route {{
    sl_send_reply("200", "OK");
}}
"""


def test_a_proxy_takes_no_more_connections_than_its_own_ceiling(host: Host, tmp_path: Path) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert most > FILES, "NOT TESTED: no process may open as many files here"
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # which the daemon inherits
    host.ask("restart", configuration=KAMAILIO)
    assert host.ask("connect", IN_LIMITS, port=SIP_PORT, count=CONNECTIONS) == {"opened": CONNECTIONS, "kept": TAKEN}

    found = module(host, "host_facts", {})["ansible_facts"]["siptune_host"]["sip_daemons"]
    (running,) = [one for one in found if one["name"] == "kamailio" and one["running"]]
    assert running["sip_ports"] == [SIP_PORT]
    ceilings = {one["name"]: (one["value"], one["set_by"]) for one in running["ceilings"]}
    line = KAMAILIO.split("\n").index("children=2") + 1
    assert ceilings["tcp_max_connections"] == (TAKEN, "default")
    assert ceilings["children"] == (2, f"/etc/kamailio/kamailio.cfg line {line}")
    assert ceilings["tcp_listen_backlog"][0] == _backlog(host)

    said = playbook(host, "siptune.linux.audit", {"siptune_audit_directory": str(tmp_path)})
    assert "Kamailio takes 2048 TCP connections: tcp_max_connections, default" in " ".join(said.split())
    document = json.loads((tmp_path / "siptune-audit.json").read_text(encoding="utf-8"))
    named = [one for one in document["hosts"][0]["ceilings"] if one["name"] == "tcp_max_connections"]
    assert {one["value"] for one in named} == {TAKEN}


def _backlog(host: Host) -> int:
    """What a listening socket was given as its backlog: Send-Q of ss(8)."""
    (line,) = [line for line in host.run("ss", "-Hltn").splitlines() if f":{SIP_PORT} " in line]
    return int(line.split()[2])
