# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For those who know other collections by `nox`: the sessions of antsibull-nox.toml. `make` has everything else."""

import antsibull_nox

antsibull_nox.load_antsibull_nox_toml()
