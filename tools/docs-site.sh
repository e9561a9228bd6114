#!/usr/bin/env bash
# Build the documentation site, without network: tools/docs-site.sh VENV DIRECTORY
#
# The source has every page at its place in the checkout, so that links between pages hold in both. Any warning is an error,
# and so is a link to a page or a heading that is not there.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/$1/bin
directory=$2
source=$directory/source
pictures=$directory/pictures
# Where a page links to a folder, the site has a page of its files.
folders="docs/fleet docs/fleet/group_vars docs/monitoring plugins/plugin_utils/_results"

language_of() {
    case $1 in
        *.yml) echo yaml ;;
        *.py) echo python ;;
        *) echo text ;;
    esac
}

rm -rf "$directory"
mkdir -p "$source" "$pictures"
tar --create --exclude=__pycache__ -- *.md execution-environment.yml docs playbooks plugins roles tests | tar --extract --directory "$source"
mv "$source"/docs/site/{conf.py,index.md,ansible-core.rst} "$source/"
mv "$source/docs/site/playbooks.md" "$source/playbooks/index.md"
mv "$source/docs/site/roles.md" "$source/roles/index.md"

for folder in $folders; do
    (
        cd "$source/$folder"
        printf -- '---\norphan: true\n---\n# %s\n' "$folder"
        find . -maxdepth 1 -type f ! -name '*.pyc' -printf '%P\n' | LC_ALL=C sort | while read -r file; do
            case $file in
                *.json) printf '\n## %s\n\n{download}`%s`\n' "$file" "$file" ;;
                *) printf '\n## %s\n\n```{literalinclude} %s\n:language: %s\n```\n' "$file" "$file" "$(language_of "$file")" ;;
            esac
        done
    ) >"$directory/files.md"
    mv "$directory/files.md" "$source/$folder/files.md"
done

# antsibull-docs wants a folder that nobody else can write, and the collection by its place in a tree.
(umask 022 && mkdir -p "$source/collection")
PATH=$bin:$PATH "$bin/antsibull-docs" collection --use-current --squash-hierarchy --fail-on-error \
    --dest-dir "$source/collection" siptune.linux

tools/screenshot.sh "$bin/python" "$pictures"
cp "$pictures"/*.png "$source/docs/"

PATH=$bin:$PATH "$bin/sphinx-build" -W --keep-going --quiet -b html -d "$directory/doctrees" "$source" "$directory/html"
"$bin/python" tools/check_site.py "$directory/html"
