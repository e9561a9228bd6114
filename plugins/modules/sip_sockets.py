#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_sockets
short_description: Raise the receive buffers of running SIP daemons, without a restart
version_added: 0.1.0
description:
  - Raises the receive buffers of the UDP sockets on which running SIP daemons listen for signalling and control. A
    daemon that stalls for a moment then loses no message.
  - Knows Asterisk, drachtio, FreeSWITCH, Kamailio, OpenSIPS and rtpengine, over IPv4 and IPv6, with several listeners,
    workers and instances. A socket that several processes share is raised once for all of them.
  - Changes no file of a daemon and restarts nothing. Each socket is duplicated for a moment with C(pidfd_getfd(2)),
    checked, set and read back.
  - A raised buffer lasts as long as its socket. At its next start the daemon gets C(net.core.rmem_default), or what it
    asks for itself; each item says how much that is.
  - Never touches the sockets of media. Their ports are read from the command line and the configuration of rtpengine,
    from C(rtp.conf) of Asterisk and from C(switch.conf.xml) of FreeSWITCH. Where these cannot be read, the daemon's
    default range counts.
  - Leaves ports of C(net.ipv4.ip_local_port_range) alone, too, except for those that a proxy has bound to one address.
  - Records the original buffer of a socket in C(/var/lib/siptune/originals.json), and O(state=absent) restores it. The
    record ends with the process.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.originals
options:
  receive_buffer_bytes:
    description:
      - The least receive buffer of each socket in bytes, as C(ss -m) shows it and as the kernel charges datagrams to
        it. A SIP message of 700 to 1400 bytes is charged 2304, one of up to some 600 bytes 1280.
      - A number from 4096 to 2147483646, or a dictionary of C(value), C(rule) and C(why). The rule is V(at_least), so a
        socket is never lowered.
      - A value above 1 percent of the memory is refused. Null or an empty dictionary leaves all sockets alone.
    type: raw
  daemons:
    description: The daemons whose sockets are meant. An empty list stands for all that are running.
    type: list
    elements: str
    choices: [asterisk, drachtio, freeswitch, kamailio, opensips, rtpengine]
    default: []
  units:
    description:
      - The services whose sockets are meant, with their full names, such as V(kamailio@edge.service). An empty list
        stands for all, also for daemons that run without a unit.
      - Does not go with O(state=absent).
    type: list
    elements: str
    default: []
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux 5.6 or later on x86-64 or arm64. Elsewhere the items are V(pending) and say why.
notes:
  - Requires C(CAP_SYS_PTRACE), and C(CAP_NET_ADMIN) for more than C(net.core.rmem_max). Most containers have neither,
    and where C(kernel.yama.ptrace_scope) is 3 nobody reaches a socket. The items are V(pending) then, until the daemon
    starts the next time, and say why.
  - At most 64 sockets are raised, and all of their buffers together take at most 1 percent of the memory when they are
    full. The ports 5060 and 5061 come first. An item and a warning name the sockets that are left.
  - A daemon in a container or in a network namespace of its own is left alone and named. So are a few of
    the processes that users have started under a daemon's name, which M(siptune.linux.sip_calls_info) tells apart.
  - The 8192 lowest descriptors of a daemon are looked at. A daemon opens its listening sockets when it starts.
seealso:
  - module: siptune.linux.sysctl_bulk
  - module: siptune.linux.sip_counters_info
  - name: pidfd_getfd(2)
    description: How a socket of another process is reached.
    link: https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html
"""

EXAMPLES = r"""
- name: Let every SIP socket hold 6 MiB, from now on
  siptune.linux.sip_sockets:
    receive_buffer_bytes: 6291456

- name: One second of 2000 messages for one instance of Kamailio
  siptune.linux.sip_sockets:
    units: [kamailio@edge.service]
    receive_buffer_bytes:
      value: 4608000
      rule: at_least
      why: One second at 2000 messages a second, 2304 bytes each.

- name: Put everything back
  siptune.linux.sip_sockets:
    state: absent
"""

RETURN = r"""
items:
  description:
    - What became of each socket. Daemons that are left alone as a whole have one item each.
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    item:
      description:
        - The daemon, the address and the port. Further sockets of one address and port, which SO_REUSEPORT allows, are
          numbered.
        - The daemon alone, where its sockets are left alone as a whole.
      type: str
      sample: kamailio udp 10.0.0.5:5060 receive buffer
    wanted:
      description: What was asked for, null for a socket that goes back.
      type: str
      sample: at least 6291456
    before:
      description: The receive buffer in bytes, null where it cannot be read.
      type: str
      sample: "425984"
    after:
      description: The same after the call; in check mode, the prediction.
      type: str
      sample: "6291456"
    at_boot:
      description:
        - What such a socket has when the daemon starts the next time, with C(net.core.rmem_default) and
          C(net.core.rmem_max) as they are now. Null where that is not known.
      type: str
      sample: "6291456"
    at_boot_before:
      description: The same before the call, which does not change it.
      type: str
    state:
      description:
        - One of V(ok), V(changed), V(kept), V(absent), V(readonly) and V(pending).
        - V(kept) is a socket that has more, V(absent) one that is gone, or a daemon that was named and is not running.
          V(readonly) is a daemon that is not this host's own to tune, and V(pending) what cannot be reached.
      type: str
      sample: changed
    why:
      description: The reason given with the buffer.
      type: str
      sample: One second at 2000 messages a second, 2304 bytes each.
    reason:
      description:
        - What explains the state. Where the next start has less than what is wanted, which setting gives more.
      type: str
      sample: at its next start it has 1048576, which net.core.rmem_default decides
undone:
  description: What the call had changed already and has put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [kamailio udp 10.0.0.5:5060 receive buffer]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._sockets.module import SIP_SOCKETS


def main() -> None:
    run.main(SIP_SOCKETS)


if __name__ == "__main__":
    main()
