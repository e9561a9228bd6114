#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_report
short_description: Report the results of an audit, for people, programs and Prometheus
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Prints a table for each host, and writes C(siptune-audit.json), C(siptune-audit.html) and, if asked to,
    C(siptune-audit.prom) on the controller. C(docs/audit.md) has the schema.
  - Reads the results that the playbook C(siptune.linux.audit) has registered for every host of the play, including
    those that failed or could not be reached. Run it once for the play.
  - Works on the controller alone. The files are replaced whole, and all of them or none.
options:
  seconds:
    description: The time between two readings of the counters, 0 for since they began.
    type: int
    default: 0
  directory:
    description: Where the JSON document and the page go. It must be there.
    type: path
    default: .
  query:
    description:
      - A question to the JSON document in JMESPath, which takes the Python library C(jmespath) on the controller. Its
        answer is printed last, and returned.
    type: str
  prometheus:
    description:
      - The directory of the textfile collector of a C(node_exporter) on the controller. It must be there.
      - Hosts of the inventory that are not in the play keep the samples that they have in C(siptune-audit.prom). With
        C(--tags) or C(--skip-tags) the file is left as it was.
    type: path
  strict:
    description: Whether hosts that drift count as failures.
    type: bool
    default: false
  check_only:
    description: Only check the names of variables and the query, and that the files can be written.
    type: bool
    default: false
attributes:
  check_mode:
    support: none
    description: Writes its files in C(check_mode), too, as it changes nothing but them.
  diff_mode:
    support: none
    description: Has nothing to compare.
seealso:
  - module: siptune.linux.apply_layers
  - module: siptune.linux.sip_counters_info
"""

EXAMPLES = r"""
- name: Report
  hosts: sip
  gather_facts: false
  tasks:
    - name: Write the reports
      siptune.linux.audit_report:
        directory: /var/reports
        query: "hosts[?drift>`0`].name"
      run_once: true
"""

RETURN = r"""
paths:
  description: The files that were written.
  returned: always, but with O(check_only)
  type: list
  elements: str
  sample: [/var/reports/siptune-audit.json, /var/reports/siptune-audit.html]
totals:
  description: The figures of the whole fleet, as in the document.
  returned: always, but with O(check_only)
  type: dict
  sample: {hosts: 3, audited: 2, unreachable: 1, failed: 0, hosts_with_drift: 1, drift: 14}
failures:
  description:
    - The hosts that could not be audited as a whole and, with O(strict), those that drift, with the reason.
  returned: always, but with O(check_only)
  type: dict
  sample: {sbc2: "14 items drift: net.core.rmem_max and 13 more"}
query_result:
  description: The answer to O(query).
  returned: always, but with O(check_only)
  type: raw
  sample: [sbc2]
"""
