# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation shared by the modules for network interfaces."""

    DOCUMENTATION = r"""
options:
  disruptive:
    description:
      - Whether a change may take a link down for a moment, also with O(state=absent). Without it, such changes wait for
        the next boot, unless the interface is down already.
      - On a host with calls in progress it counts as V(false), unless O(despite_calls) is set, and the items name the
        calls they wait for. M(siptune.linux.sip_calls_info) documents how calls are found.
    type: bool
    default: false
  despite_calls:
    description:
      - Whether O(disruptive) counts even while calls are in progress on the host. Without it, a running SIP daemon that
        does not answer counts as one with calls.
    type: bool
    default: false
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux. Without systemd nothing is persisted for the next boots, and the items say so.
notes:
  - An option that the driver does not have is reported as V(absent), and so is a glob or driver that matches no
    interface. With O(missing=fail) either fails the call.
  - An interface that is given by its name must exist and must not be a software interface. Either end of a virtual
    Ethernet pair (veth, netkit) is permitted.
  - Some drivers reject an option only when it is set, so that check mode may predict a change that is V(absent) in the
    run. With O(missing=fail) the run then puts everything back.
seealso:
  - name: systemd.link(5)
    description: The options that udev sets when an interface is added.
    link: https://www.freedesktop.org/software/systemd/man/latest/systemd.link.html
"""
