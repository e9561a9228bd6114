#!/usr/bin/python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP daemon in little, under the name and the options of OpenSIPS or FreeSWITCH, which Debian does not have.

It forks into the background as they do, with workers if the configuration has udp_workers, writes its pid file when
it is ready, and answers every SIP request with 200.
"""

from __future__ import annotations

import argparse
import grp
import os
import pwd
import re
import socket

HEADERS_TO_RETURN = ("via", "from", "to", "call-id", "cseq")  # RFC 3261, 8.2.6.2
DATAGRAM_BYTES = 65535
# Of freeswitch, whose configuration is not read and whose options do not name them.
PID_FILE = "/run/freeswitch/freeswitch.pid"
PORT = 5090


def options() -> argparse.Namespace:
    """What matters here of the command line; the rest, -m 64 or -nonat, is the real daemons'."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-P", dest="pid_file", default=PID_FILE)
    parser.add_argument("-f", dest="configuration")
    parser.add_argument("-u", dest="user")
    parser.add_argument("-g", dest="group")
    return parser.parse_known_args()[0]


def configured(path: str | None) -> tuple[int, int]:
    """The port and the number of workers."""
    if path is None:
        return PORT, 0
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    port = re.search(r"^socket=udp:127\.0\.0\.1:([0-9]+)$", text, re.MULTILINE)
    workers = re.search(r"^udp_workers=([0-9]+)$", text, re.MULTILINE)
    return int(port[1]) if port else PORT, int(workers[1]) if workers else 0


def reply_to(request: str) -> str:
    """A final response to a SIP request."""
    lines = request.split("\r\n\r\n", 1)[0].split("\r\n")[1:]
    headers = [line for line in lines if line.partition(":")[0].strip().lower() in HEADERS_TO_RETURN]
    return "\r\n".join(["SIP/2.0 200 OK", *headers, "Content-Length: 0", "", ""])


def serve(endpoint: socket.socket) -> None:
    """Answer for good."""
    while True:
        request, sender = endpoint.recvfrom(DATAGRAM_BYTES)
        endpoint.sendto(reply_to(request.decode(errors="replace")).encode(), sender)


def main() -> None:
    """Bind, go into the background, tell systemd, give up root, and serve."""
    given = options()
    port, workers = configured(given.configuration)
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.bind(("127.0.0.1", port))
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        # The unit counts as started when this process ends.
        os._exit(0 if os.read(reader, 1) else 1)
    os.setsid()
    with open(given.pid_file, "w", encoding="utf-8") as stream:
        stream.write(f"{os.getpid()}\n")
    if given.group:
        os.setgroups([])
        os.setgid(grp.getgrnam(given.group).gr_gid)
    if given.user:
        os.setuid(pwd.getpwnam(given.user).pw_uid)
    for _worker in range(workers):
        if os.fork() == 0:
            break
    else:
        os.write(writer, b"\n")
    serve(endpoint)


if __name__ == "__main__":
    main()
