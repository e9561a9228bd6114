#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prove_report
short_description: Report what a proof has found, for people, programs and Prometheus
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Prints what each target carries and what gave first, and writes C(siptune-prove.json), C(siptune-prove.html) and, if
    asked to, C(siptune-prove.prom) on the controller. C(docs/prove.md) has the schema.
  - Reads what M(siptune.linux.prove_step) has registered for every host of the play, including those that could not be
    proved. Run it once for the play.
  - Works on the controller alone. The files are replaced whole, and all of them or none.
options:
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
      - Hosts of the inventory that are not in the play, and those that could not be proved, keep the samples that they
        have in C(siptune-prove.prom), and so does each other scenario and transport of a host.
    type: path
  strict:
    description: Whether targets count as failures that were not seen to hold their contract.
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
  - module: siptune.linux.prove_step
  - module: siptune.linux.sip_counters_info
"""

EXAMPLES = r"""
- name: Report
  hosts: sip
  gather_facts: false
  tasks:
    - name: Write the reports
      siptune.linux.prove_report:
        directory: /var/reports
        query: "targets[].{name: name, rate: runs[-1].highest_rate}"
      run_once: true
"""

RETURN = r"""
paths:
  description: The files that were written.
  returned: always, but with O(check_only)
  type: list
  elements: str
  sample: [/var/reports/siptune-prove.json, /var/reports/siptune-prove.html]
totals:
  description: How many targets there are, and how many of each verdict.
  returned: always, but with O(check_only)
  type: dict
  sample: {targets: 2, holds: 1, does_not_hold: 1, undecided: 0, no_contract: 0, not_proved: 0}
failures:
  description:
    - The targets that could not be proved and, with O(strict), those that were not seen to hold their contract, with
      the reason.
  returned: always, but with O(check_only)
  type: dict
  sample: {edge2: "there is no generator"}
query_result:
  description: The answer to O(query).
  returned: always, but with O(check_only)
  type: raw
  sample: [{name: edge1, rate: 700.0}]
"""
