# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container under systemd, in which the real module runs against real units."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ansible

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = Path(ansible.__file__).resolve().parent
SUITES = ("bullseye", "bookworm", "trixie")
START_TIMEOUT_SECONDS = 60
CALL_TIMEOUT_SECONDS = 240

# These parts of /proc/sys are the whole machine's: no mistake in here may reach them.
INIT = """
for tree in vm kernel fs; do
    mount --bind /proc/sys/$tree /proc/sys/$tree && mount -o remount,bind,ro /proc/sys/$tree || exit
done
exec /lib/systemd/systemd
"""

# What Ansible's own wrapper does on a target, in short: only ansible.module_utils and our collection are there.
PACKAGES = """
import sys, types
for name, path in (
    ("ansible", ["/srv/ansible"]),
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", ["/srv/siptune"]),
):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__, sys.modules[name].__file__ = path, "".join(path) + "/__init__.py"
"""
STARTER = f"""
import runpy
{PACKAGES}
from ansible.module_utils import basic
if len(sys.argv) > 3:
    from ansible_collections.siptune.linux.plugins.module_utils._host import host
    host.COMMAND_TIMEOUT_SECONDS = float(sys.argv[3])
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.argv[1].encode(), "legacy"
runpy.run_module("ansible_collections.siptune.linux.plugins.modules." + sys.argv[2], run_name="__main__")
"""

# Counts how often, and with what, systemctl is called.
COUNTER = """#!/bin/sh
echo "$@" >> /run/systemctl-calls
exec /bin/systemctl "$@"
"""

# Runs commands in the container, one a line: podman takes a tenth of a second to start one.
AGENT = """
import json, subprocess, sys
for line in sys.stdin:
    words, text = json.loads(line)
    done = subprocess.run(words, input=None if text is None else text.encode(), capture_output=True)
    answer = [done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")]
    print(json.dumps(answer), flush=True)
"""

SLEEPER = """import os, sys, time
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        break
while True:
    time.sleep(3600)
"""


def podman(*words: str, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The command podman, with the settings that work on this machine."""
    return subprocess.run(
        ["podman", *words],
        input=text,
        env={**os.environ, **settings()},
        capture_output=True,
        text=True,
        errors="replace",
        check=check,
        timeout=CALL_TIMEOUT_SECONDS,
    )


_settings: dict[str, str] = {}


def settings() -> Mapping[str, str]:
    """The environment that podman needs here, found by tools/podman-settings.sh."""
    return _settings


def find_settings(image: str) -> None:
    """Probe once how podman starts a container here. Raises CalledProcessError if it does not."""
    script = CHECKOUT / "tools/podman-settings.sh"
    found = subprocess.run([script, image], capture_output=True, text=True, check=True).stdout.strip()
    if found:
        _settings["CONTAINERS_CONF"] = found


class Done(NamedTuple):
    """What became of a command."""

    status: int
    stdout: str
    stderr: str


class Item(NamedTuple):
    item: str
    wanted: Any
    before: Any
    after: Any
    at_boot_before: Any
    at_boot: Any
    state: str
    why: str
    reason: str


class Result(NamedTuple):
    """What the module said; `items` by name, with the blank made a dot for short: kamailio.service.LimitNOFILE."""

    changed: bool
    items: dict[str, Item]
    raw: dict[str, Any]

    def states(self) -> dict[str, str]:
        return {name: item.state for name, item in self.items.items()}


DROP_IN = "/etc/systemd/system/sipd.service.d/90-siptune.conf"
CAP_SYS_RESOURCE = 24  # linux/capability.h


_numbers = itertools.count(1)  # of this process' containers: a module of tests may have one of its own


class Machine:
    """A container under systemd."""

    def __init__(self, suite: str, image: str) -> None:
        self.suite = suite
        self.name = f"siptune-systemd-{suite}-{os.getpid()}-{next(_numbers)}"
        podman(
            *("run", "--detach", "--name", self.name, "--hostname", suite, "--network", "none"),
            *("--privileged", "--systemd=always", "--pull", "never"),
            *("--volume", f"{CHECKOUT}:/srv/siptune:ro", "--volume", f"{LIBRARY}:/srv/ansible:ro"),
            *(image, "/bin/sh", "-c", INIT),
        )
        self._agent = self._start_agent()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        # Debian 13 is degraded in a container: it cannot load modules.
        while self.run("systemctl", "is-system-running", check=False).strip() not in ("running", "degraded"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"systemd does not come up in {self.name}")
            time.sleep(0.5)
        self.write("/usr/local/bin/systemctl", COUNTER, 0o755)
        self.write("/usr/local/bin/sleeper.py", SLEEPER)

    def _start_agent(self) -> subprocess.Popen[str]:
        # The checkout is read-only, and without a cache every call would compile all of it.
        cache = "PYTHONPYCACHEPREFIX=/var/cache/python"
        words = ["podman", "exec", "-i", "--env", cache, self.name, "/usr/bin/python3", "-c", AGENT]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(words, env={**os.environ, **settings()}, text=True, **pipes)

    def remove(self) -> None:
        self._agent.kill()
        self._agent.wait()
        podman("rm", "--force", "--time", "0", self.name, check=False)

    # --- commands and files ------------------------------------------------------------------

    def execute(self, *words: str, text: str | None = None) -> Done:
        """Run a command in the container."""
        assert self._agent.stdin is not None
        assert self._agent.stdout is not None
        self._agent.stdin.write(json.dumps([words, text]) + "\n")
        self._agent.stdin.flush()
        if not select.select([self._agent.stdout], [], [], CALL_TIMEOUT_SECONDS)[0]:
            raise TimeoutError(f"no answer within {CALL_TIMEOUT_SECONDS} s: {words}")
        return Done(*json.loads(self._agent.stdout.readline()))

    def run(self, *words: str, check: bool = True) -> str:
        """What a command prints in the container. Raises AssertionError if it fails."""
        done = self.execute(*words)
        assert not check or done.status == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def sh(self, script: str) -> str:
        return self.run("/bin/sh", "-ec", script)

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        script = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'
        done = self.execute("/bin/sh", "-c", script, "-", path, f"{mode:o}", text=content)
        assert done.status == 0, f"{path}: {done.stderr}"

    def read(self, path: str) -> str | None:
        done = self.execute("cat", path)
        return done.stdout if done.status == 0 else None

    # --- units -------------------------------------------------------------------------------

    def reset(self) -> None:
        """Take away every unit, drop-in and record that a test may have left, and start a set of scratch units."""
        self.sh(
            "systemctl stop 'sipd*' 'kam@*' quiet transi* loop 2>/dev/null || true; systemctl reset-failed;"
            "find /etc/systemd/system /run/systemd/system -mindepth 1 ! -path '*.wants*' -name '*.d' -type d "
            "-exec rm -rf {} + ; find /etc/systemd/system -maxdepth 1 -type l \\( -name '*.d' -o -lname /dev/null \\) "
            "-delete; rm -rf /etc/systemd/system.control /elsewhere /var/lib/siptune;"
            "rm -f /etc/systemd/system/sipd.service /etc/systemd/system/sipalias.service "
            "/etc/systemd/system/kam@.service /etc/systemd/system/kalias@.service /etc/systemd/system/quiet.service "
            "/etc/systemd/system/loop.service /etc/systemd/system/late.service "
            "/etc/systemd/system/once.service; : > /run/systemctl-calls"
        )
        sleeper = "/usr/bin/python3 /usr/local/bin/sleeper.py"
        self.sh(
            "cd /etc/systemd/system;"
            f"printf '[Service]\\nExecStart={sleeper} 3\\nLimitNOFILE=1024:4096\\nNice=1\\n' > sipd.service;"
            f"printf '[Service]\\nExecStart={sleeper} 1\\nLimitNOFILE=2048:4096\\n' > kam@.service;"
            "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > quiet.service;"
            "ln -s sipd.service /etc/systemd/system/sipalias.service;"
            "ln -s kam@.service /etc/systemd/system/kalias@.service;"
            "systemctl daemon-reload; systemctl start sipd kam@edge kam@core; : > /run/systemctl-calls"
        )
        self.wait_for_own_program("sipd.service", "kam@edge.service", "kam@core.service")

    def wait_for_own_program(self, *units: str) -> None:
        """Until the units run their own program, with its children, and the limits that systemd gives them."""
        self.sh(
            "for unit in " + " ".join(units) + "; do for try in $(seq 100); do"
            "  pid=$(/bin/systemctl show --property MainPID --value $unit);"
            "  [ $pid != 0 ] && grep -q python /proc/$pid/comm &&"
            '  [ -n "$(cat /proc/$pid/task/$pid/children)" ] && break;'
            "  sleep 0.1; [ $try != 100 ];"
            "done; done; sleep 0.1"
        )

    def show(self, unit: str, name: str) -> str:
        return self.run("/bin/systemctl", "show", "--property", name, "--value", "--", unit).strip()

    def pids(self, unit: str) -> list[int]:
        group = self.show(unit, "ControlGroup")
        text = self.sh(
            f"cat /sys/fs/cgroup/systemd{group}/cgroup.procs /sys/fs/cgroup{group}/cgroup.procs 2>/dev/null || true"
        )
        return sorted(set(map(int, text.split())))

    def limit(self, pid: int, name: str) -> tuple[str, str]:
        for line in (self.read(f"/proc/{pid}/limits") or "").split("\n"):
            if line.startswith(name):
                soft, hard = line[len(name) :].split()[:2]
                return soft, hard
        raise AssertionError(f"process {pid} has no {name}")

    def nofile(self, unit: str) -> set[tuple[str, str]]:
        group = self.show(unit, "ControlGroup")
        script = (
            f"cat /sys/fs/cgroup/systemd{group}/cgroup.procs /sys/fs/cgroup{group}/cgroup.procs 2>/dev/null |"
            "while read pid; do grep '^Max open files' /proc/$pid/limits || true; done"
        )
        return {tuple(line.split()[3:5]) for line in self.sh(script).splitlines()}  # type: ignore[misc]

    def may_raise(self) -> bool:
        """Whether hard limits can be raised in this container."""
        status = self.read("/proc/1/status") or ""
        effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
        return bool(int(effective, 16) >> CAP_SYS_RESOURCE & 1)

    # --- the module --------------------------------------------------------------------------

    def module(self, units: Mapping[str, Any] | None = None, check: bool = False, **parameters: Any) -> Result:
        """A call of the real module. Raises AssertionError if it fails."""
        raw = self.call(units, check, **parameters)
        assert "failed" not in raw, raw["msg"]
        return self._result(raw)

    def failure(self, units: Mapping[str, Any] | None = None, check: bool = False, **parameters: Any) -> str:
        """The message of a call that must fail."""
        raw = self.call(units, check, **parameters)
        assert raw.get("failed"), raw
        return raw["msg"]

    def call(
        self,
        units: Mapping[str, Any] | None = None,
        check: bool = False,
        patience_seconds: float | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """What a call of systemd_limits returns."""
        given = {"units": units or {}, **parameters}
        return self.call_module("systemd_limits", given, check, patience_seconds)

    def call_module(
        self, name: str, parameters: Mapping[str, Any], check: bool = False, patience_seconds: float | None = None
    ) -> dict[str, Any]:
        """What a call of one of the modules returns. Of its warnings only the texts."""
        given = {"_ansible_check_mode": check, "_ansible_diff": True, **parameters}
        words = ["/usr/bin/python3", "-c", STARTER, json.dumps({"ANSIBLE_MODULE_ARGS": given}), name]
        done = self.execute(*words, *([] if patience_seconds is None else [str(patience_seconds)]))
        assert done.stdout.startswith("\n{") or done.stdout.startswith("{"), done.stdout + done.stderr
        raw = json.loads(done.stdout)
        raw["warnings"] = [one if isinstance(one, str) else one["event"]["msg"] for one in raw.get("warnings", [])]
        return raw

    @staticmethod
    def _result(raw: dict[str, Any]) -> Result:
        items = {item["item"].replace(" ", "."): Item(**item) for item in raw["items"]}
        return Result(raw["changed"], items, raw)

    def calls_of_systemctl(self) -> list[str]:
        """The calls since the last question, by their first word."""
        calls = (self.read("/run/systemctl-calls") or "").splitlines()
        self.sh(": > /run/systemctl-calls")
        return [next(word for word in call.split() if not word.startswith("-")) for call in calls]

    def dump(self) -> set[str]:
        """Every file below /etc and our records, with its kind, mode, target and content."""
        places = "/etc /var/lib/siptune"
        return set(
            self.sh(
                f"find {places} -printf '%p %y %m %l\\n' 2>/dev/null || true;"
                f"find {places} -type f -exec sha256sum {{}} + 2>/dev/null || true"
            ).splitlines()
        )


def image_with(suite: str, *packages: str) -> str:
    """The image of a suite with more packages, built if need be."""
    build = [CHECKOUT / "tests/images/build", suite, *packages]
    image = subprocess.run(build, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    find_settings(image)
    return image


@contextlib.contextmanager
def machine_with(suite: str, *packages: str) -> Iterator[Machine]:
    """A container of a suite with more packages, for as long as it is used."""
    machine = Machine(suite, image_with(suite, *packages))
    try:
        yield machine
    finally:
        machine.remove()
