# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the documentation of the modules for network interfaces shares."""

    DOCUMENTATION = r"""
options:
  disruptive:
    description:
      - Whether a change may take a link down for a moment. Without it, such changes wait for the next boot, unless the
        interface is down already.
      - On a host with calls in progress it counts as V(false), unless O(despite_calls) insists, and the items say which
        calls they wait for. M(siptune.linux.sip_calls_info) says how that is found out.
    type: bool
    default: false
  despite_calls:
    description:
      - Whether O(disruptive) counts also while calls are in progress on the host. Without it, a SIP daemon that runs
        and cannot be asked for its calls counts like one that has some.
    type: bool
    default: false
  state:
    description:
      - V(absent) puts everything back that this module has set, and O(interfaces) does not count. What somebody else
        has changed since is left alone and reported. O(disruptive) counts here too.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predicts what a run would change, without changing anything.
  diff_mode:
    support: full
    description: Shows the files and the live values, before and after.
  platform:
    support: full
    platforms: linux
    description: Linux. Without systemd nothing is kept for the boots to come, and the items say so.
notes:
  - An option that the driver does not have is reported as V(absent), and so is a glob that fits no interface.
  - An interface that is named, and that is not there or is made of software, is an error. The end of a virtual cable
    (veth) can be named.
  - Which options a driver cannot change shows only when they are set, so that check mode may announce one of these.
seealso:
  - name: systemd.link(5)
    description: What udev sets when an interface is added.
    link: https://www.freedesktop.org/software/systemd/man/latest/systemd.link.html
"""
