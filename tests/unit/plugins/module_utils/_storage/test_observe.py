# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._storage.mounts import parse_mounts
from ansible_collections.siptune.linux.plugins.module_utils._storage.observe import space_faults, storage_findings

ASTERISK = {"name": "asterisk", "installed": True, "running": True, "main_pid": 900}
ROOT = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/mapper/pbx-root rw\n"
SPOOL = "97 27 8:17 / /var/spool rw,relatime shared:50 - ext4 /dev/sdb1 rw,sync\n"
STATUS = "Name:\t{name}\nState:\tS (sleeping)\nPid:\t{pid}\nPPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t{pid}\n"
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max core file size        {core}            unlimited            bytes
"""


class PBX:
    """A host below a directory."""

    def __init__(self, root) -> None:
        self.root = root
        self.write("proc/self/mountinfo", ROOT + SPOOL)
        self.write("proc/sys/kernel/core_pattern", "core\n")
        self.write("proc/sys/kernel/core_uses_pid", "0\n")
        self.process(1, "systemd", "/sbin/init")

    def write(self, path: str, text: str = "") -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def make(self, *directories: str) -> None:
        for directory in directories:
            (self.root / directory).mkdir(parents=True, exist_ok=True)

    def process(self, pid: int, name: str, command: str, uid: int = 0, core: str = "0") -> None:
        for file, text in {
            "comm": f"{name}\n",
            "cmdline": command.replace(" ", "\0") + "\0",
            "status": STATUS.format(name=name, pid=pid, uid=uid),
            "limits": LIMITS.format(core=core),
        }.items():
            self.write(f"proc/{pid}/{file}", text)

    def findings(self, *daemons: dict) -> list[dict]:
        found = storage_findings(Host(str(self.root)), daemons or [ASTERISK])
        json.dumps(found)
        return [one for one in found if one["kind"] != "full"]  # this machine's own disk may well be

    def said(self, *daemons: dict) -> set[tuple[str, str, str]]:
        return {(one["path"], one["purpose"], one["kind"]) for one in self.findings(*daemons)}


@pytest.fixture
def pbx(tmp_path) -> PBX:
    host = PBX(tmp_path)
    host.process(900, "asterisk", "/usr/sbin/asterisk -g -f")
    return host


def test_recordings_on_a_mount_that_waits(pbx: PBX) -> None:
    pbx.make("var/spool/asterisk/monitor", "var/log/asterisk")
    found = pbx.findings()
    assert [(one["path"], one["daemon"], one["mount"], one["device"], one["kind"]) for one in found] == [
        ("/var/spool/asterisk/monitor", "asterisk", "/var/spool", "/dev/sdb1", "sync"),
        ("/var/spool/asterisk", "asterisk", "/var/spool", "/dev/sdb1", "sync"),
    ]
    assert found[0]["free_bytes"] > 0
    assert found[0]["finding"] == "on /dev/sdb1 mounted sync: each write waits for the disk"


def test_a_host_without_a_sip_daemon_has_no_findings(pbx: PBX) -> None:
    pbx.make("var/spool/asterisk/monitor")
    assert storage_findings(Host(str(pbx.root)), []) == []
    assert pbx.said({"name": "asterisk", "installed": False, "main_pid": None}) == set()


def test_an_installed_daemon_that_does_not_run(pbx: PBX) -> None:
    pbx.make("var/spool/asterisk")
    stopped = {"name": "asterisk", "installed": True, "running": False, "main_pid": None}
    assert pbx.said(stopped) == {("/var/spool/asterisk", "spool", "sync")}


def test_a_daemon_in_a_container_has_mounts_of_its_own(pbx: PBX) -> None:
    pbx.make("var/spool/asterisk")
    status = (pbx.root / "proc/900/status").read_text().replace("NSpid:\t900", "NSpid:\t900\t7")
    pbx.write("proc/900/status", status)
    assert pbx.said() == set()


def test_the_configuration_is_followed(pbx: PBX) -> None:
    pbx.write("proc/self/mountinfo", ROOT + "50 27 8:33 / /data rw - xfs /dev/sdc1 rw\n")
    pbx.write("etc/asterisk/asterisk.conf", "[directories]\nastspooldir => /data/spool\n")
    pbx.make("data/spool/voicemail")
    assert pbx.said() == {
        ("/data/spool", "spool", "strictatime"),
        ("/data/spool/voicemail", "voicemail", "strictatime"),
    }


def test_databases_that_run_as_services(pbx: PBX) -> None:
    pbx.write("proc/self/mountinfo", ROOT.replace("rw\n", "rw,data=journal\n"))
    pbx.make("var/lib/mysql", "home/eve/db", "var/lib/pgsql")
    pbx.process(950, "mariadbd", "/usr/sbin/mariadbd", uid=104)
    pbx.make("data/pg")
    pbx.process(952, "postgres", "/usr/lib/postgresql/15/bin/postgres -D /other", uid=105)
    (pbx.root / "proc/952/cwd").symlink_to("/data/pg")
    pbx.process(951, "mysqld", "/usr/sbin/mysqld --datadir=/home/eve/db", uid=1000)
    assert {one["path"] for one in pbx.findings()} == {"/var/lib/mysql", "/data/pg"}


def test_a_disk_whose_cache_is_not_flushed(pbx: PBX) -> None:
    pbx.write("proc/self/mountinfo", ROOT)
    pbx.make("var/spool/asterisk", "sys/devices/vda/queue", "sys/dev/block")
    (pbx.root / "sys/dev/block/254:0").symlink_to("../../devices/vda")
    pbx.write("sys/devices/vda/uevent", "DEVNAME=vda\n")
    pbx.write("sys/devices/vda/cache_type", "write back\n")
    pbx.write("sys/devices/vda/queue/write_cache", "write through\n")
    assert pbx.said() == {("/var/spool/asterisk", "spool", "write_cache")}


def test_a_spool_on_a_server_that_may_be_away(pbx: PBX) -> None:
    nfs = "98 27 0:50 / /var/spool/asterisk/monitor rw,relatime - nfs4 192.0.2.7:/rec rw,sync,hard\n"
    pbx.write("proc/self/mountinfo", ROOT + nfs)
    pbx.make("var/spool/asterisk")
    found = pbx.findings()
    assert [(one["path"], one["device"], one["free_bytes"]) for one in found] == [
        ("/var/spool/asterisk/monitor", None, None)
    ]


# --- logs ------------------------------------------------------------------------------------


@pytest.fixture
def logs(pbx: PBX) -> PBX:
    pbx.write("proc/self/mountinfo", ROOT)
    pbx.write(
        "etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n*.* -/var/log/syslog\nauth.* /var/log/auth.log\n"
    )
    pbx.write("etc/rsyslog.d/50-kamailio.conf", "local0.* -/var/log/kamailio.log\n")
    for name in ("syslog", "auth.log", "kamailio.log", "asterisk/full", "asterisk/full.1", "asterisk/queue_log"):
        pbx.write(f"var/log/{name}")
    pbx.make("var/log/asterisk/cdr-csv")
    pbx.write("etc/logrotate.conf", "weekly\ninclude /etc/logrotate.d\n")
    pbx.write("etc/logrotate.d/rsyslog", "/var/log/syslog\n/var/log/auth.log\n{\n\trotate 4\n}\n")
    pbx.write("etc/logrotate.d/asterisk", "/var/log/asterisk/full {\n\tmaxsize 100M\n}\n")
    pbx.write("etc/logrotate.d/asterisk.rpmsave", "/var/log/asterisk/* {\n\tmaxsize 100M\n}\n")
    return pbx


@pytest.mark.parametrize("uid", [0, 107], ids=["Debian", "Ubuntu"])
def test_logs_that_nothing_bounds(logs: PBX, uid: int) -> None:
    logs.process(700, "rsyslogd", "/usr/sbin/rsyslogd -n -iNONE", uid=uid)
    found = {one["path"]: (one["daemon"], one["finding"].split(":")[0].split(",")[0]) for one in logs.findings()}
    assert found == {
        "/var/log/syslog": ("rsyslogd", "rotated by time alone"),
        "/var/log/auth.log": ("rsyslogd", "rotated by time alone"),
        "/var/log/kamailio.log": ("rsyslogd", "never rotated"),
        "/var/log/asterisk/queue_log": ("asterisk", "never rotated"),
    }


def test_a_rsyslog_that_does_not_run_writes_nothing(logs: PBX) -> None:
    logs.process(700, "rsyslogd", "/usr/sbin/rsyslogd -n", uid=1000)  # somebody's own
    assert {one["path"] for one in logs.findings()} == {"/var/log/asterisk/queue_log"}


def test_includes_that_go_round(logs: PBX) -> None:
    logs.process(700, "rsyslogd", "/usr/sbin/rsyslogd -n")
    logs.write(
        "etc/rsyslog.d/99-again.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n$IncludeConfig /etc/rsyslog.conf\n"
    )
    assert "/var/log/kamailio.log" in {one["path"] for one in logs.findings()}


def test_a_rate_limit_that_is_off_matters_where_rsyslog_writes_files(logs: PBX) -> None:
    logs.write("etc/logrotate.conf", "maxsize 1G\n/var/log/* {\n}\n/var/log/*/* {\n}\n")
    logs.write("etc/systemd/journald.conf.d/10-loud.conf", "[Journal]\nRateLimitBurst=0\n")
    assert logs.findings() == []
    logs.process(700, "rsyslogd", "/usr/sbin/rsyslogd -n")
    found = logs.findings()
    assert [(one["path"], one["purpose"], one["kind"]) for one in found] == [("/var/log", "logs", "no_cap")]
    assert "RateLimitBurst=0 of /etc/systemd/journald.conf.d/10-loud.conf line 2" in found[0]["finding"]


UNBOUNDED = "[Journal]\nSystemMaxUse=1000T\nSystemKeepFree=0\nSystemMaxFiles=0\n"


@pytest.mark.parametrize(
    ("files", "kept", "said"),
    [
        ({}, True, False),
        ({"etc/systemd/journald.conf": UNBOUNDED}, True, True),
        ({"etc/systemd/journald.conf": UNBOUNDED}, False, False),
        ({"etc/systemd/journald.conf": f"{UNBOUNDED}Storage=volatile\n"}, True, False),
        ({"etc/systemd/journald.conf": f"{UNBOUNDED}Storage=none\n"}, True, False),
        ({"usr/lib/systemd/journald.conf.d/50-x.conf": UNBOUNDED}, True, True),
        # A later name wins, and a file of /etc hides the one of its name.
        (
            {
                "usr/lib/systemd/journald.conf.d/50-x.conf": UNBOUNDED,
                "etc/systemd/journald.conf.d/60-y.conf": "[Journal]\nSystemMaxUse=1G\n",
            },
            True,
            False,
        ),
        (
            {
                "usr/lib/systemd/journald.conf.d/50-x.conf": UNBOUNDED,
                "run/systemd/journald.conf.d/50-x.conf": "",
            },
            True,
            False,
        ),
        ({"etc/systemd/journald.conf": UNBOUNDED.replace("Journal", "Other")}, True, False),
    ],
)
def test_the_journal(pbx: PBX, files: dict[str, str], kept: bool, said: bool) -> None:
    pbx.write("proc/self/mountinfo", ROOT)
    pbx.make("var/log", *(["var/log/journal"] if kept else []))
    for path, text in files.items():
        pbx.write(path, text)
    assert pbx.said() == ({("/var/log/journal", "journal", "no_cap")} if said else set())


def test_core_dumps_that_pile_up(pbx: PBX) -> None:
    pbx.write("proc/self/mountinfo", ROOT)
    pbx.make("var/crash")
    pbx.write("proc/sys/kernel/core_pattern", "/var/crash/core.%e.%p\n")
    assert pbx.said() == set()
    pbx.process(900, "asterisk", "/usr/sbin/asterisk -g", core="unlimited")
    assert pbx.said() == {("/var/crash", "core dumps", "no_cap")}


def test_core_dumps_that_systemd_takes(pbx: PBX) -> None:
    pbx.write("proc/self/mountinfo", ROOT)
    pbx.make("var/lib/systemd/coredump")
    pbx.write("proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P %u\n")
    pbx.process(900, "asterisk", "/usr/sbin/asterisk -g", core="unlimited")
    assert pbx.said() == set()
    pbx.write("etc/systemd/coredump.conf", "[Coredump]\nMaxUse=0\nKeepFree=0\n")
    assert pbx.said() == {("/var/lib/systemd/coredump", "core dumps", "no_cap")}


# --- space -----------------------------------------------------------------------------------


class Space:
    """What statvfs(3) says."""

    f_frsize = 4096

    def __init__(self, gib: float, free: float, inodes: int = 0, free_inodes: int = 0) -> None:
        self.f_blocks, self.f_bavail = int(gib * 2**18), int(free * 2**18)
        self.f_files, self.f_favail = inodes, free_inodes


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (Space(100, 20), []),
        (Space(100, 9), ["on /dev/mapper/pbx-root with 9.0 of 100.0 GiB free"]),
        (Space(100, 0), ["on /dev/mapper/pbx-root with 0.0 of 100.0 GiB free"]),
        (Space(4000, 200), []),  # 5 %, but much
        (Space(100, 50, 1000, 20), ["on /dev/mapper/pbx-root with 20 of 1000 inodes free"]),
        (Space(100, 50, 0, 0), []),
        (Space(0, 0), []),
    ],
)
def test_a_disk_that_is_nearly_full(space: Space, said: list[str]) -> None:
    assert [fault.finding for fault in space_faults(parse_mounts(ROOT)[0], space)] == said
