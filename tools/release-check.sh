#!/usr/bin/env bash
# Check the archive of a release as a Galaxy server does, and leave it with its checksum:
#
#   tools/release-check.sh VENV DIRECTORY [TAG]
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/$1/bin
directory=$2
tag=${3:-}

"$bin/python" tools/release_agreement.py "$tag"

rm -rf "$directory"
mkdir -p "$directory"
"$bin/ansible-galaxy" collection build --output-path "$directory" >/dev/null
archive=$(basename "$directory"/siptune-linux-*.tar.gz)
(cd "$directory" && sha256sum "$archive" >SHA256SUMS && sha256sum --check --quiet SHA256SUMS)

# The importer runs ansible-doc and ansible-lint itself; the sanity tests are a target of their own.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
imported=$directory/$archive
if ! grep -q '^repository: ' galaxy.yml; then
    echo "galaxy.yml names no repository, which Galaxy asks for: the importer gets an archive with a made-up one."
    mkdir "$scratch/copy" "$scratch/named"
    tar --extract --file "$imported" --directory "$scratch/copy"
    { cat galaxy.yml; echo 'repository: https://example.org/siptune'; } >"$scratch/copy/galaxy.yml"
    rm "$scratch"/copy/{MANIFEST,FILES}.json
    "$bin/ansible-galaxy" collection build --output-path "$scratch/named" "$scratch/copy" >/dev/null
    imported=$scratch/named/$archive
fi
cat >"$scratch/importer.cfg" <<END
[galaxy-importer]
LOG_LEVEL_MAIN = INFO
RUN_ANSIBLE_TEST = False
RUN_FLAKE8 = False
TMP_ROOT_DIR = $scratch
END
if ! PATH=$bin:$PATH GALAXY_IMPORTER_CONFIG=$scratch/importer.cfg \
    "$bin/python" -m galaxy_importer.main "$imported" >"$scratch/log" 2>&1; then
    cat "$scratch/log" >&2
    exit 1
fi
if grep -E '^(ERROR|WARNING)' "$scratch/log"; then
    echo "The importer has the words above against $archive." >&2
    exit 1
fi
echo "$directory/$archive is ready for a release."
