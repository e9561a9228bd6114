# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.proxy_command import (
    find_daemon,
    option_number,
    running_options,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.execstart import Word


@pytest.mark.parametrize(
    ("line", "name", "shared"),
    [
        ("/usr/sbin/kamailio -P /run/k.pid -f /k.cfg -m 64 -M 8 --atexit=no", "Kamailio", "64"),
        ("/usr/sbin/kamailio --loadmodule -m1 -m 32 -A -m2", "Kamailio", "32"),
        ("/usr/sbin/opensips -P /run/o.pid -f /o.cfg -m64 -M 4", "OpenSIPS", "64"),
        ("/usr/bin/numactl --interleave=all /usr/sbin/opensips -m 7", "OpenSIPS", "7"),
        ("kamailio -m 5", "Kamailio", "5"),
    ],
)
def test_daemon(line: str, name: str, shared: str) -> None:
    found = running_options(line.split())
    assert found is not None
    assert (found.daemon.name, found.options["m"].text) == (name, shared)


@pytest.mark.parametrize(
    "line",
    [
        *("/usr/bin/memcached -m 64", "/etc/init.d/opensips start", "/bin/sh -c kamailio", "/bin/echo kamailio -m 3"),
        *("/usr/bin/podman run -d localhost/proxy /usr/sbin/kamailio -m 64 -DD", ""),
    ],
)
def test_other_programs(line: str) -> None:
    assert running_options(line.split()) is None


def test_a_name_from_a_variable_is_not_a_daemon() -> None:
    assert find_daemon([Word("/bin/x"), Word("/usr/sbin/kamailio", "A", True)]) is None


@pytest.mark.parametrize(
    ("text", "number"), [("64", 64), ("064", 64), ("", None), ("-1", None), ("6M", None), ("²", None)]
)
def test_option_number(text: str, number: int | None) -> None:
    assert option_number(text) == number
