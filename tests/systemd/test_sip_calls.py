# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real daemons with real calls: what sip_calls_info says of them, and what waits for their sake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from machine import Machine

# A proxy that follows its dialogs, which Debian's own configuration does not.
KAMAILIO = """
listen=udp:127.0.0.1:5060
children=2
log_stderror=no
fork=yes
loadmodule "ctl.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "dialog.so"
modparam("rr", "enable_full_lr", 1)
modparam("dialog", "dlg_match_mode", 1)
request_route {
    if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
    if (has_totag()) { loose_route(); t_relay(); exit; }
    dlg_manage();
    record_route();
    t_relay();
}
"""
# One call through the proxy on 5060, between a caller on 5080 and a callee on 5090 that are both in here.
# Sources: RFC 3261, sections 13 and 15; the callee's Contact is where the proxy relays to.
CALL = r"""
import re, socket, sys
def end(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port)); s.settimeout(5)
    return s
caller, callee = end(5080), end(5090)
def header(text, name):
    return re.findall(r"^" + name + r":[^\r]*\r\n", text, re.M)
def message(method, number, totag=""):
    branch = "z9hG4bK" + method + str(number)
    return ("%s sip:callee@127.0.0.1:5090 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=%s\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:caller@127.0.0.1>;tag=caller\r\nTo: <sip:callee@127.0.0.1>%s\r\n"
        "Call-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:caller@127.0.0.1:5080>\r\n%s"
        "Content-Length: 0\r\n\r\n") % (method, branch, totag, sys.argv[2], number, method, route(method))
def route(method):
    return "" if method == "INVITE" else "Route: <sip:127.0.0.1;lr>\r\n"
def answer():
    text, address = callee.recvfrom(65535)
    text = text.decode()
    if text.startswith("ACK"):
        return
    kept = "".join(header(text, "Via") + header(text, "Record-Route") + header(text, "From"))
    to = header(text, "To")[0].rstrip("\r\n").split(";tag")[0] + ";tag=callee\r\n"
    kept += to + "".join(header(text, "Call-ID") + header(text, "CSeq"))
    reply = "SIP/2.0 200 OK\r\n" + kept + "Contact: <sip:callee@127.0.0.1:5090>\r\nContent-Length: 0\r\n\r\n"
    callee.sendto(reply.encode(), address)
def final():
    while True:
        text = caller.recv(65535).decode()
        if text.startswith("SIP/2.0 200"):
            return
        assert text.startswith("SIP/2.0 1"), text
proxy = ("127.0.0.1", 5060)
if sys.argv[1] == "begin":
    caller.sendto(message("INVITE", 1).encode(), proxy); answer(); final()
    caller.sendto(message("ACK", 1, ";tag=callee").encode(), proxy); answer()
else:
    caller.sendto(message("BYE", 2, ";tag=callee").encode(), proxy); answer(); final()
"""
# rtpengine's NG protocol: an offer makes a session, and a delete ends it.
SESSION = r"""
import socket, sys
def text(one):
    return b"%d:%s" % (len(one), one)
sdp = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\n"
words = [b"command", sys.argv[1].encode(), b"call-id", sys.argv[2].encode(), b"from-tag", b"caller"]
words += [b"sdp", sdp] if sys.argv[1] == "offer" else [b"delete delay", b"0"]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(b"c%s d%se" % ("".join(sys.argv[1:3]).encode(), b"".join(map(text, words))), ("127.0.0.1", 2223))
answer = s.recv(65535)
assert b"6:result2:ok" in answer, answer
"""
# A call whose two sides send packets to rtpengine, and the rest for it to relay.
MEDIA = r"""
import re, socket, time
def text(one):
    return b"%d:%s" % (len(one), one)
def ask(command, port, *more):
    sdp = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n" % port
    words = [b"command", command, b"call-id", b"media", b"from-tag", b"caller", *more, b"sdp", sdp]
    control.sendto(b"m%s d%se" % (command, b"".join(map(text, words))), ("127.0.0.1", 2223))
    return "127.0.0.1", int(re.search(rb"m=audio (\d+)", control.recv(65535)).group(1))
sides = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
control = sides.pop(); control.settimeout(5)
for side in sides:
    side.bind(("127.0.0.1", 0))
caller, callee = sides
to_callee = ask(b"offer", caller.getsockname()[1])
to_caller = ask(b"answer", callee.getsockname()[1], b"to-tag", b"callee")
for number in range(50):
    packet = b"\x80\x08" + number.to_bytes(2, "big") + (number * 160).to_bytes(4, "big")
    caller.sendto(packet + b"from" + bytes(160), to_caller)
    callee.sendto(packet + b"back" + bytes(160), to_callee)
    time.sleep(0.01)
"""
RTPENGINE = "[rtpengine]\ntable = -1\ninterface = 127.0.0.1\nlisten-ng = localhost:2223\n"


def daemons(machine: Machine, **waiting: Any) -> dict[str, dict[str, Any]]:
    result = machine.call_module("sip_calls_wait" if waiting else "sip_calls_info", waiting)
    assert "failed" not in result, result
    assert result["changed"] is False
    return {one["daemon"]: one for one in result["daemons"]}


@pytest.fixture
def loopback(machine: Machine) -> Iterator[Machine]:
    """The container with its loopback interface up, and no SIP daemon left behind."""
    machine.run("ip", "link", "set", "lo", "up")
    yield machine
    machine.sh("systemctl stop kamailio asterisk rtpengine-daemon 2>/dev/null || true")


@pytest.fixture
def kamailio(loopback: Machine) -> Machine:
    before = loopback.read("/etc/kamailio/kamailio.cfg.debian") or loopback.read("/etc/kamailio/kamailio.cfg")
    loopback.write("/etc/kamailio/kamailio.cfg.debian", before or "")
    loopback.write("/etc/kamailio/kamailio.cfg", KAMAILIO)
    loopback.run("systemctl", "restart", "kamailio")
    return loopback


def test_no_daemon_is_an_idle_host(loopback: Machine) -> None:
    result = loopback.call_module("sip_calls_wait", {})
    assert (result["idle"], result["daemons"], result["summary"]) == (True, [], "")


def test_kamailio_by_its_dialogs(kamailio: Machine) -> None:
    assert daemons(kamailio, timeout_seconds=30)["kamailio"]["in_progress"] == 0
    kamailio.run("python3", "-c", CALL, "begin", "first")
    kamailio.run("python3", "-c", CALL, "begin", "second")
    seen = daemons(kamailio)["kamailio"]
    assert (seen["in_progress"], seen["unit"], seen["source"]) == (2, "calls", "kamcmd dlg.stats_active")
    kamailio.run("python3", "-c", CALL, "end", "first")
    kamailio.run("python3", "-c", CALL, "end", "second")
    # Kamailio keeps an ended dialog for a few seconds more.
    assert daemons(kamailio, timeout_seconds=60, poll_seconds=1)["kamailio"]["in_progress"] == 0


def test_kamailio_as_debian_configures_it_has_transactions(loopback: Machine) -> None:
    given = loopback.read("/etc/kamailio/kamailio.cfg.debian")
    if given:
        loopback.write("/etc/kamailio/kamailio.cfg", given)
    loopback.run("systemctl", "restart", "kamailio")
    seen = daemons(loopback, timeout_seconds=30, poll_seconds=1)["kamailio"]
    assert (seen["in_progress"], seen["unit"]) == (0, "transactions")
    loopback.sh("chmod 0 /run/kamailio; mv /usr/sbin/kamcmd /usr/sbin/kamcmd.away")
    try:
        seen = daemons(loopback)["kamailio"]
    finally:
        loopback.sh("chmod 770 /run/kamailio; mv /usr/sbin/kamcmd.away /usr/sbin/kamcmd")
    assert seen["in_progress"] is None
    assert "kamcmd: is not installed" in seen["reason"]


def test_a_stopped_kamailio_process_is_not_waited_for(kamailio: Machine) -> None:
    kamailio.sh("kill -STOP $(pgrep -x kamailio)")
    try:
        result = kamailio.call_module("sip_calls_wait", {"timeout_seconds": 1})
    finally:
        kamailio.sh("kill -CONT $(pgrep -x kamailio)")
    assert result["failed"]
    assert "not idle after 1 s: unknown whether calls are in progress: kamailio" in result["msg"]
    assert "did not end within 5 s" in result["msg"]


# Processes called kamailio: of a program of nobody's, of one of root's, and both where others' services and units run.
NOBODYS = """
cp /bin/sleep /usr/local/lib/kamailio
install --owner nobody /bin/sleep /tmp/kamailio
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
systemd-run --unit=web /bin/sh -c "$nobody /usr/local/lib/kamailio 600 & $nobody /tmp/kamailio 600 & wait"
for program in /usr/local/lib/kamailio /tmp/kamailio; do
    $nobody $program 600 >/dev/null 2>&1 &
done
hierarchy=/sys/fs/cgroup/systemd
[ -d $hierarchy ] || hierarchy=/sys/fs/cgroup
own=$hierarchy$(sed -n 's/^1:name=systemd:\\|^0:://p' /proc/1/cgroup | head -1 | sed 's:/init.scope$::')
for group in user@1000.service/app.slice/kamailio.service session-1.scope; do
    mkdir -p $own/user.slice/user-1000.slice/$group
    $nobody /usr/local/lib/kamailio 600 >/dev/null 2>&1 &
    echo $! >$own/user.slice/user-1000.slice/$group/cgroup.procs
done
sleep 1
[ $(pgrep -cx kamailio) = 6 ]
"""


def test_only_what_the_system_has_started_is_a_daemon(loopback: Machine) -> None:
    loopback.sh("systemctl stop kamailio asterisk rtpengine-daemon 2>/dev/null || true")
    try:
        loopback.sh(NOBODYS)
        result = loopback.call_module("sip_calls_wait", {"timeout_seconds": 1})
        assert (result["idle"], result["daemons"]) == (True, [])
        facts = loopback.call_module("host_facts", {})["ansible_facts"]["siptune_host"]
        assert not [one for one in facts["sip_daemons"] if one["running"]]
        counters = loopback.call_module("sip_counters_info", {})["counters"]
        (descriptors,) = [one for one in counters if one["name"] == "Descriptors"]
        assert descriptors["reason"] == "no SIP daemon is running"
        # As long as systemd has started it, the unit and the account may have any name.
        loopback.run("systemd-run", "--unit=pbx", "--uid=daemon", "/usr/local/lib/kamailio", "600")
        loopback.sh("for try in $(seq 100); do pgrep -x -u daemon kamailio && exit; sleep 0.1; done; exit 1")
        assert daemons(loopback)["kamailio"]["in_progress"] is None
    finally:
        loopback.sh("systemctl stop web pbx || true; pkill -x kamailio || true")


def test_asterisk_by_its_calls(loopback: Machine) -> None:
    if loopback.execute("test", "-x", "/usr/sbin/asterisk").status != 0:
        pytest.skip(f"Debian {loopback.suite} has no asterisk")
    loopback.run("systemctl", "restart", "asterisk")
    loopback.sh("for try in $(seq 60); do asterisk -rx 'core waitfullybooted' && exit; sleep 1; done; exit 1")
    assert daemons(loopback)["asterisk"]["in_progress"] == 0
    loopback.run("asterisk", "-rx", "channel originate Local/s@demo application Wait 300")
    seen = daemons(loopback)["asterisk"]
    assert seen["in_progress"] > 0
    busy = f"{seen['in_progress']} call{'s' if seen['in_progress'] > 1 else ''} in progress: asterisk"

    # What only a restart could bring waits for the end of the call.
    pid = loopback.show("asterisk.service", "MainPID")
    units = {"asterisk.service": {"Nice": -3}}
    held = loopback.module(units, restart=True)
    assert held.items["asterisk.service.Nice"].state == "pending"
    assert held.items["asterisk.service.Nice"].reason.endswith(f"not restarted now: {busy}")
    assert loopback.show("asterisk.service", "MainPID") == pid

    failed = loopback.call_module("sip_calls_wait", {"timeout_seconds": 2, "poll_seconds": 1})
    assert failed["msg"] == f"not idle after 2 s: {busy}"
    assert loopback.call_module("sip_calls_wait", {}, check=True)["summary"] == busy

    loopback.run("asterisk", "-rx", "channel request hangup all")
    assert daemons(loopback, timeout_seconds=60, poll_seconds=1)["asterisk"]["in_progress"] == 0
    done = loopback.module(units, restart=True)
    assert done.items["asterisk.service.Nice"].state in ("ok", "changed")
    assert loopback.show("asterisk.service", "MainPID") != pid


def test_the_operator_may_insist(kamailio: Machine) -> None:
    kamailio.run("python3", "-c", CALL, "begin", "third")
    pid = kamailio.show("kamailio.service", "MainPID")
    units = {"kamailio.service": {"Nice": -3}}
    assert kamailio.module(units, restart=True).items["kamailio.service.Nice"].state == "pending"
    done = kamailio.module(units, restart=True, despite_calls=True)
    assert done.items["kamailio.service.Nice"].state in ("ok", "changed")
    assert kamailio.show("kamailio.service", "MainPID") != pid


def test_rtpengine_by_its_sessions(loopback: Machine) -> None:
    if loopback.execute("test", "-x", "/usr/bin/rtpengine").status != 0:
        pytest.skip(f"Debian {loopback.suite} has no rtpengine")
    loopback.write("/etc/rtpengine/rtpengine.conf", RTPENGINE)
    loopback.run("systemctl", "restart", "rtpengine-daemon")
    assert daemons(loopback, timeout_seconds=30, poll_seconds=1)["rtpengine"]["in_progress"] == 0
    loopback.run("python3", "-c", SESSION, "offer", "call1")
    loopback.run("python3", "-c", SESSION, "offer", "call2")
    seen = daemons(loopback)["rtpengine"]
    assert (seen["in_progress"], seen["unit"], seen["source"]) == (2, "sessions", "statistics at 127.0.0.1 port 2223")
    loopback.run("python3", "-c", SESSION, "delete", "call1")
    loopback.run("python3", "-c", SESSION, "delete", "call2")
    assert daemons(loopback, timeout_seconds=60, poll_seconds=1)["rtpengine"]["in_progress"] == 0


def test_an_rtpengine_that_asks_for_a_kernel_module_which_is_not_there(loopback: Machine) -> None:
    if loopback.execute("test", "-x", "/usr/bin/rtpengine").status != 0:
        pytest.skip(f"Debian {loopback.suite} has no rtpengine")
    loopback.write("/etc/rtpengine/rtpengine.conf", RTPENGINE.replace("table = -1", "table = 7"))
    loopback.run("systemctl", "restart", "rtpengine-daemon")
    assert daemons(loopback, timeout_seconds=30, poll_seconds=1)["rtpengine"]["in_progress"] == 0
    loopback.run("python3", "-c", MEDIA)
    (relay,) = loopback.call_module("sip_counters_info", {})["rtpengine"]
    assert (relay["unit"], relay["table"], relay["reason"]) == ("rtpengine-daemon.service", 7, "")
    assert (relay["user_packets"], relay["kernel_packets"]) == (100, 0)
    assert (relay["in_use"], relay["kernel_has_module"]) == (False, None)  # a container does not show the machine's
    facts = loopback.call_module("host_facts", {})["ansible_facts"]["siptune_host"]
    assert [(one["pid"], one["table"]) for one in facts["rtpengine"]] == [(relay["pid"], 7)]
