# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units and environment files of the packages of SIP daemons, as facts: no text of theirs.

Each has its source beside it. A fact that nobody here could look up says NOT VERIFIED.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple


class Package(NamedTuple):
    """A daemon's package: its unit, and the environment files that it brings, as path: {variable: value}.

    `environment_files` are those that the unit names. `account` is who the daemon becomes by itself.
    """

    daemon: str
    unit: str
    start: str
    type: str = "simple"
    user: str = ""
    account: str = ""
    environment: Mapping[str, str] = {}
    environment_files: tuple[str, ...] = ()
    limits: Mapping[str, str] = {}
    brings: Mapping[str, Mapping[str, str]] = {}
    alias: str = ""
    comm: str = ""

    @property
    def runs_as(self) -> str:
        """The account of its processes."""
        return self.user or self.account

    @property
    def command_line(self) -> list[str]:
        """The words that its process was started with, by the unit's own variables and those of its files."""
        found = dict(self.environment)
        for variables in self.brings.values():
            found.update({name: value for name, value in variables.items() if not name.startswith("#")})
        words = re.sub(r"\$\{?([A-Z_]+)\}?", lambda one: found.get(one.group(1), "").strip('"'), self.start)
        return words.replace("%t", "/run").split()

    @property
    def unit_text(self) -> str:
        """The unit's file."""
        lines = ["[Service]", f"Type={self.type}"]
        lines += [f"User={self.user}"] if self.user else []
        lines += [f"Environment={name}={value}" for name, value in self.environment.items()]
        lines += [f"EnvironmentFile={file}" for file in self.environment_files]
        lines += [f"{directive}={value}" for directive, value in self.limits.items()]
        return "\n".join([*lines, f"ExecStart={self.start}", ""])


_KAMAILIO_POOLS = "-f $CFGFILE -m $SHM_MEMORY -M $PKG_MEMORY"
_KAMAILIO_DEFAULTS = {"CFGFILE": "/etc/kamailio/kamailio.cfg", "SHM_MEMORY": "64"}
_OPENSIPS_START = (
    "/usr/sbin/opensips -P %t/opensips/opensips.pid -f /etc/opensips/opensips.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS"
)
_OPENSIPS_DEFAULTS = {"P_MEMORY": "32", "S_MEMORY": "32"}
_OPENSIPS_FILE = {"S_MEMORY": "64", "P_MEMORY": "4", "OPTIONS": '""'}

# kamailio/kamailio pkg/kamailio/obs: kamailio.service, kamailio.sysconfig. The pools are commented out in that.
KAMAILIO_RPM = Package(
    daemon="kamailio",
    unit="kamailio.service",
    start=f"/usr/sbin/kamailio -DD -P /run/kamailio/kamailio.pid {_KAMAILIO_POOLS}",
    user="kamailio",
    environment={**_KAMAILIO_DEFAULTS, "PKG_MEMORY": "4"},
    environment_files=("-/etc/sysconfig/kamailio",),
    brings={"/etc/sysconfig/kamailio": {"#SHM_MEMORY": "64", "#PKG_MEMORY": "4", "DUMP_CORE": "no"}},
)
# Debian's kamailio 5.6 and 6.0 packages, which Ubuntu takes over; kamailio/kamailio pkg/kamailio/deb has the same
KAMAILIO_DEB = Package(
    daemon="kamailio",
    unit="kamailio.service",
    start=f"/usr/sbin/kamailio -P /run/kamailio/kamailio.pid {_KAMAILIO_POOLS}",
    type="forking",
    user="kamailio",
    environment={**_KAMAILIO_DEFAULTS, "PKG_MEMORY": "8"},
    environment_files=("-/etc/default/kamailio", "-/etc/default/kamailio.d/*"),
    brings={"/etc/default/kamailio": {"#SHM_MEMORY": "64", "#PKG_MEMORY": "8", "DUMP_CORE": "no"}},
)
# The template of either, for instances: an environment file of each instance's own
KAMAILIO_RPM_INSTANCES = KAMAILIO_RPM._replace(
    unit="kamailio@.service",
    environment={**KAMAILIO_RPM.environment, "CFGFILE": "/etc/kamailio/kamailio-%i.cfg", "PKG_MEMORY": "8"},
    environment_files=("-/etc/sysconfig/kamailio-%i", "-/etc/sysconfig/kamailio-%i.d/*"),
)
KAMAILIO_DEB_INSTANCES = KAMAILIO_DEB._replace(
    unit="kamailio@.service",
    environment={**KAMAILIO_DEB.environment, "CFGFILE": "/etc/kamailio/kamailio-%i.cfg"},
    environment_files=("-/etc/default/kamailio-%i", "-/etc/default/kamailio-%i.d/*"),
)
# OpenSIPS/opensips packaging/redhat_fedora: opensips.service, opensips.sysconfig
OPENSIPS_RPM = Package(
    daemon="opensips",
    unit="opensips.service",
    start=_OPENSIPS_START,
    type="forking",
    user="opensips",
    environment=_OPENSIPS_DEFAULTS,
    environment_files=("-/etc/sysconfig/opensips",),
    limits={"LimitNOFILE": "262144"},
    brings={"/etc/sysconfig/opensips": _OPENSIPS_FILE},
)
# OpenSIPS/opensips packaging/debian: opensips.service, opensips.default
OPENSIPS_DEB = OPENSIPS_RPM._replace(
    environment_files=("-/etc/default/opensips",),
    brings={"/etc/default/opensips": {"RUN_OPENSIPS": "no", **_OPENSIPS_FILE}},
)
# sipwise/rtpengine el/: rtpengine.service, rtpengine.sysconfig. The environment file must be there.
RTPENGINE_RPM = Package(
    daemon="rtpengine",
    unit="rtpengine.service",
    start="/usr/bin/rtpengine --config-file=${CFG_FILE} --pidfile=${PID_FILE} -f",
    type="notify",
    user="ngcp-rtpengine",
    environment={"CFG_FILE": "/etc/rtpengine/rtpengine.conf"},
    environment_files=("/etc/sysconfig/rtpengine",),
    limits={"LimitNOFILE": "150000"},
    brings={"/etc/sysconfig/rtpengine": {"PID_FILE": "/run/rtpengine/rtpengine.pid"}},
    alias="ngcp-rtpengine.service",
)
# sipwise/rtpengine el/: rtpengine-recording.service
RECORDING_RPM = Package(
    daemon="rtpengine-recording",
    unit="rtpengine-recording.service",
    start="/usr/sbin/rtpengine-recording --config-file=${CFG_FILE} --pidfile=${PID_FILE}",
    type="forking",
    user="ngcp-rtpengine",
    environment={"CFG_FILE": "/etc/rtpengine/rtpengine-recording.conf"},
    environment_files=("/etc/sysconfig/rtpengine-recording",),
    limits={"LimitNOFILE": "100000"},
    brings={"/etc/sysconfig/rtpengine-recording": {"PID_FILE": "/run/rtpengine-recording/rtpengine-recording.pid"}},
    alias="ngcp-rtpengine-recording.service",
    comm="rtpengine-recor",
)
# sipwise/rtpengine debian/ngcp-rtpengine-daemon.service: Sipwise's own packages for Debian and Ubuntu
RTPENGINE_NGCP_DEB = Package(
    daemon="rtpengine",
    unit="ngcp-rtpengine-daemon.service",
    start="/usr/bin/rtpengine -f -E --no-log-timestamps --config-file /etc/rtpengine/rtpengine.conf",
    type="notify",
    user="rtpengine",
    environment_files=("/etc/default/ngcp-rtpengine-daemon",),
    limits={"LimitNOFILE": "150000", "LimitMEMLOCK": "8388608", "RestrictRealtime": "true"},
    brings={"/etc/default/ngcp-rtpengine-daemon": {}},  # what is in it: NOT VERIFIED
    alias="rtpengine.service",
)
# Debian's rtpengine-daemon package (13), which Ubuntu takes over
RTPENGINE_DEB = Package(
    daemon="rtpengine",
    unit="rtpengine-daemon.service",
    start="/usr/bin/rtpengine -f -E --no-log-timestamps --config-file /etc/rtpengine/rtpengine.conf",
    type="notify",
    user="rtpengine",
    environment_files=("/etc/default/rtpengine-daemon",),
    limits={"LimitNOFILE": "150000"},
    brings={"/etc/default/rtpengine-daemon": {}},  # what is in it: NOT VERIFIED
)
# Debian's asterisk package (11); that Ubuntu's 18 to 22 have the same unit: NOT VERIFIED
ASTERISK_DEB = Package(
    daemon="asterisk",
    unit="asterisk.service",
    start="/usr/sbin/asterisk -g -f -p -U asterisk -G asterisk",
    type="notify",
    account="asterisk",
    brings={"/etc/default/asterisk": {}},  # what is in it: NOT VERIFIED
)
# Fedora's and EPEL's asterisk package: NOT VERIFIED, from copies of its unit in people's own set-ups
ASTERISK_RPM = Package(
    daemon="asterisk",
    unit="asterisk.service",
    start="/usr/sbin/asterisk -f -C /etc/asterisk/asterisk.conf",
    user="asterisk",
    environment={"HOME": "/var/lib/asterisk"},
)
# signalwire/freeswitch build/freeswitch.service, which freeswitch.spec installs: no limits at all
FREESWITCH_RPM = Package(
    daemon="freeswitch",
    unit="freeswitch.service",
    start="/usr/bin/freeswitch -nc -nf -u ${USER} -g ${GROUP} $FREESWITCH_PARAMS",
    account="freeswitch",
    environment={"USER": "freeswitch", "GROUP": "freeswitch"},
    environment_files=("-/etc/sysconfig/freeswitch",),
)
# signalwire/freeswitch debian/freeswitch-systemd.freeswitch.service
FREESWITCH_DEB = Package(
    daemon="freeswitch",
    unit="freeswitch.service",
    start="/usr/bin/freeswitch -ncwait -nonat",
    type="forking",
    user="freeswitch",
    limits={"LimitCORE": "infinity", "LimitNOFILE": "100000", "LimitNPROC": "60000", "LimitRTPRIO": "infinity"},
)

EL = (KAMAILIO_RPM, OPENSIPS_RPM, RTPENGINE_RPM, RECORDING_RPM, FREESWITCH_RPM, ASTERISK_RPM)
UBUNTU_2204 = (KAMAILIO_DEB, OPENSIPS_DEB, RTPENGINE_NGCP_DEB, ASTERISK_DEB, FREESWITCH_DEB)
UBUNTU = (KAMAILIO_DEB, OPENSIPS_DEB, RTPENGINE_DEB, ASTERISK_DEB)
