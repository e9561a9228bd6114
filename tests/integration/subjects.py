# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that change a host, each with a host for it and calls of it: what every fault is tried on.

The last one is all of them in a single call, which holds as a whole or not at all.

nic_ring is not among them, as no interface of software has rings: it is nic_link's code with other options, and is
tried in the virtual machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import sandbox
from ansible_collections.siptune.linux.plugins.modules import (
    daemon_pools,
    journald_limits,
    limits_file,
    nic_link,
    sysctl_bulk,
    systemd_limits,
    transaction,
)
from calls import call, write_file
from logins import make_people
from tracing import CHANGING, Call, calls_of

SYSCTL_FILE = "/etc/sysctl.d/90-test.conf"
LIMITS_FILE = "/etc/security/limits.d/90-test.conf"
DROP_IN = "/etc/systemd/system/sipd.service.d/90-siptune.conf"
POOLS_FILE = "/etc/default/opensips"
JOURNALD_FILE = "/etc/systemd/journald.conf.d/90-siptune.conf"
LINK_FILE = "/etc/systemd/network/00-siptune-sip0.link"

Parameters = Mapping[str, Any]


def nothing() -> None:
    """No more than what `make` has made."""


class Subject(NamedTuple):
    """A module, and what to try with it.

    `first` and `second` are parameters of two calls: what the second one does not want any more must go back to its
    original. `absent` puts everything back. `file` is one that it writes, and `by_hand` makes another of the
    administrator's of it. `setting` is what shows whether a call has come to its end.
    """

    module: ModuleType
    make: Callable[[], None]
    first: Parameters
    second: Parameters
    absent: Parameters
    file: str
    by_hand: Callable[[], None]
    calls: str = CHANGING
    stride: int = 1  # of how many moments one is tried

    @property
    def name(self) -> str:
        return self.module.__name__.rsplit(".", 1)[-1]

    def run(self, parameters: Parameters, check: bool = False) -> dict[str, Any]:
        """A call that must succeed."""
        result = call(self.module, check, **parameters)
        assert not result.get("failed"), result["msg"]
        return result

    def failure(self, parameters: Parameters) -> str:
        """The message of a call that must fail, in words."""
        result = call(self.module, **parameters)
        assert result.get("failed"), result
        assert "Traceback" not in result["msg"]
        return str(result["msg"])

    def moments(self, parameters: Parameters) -> list[Call]:
        """What such a call changes, system call by system call."""
        found = calls_of(lambda: self.run(parameters), self.calls, children=False)
        return [one for one in found if one.name != "ioctl" or SETTING_IOCTL in one.line][:: self.stride]


SETTING_IOCTL = "SIOCSIFTXQLEN"  # all others that are made here only read

SIPD = "[Service]\nExecStart=/bin/true\n"
OPENSIPS = """\
[Service]
Environment=P_MEMORY=32 S_MEMORY=32
EnvironmentFile=-/etc/default/opensips
ExecStart=/usr/sbin/opensips -f /etc/opensips.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS
"""

KAMAILIO = """\
[Service]
Environment='SHM_MEMORY=64' 'PKG_MEMORY=8'
EnvironmentFile=-/etc/default/kamailio-%i
ExecStart=/usr/sbin/kamailio -f /etc/kamailio.cfg -m $SHM_MEMORY -M $PKG_MEMORY
"""


def make_units() -> None:
    write_file("/etc/systemd/system/sipd.service", SIPD)
    write_file("/etc/systemd/system/quiet.service", SIPD)


def make_daemons() -> None:
    for name, unit in (("opensips", OPENSIPS), ("kamailio@", KAMAILIO)):
        write_file(f"/etc/systemd/system/{name}.service", unit)
    write_file("/etc/opensips.cfg", "debug=1\n")
    write_file("/etc/kamailio.cfg", "debug=1\n")
    os.makedirs("/etc/default")


def make_settings() -> None:
    write_file("/etc/systemd/journald.conf", "[Journal]\n#SystemMaxUse=\n")


def make_interfaces() -> None:
    sandbox.mount("sysfs", "/sys", "sysfs")
    os.makedirs("/etc/systemd/network")


def _limit(domain: str, item: str, value: object) -> Parameters:
    return {"domain": domain, "type": "hard", "item": item, "value": value}


ALONE = (
    Subject(
        sysctl_bulk,
        nothing,
        first={
            "path": SYSCTL_FILE,
            "settings": {
                "net.core.somaxconn": 9000,
                "net.ipv4.tcp_rmem": "10240 87380",
                "net.ipv4.ip_forward": 1,
                "net.ipv4.conf.all.accept_redirects": 0,
                "net.ipv4.conf.sip*.rp_filter": 2,
            },
        },
        second={
            "path": SYSCTL_FILE,
            "settings": {"net.core.somaxconn": 7000, "net.ipv4.tcp_rmem": "10240 87380", "net.ipv4.tcp_sack": 0},
        },
        absent={"path": SYSCTL_FILE, "state": "absent"},
        file=SYSCTL_FILE,
        by_hand=lambda: write_file(SYSCTL_FILE, "# by hand\nnet.core.somaxconn = 4096\n"),
    ),
    Subject(
        limits_file,
        make_people,
        first={"path": LIMITS_FILE, "limits": [_limit("asterisk", "nofile", 5000), _limit("*", "core", 7)]},
        second={"path": LIMITS_FILE, "limits": [_limit("asterisk", "nofile", 4000)]},
        absent={"path": LIMITS_FILE, "state": "absent"},
        file=LIMITS_FILE,
        by_hand=lambda: write_file(LIMITS_FILE, "# by hand\nops soft core 7\n"),
    ),
    Subject(
        systemd_limits,
        make_units,
        first={"units": {"sipd.service": {"LimitNOFILE": 5000, "Nice": -1}, "quiet.service": {"TasksMax": 300}}},
        second={"units": {"sipd.service": {"LimitNOFILE": 4000}}, "exclusive": True},
        absent={"state": "absent"},
        file=DROP_IN,
        by_hand=lambda: write_file(DROP_IN, "[Service]\nTasksMax=77\n"),
    ),
    Subject(
        daemon_pools,
        make_daemons,
        first={
            "pools": {
                "opensips.service": {"shared_mib": 512, "private_mib": 16},
                "kamailio@edge.service": {"shared_mib": 256},
            }
        },
        second={"pools": {"opensips.service": {"shared_mib": 768}}, "exclusive": True},
        absent={"state": "absent"},
        file=POOLS_FILE,
        by_hand=lambda: write_file(POOLS_FILE, "# by hand\nRUN=yes\nS_MEMORY=64\nP_MEMORY='4'"),
    ),
    Subject(
        journald_limits,
        make_settings,
        first={"max_use": "2G", "why": "The disk is for calls."},
        second={"max_use": "1G"},
        absent={"state": "absent"},
        file=JOURNALD_FILE,
        by_hand=lambda: write_file(JOURNALD_FILE, "[Journal]\nSystemMaxUse=3G\n"),
    ),
    Subject(
        nic_link,
        make_interfaces,
        first={
            "interfaces": {"sip0": {"txqueuelen": 2000, "rps_cpus": "all"}, "rtp0": {"txqueuelen": 1500}},
        },
        second={"interfaces": {"sip0": {"txqueuelen": 1700}}},
        absent={"state": "absent"},
        file=LINK_FILE,
        by_hand=nothing,  # a file of this name that is somebody else's is left alone, and another name taken
        calls=f"{CHANGING},ioctl",
    ),
)


def _all(name: str) -> Parameters:
    """The parameters of a call of all of them."""
    return {
        "calls": [
            {"name": subject.name, "module": subject.name, "arguments": dict(getattr(subject, name))}
            for subject in ALONE
        ]
    }


def _each(name: str) -> Callable[[], None]:
    """What each of them does first, one after the other."""

    def prepare() -> None:
        for subject in ALONE:
            getattr(subject, name)()

    return prepare


TOGETHER = Subject(
    transaction,
    _each("make"),
    first=_all("first"),
    second=_all("second"),
    absent=_all("absent"),
    file=LIMITS_FILE,
    by_hand=_each("by_hand"),
    calls=f"{CHANGING},ioctl",
    stride=5,  # each module by itself is tried at every moment
)
SUBJECTS = (*ALONE, TOGETHER)


def whole_host() -> dict[str, object]:
    """All that tuning could change: kernel parameters, files, and what /sys shows of the interfaces."""
    return {**sandbox.dump(), **dict(_interfaces())}


def _interfaces() -> Iterator[tuple[str, str]]:
    net = Path("/sys/class/net")
    for name in sandbox.INTERFACES:
        if (net / name).exists():  # another /sys than this namespace's shows other interfaces
            yield f"{name} queue", (net / name / "tx_queue_len").read_text(encoding="ascii")
            for queue in (net / name / "queues").glob("rx-*"):
                yield f"{name} {queue.name}", (queue / "rps_cpus").read_text(encoding="ascii")
