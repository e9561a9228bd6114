# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image in which no systemd runs."""

from __future__ import annotations

from machine import CHECKOUT, LIBRARY, STARTER, Machine, podman


def test_without_systemd_the_drop_ins_are_written(container: Machine) -> None:
    script = (
        'call() { python3 -c "$1" "$2" systemd_limits; echo; };'
        'call "$1" "$2"; cat /etc/systemd/system/sipd.service.d/90-siptune.conf;'
        'call "$1" "$2"; call "$1" "$3"; find /etc/systemd/system -name "*sipd*"'
    )
    units = '{"alias.service": {"LimitNOFILE": 4096}}'
    prepare = (
        "printf '[Service]\\nExecStart=/bin/true\\n' > /lib/systemd/system/sipd.service;"
        "ln -s /lib/systemd/system/sipd.service /etc/systemd/system/alias.service;"
    )
    done = podman(
        *("run", "--rm", "--network", "none", "--pull", "never"),
        *("--volume", f"{CHECKOUT}:/srv/siptune:ro", "--volume", f"{LIBRARY}:/srv/ansible:ro"),
        *(podman("inspect", "--format", "{{.ImageName}}", container.name).stdout.strip(),),
        *("/bin/sh", "-c", prepare + script, "-", STARTER),
        f'{{"ANSIBLE_MODULE_ARGS": {{"units": {units}}}}}',
        '{"ANSIBLE_MODULE_ARGS": {"state": "absent"}}',
    ).stdout
    assert '"changed": true' in done
    assert "systemd does not run here" in done
    assert "LimitNOFILE=4096" in done
    assert done.count('"changed": false') == 1
    assert "sipd.service.d" not in done.splitlines()[-1]
