#!/usr/bin/env bash
# Build the archive of a release, check it as a Galaxy server does, and leave it with its checksum:
#
#   tools/release-check.sh VENV DIRECTORY
#
# REPOSITORY, the address at which the source is published, gets into the archive where galaxy.yml has none; Galaxy asks for one.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/$1/bin
directory=$2
repository=${REPOSITORY:-}

rm -rf "$directory"
mkdir -p "$directory"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$bin/ansible-galaxy" collection build --output-path "$directory" >/dev/null
archive=$(basename "$directory"/siptune-linux-*.tar.gz)

# An archive of the same content, and with this address: repository URL DIRECTORY.
name_repository() {
    mkdir "$scratch/copy" "$2"
    tar --extract --file "$directory/$archive" --directory "$scratch/copy"
    { grep -v '^repository:' galaxy.yml; echo "repository: $1"; } >"$scratch/copy/galaxy.yml"
    rm "$scratch"/copy/{MANIFEST,FILES}.json
    "$bin/ansible-galaxy" collection build --output-path "$2" "$scratch/copy" >/dev/null
}

imported=$directory/$archive
if [ -n "$repository" ]; then
    name_repository "$repository" "$scratch/named"
    mv "$scratch/named/$archive" "$imported"
elif ! grep -q '^repository: ' galaxy.yml; then
    name_repository https://example.org/siptune "$scratch/named"
    imported=$scratch/named/$archive
fi
(cd "$directory" && sha256sum "$archive" >SHA256SUMS && sha256sum --check --quiet SHA256SUMS)

tools/sanity.sh "$1" "$directory/$archive"

# The importer runs ansible-doc and ansible-lint itself.
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
if [ "$imported" != "$directory/$archive" ]; then
    echo "It names no repository, which Galaxy asks for, and the importer got one with a made-up address: to publish it there, run"
    echo "this again with REPOSITORY=https://..., or name it in galaxy.yml."
fi
