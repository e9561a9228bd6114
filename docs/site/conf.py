# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site: the checkout's own pages, as they are, and the references that antsibull-docs makes.

tools/docs-site.sh lays out the source, in which every file has the place that it has in the checkout, so that
links between pages hold in both.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

project = "siptune.linux"
project_copyright = "the siptune authors"
title = html_title = "siptune.linux"
html_short_title = "siptune.linux"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
root_doc = "index"
exclude_patterns = ["docs/site"]

myst_heading_anchors = 4
myst_links_external_new_tab = True

html_theme = "sphinx_ansible_theme"
html_theme_options: dict[str, Any] = {"topbar_links": {}}  # its own lead to the blog and the forum of Ansible
html_copy_source = False
html_show_sphinx = False
html_use_index = False
pygments_style = "ansible"
highlight_language = "text"  # a block that names no language may be of any
default_role = "any"

FOLDER_PAGE = "files.md"
MARKDOWN_LINK = re.compile(r"\]\(([^)#:\s]+)\)")


def link_folders(app: Sphinx, docname: str, source: list[str]) -> None:
    """Lead a link to a folder of the checkout to the page that lists its files."""
    here = (Path(app.srcdir) / docname).parent

    def target(found: re.Match[str]) -> str:
        page = here / found.group(1) / FOLDER_PAGE
        return f"]({found.group(1)}/{FOLDER_PAGE})" if page.is_file() else found.group(0)

    source[0] = MARKDOWN_LINK.sub(target, source[0])


def lead_home(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Lead the theme's own link to the front page of this site, from wherever a page is."""
    context["theme_documentation_home_url"] = context["pathto"](root_doc)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", link_folders)
    app.connect("html-page-context", lead_home)
