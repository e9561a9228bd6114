#!/usr/bin/env bash
# Make a checkout the release of a version: tools/release.sh BIN VERSION
#
# galaxy.yml, the names of the archive in the documentation, and the changelog, into which the fragments go. Nothing is
# committed, tagged or published: whoever releases looks at the difference first.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$1
version=$2

if ! [[ $version =~ ^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}$ ]]; then
    echo "VERSION is MAJOR.MINOR.PATCH, as docs/upgrading.md says, such as: make release VERSION=0.2.0" >&2
    exit 1
fi
if grep --quiet "^  $version:\$" changelogs/changelog.yaml; then
    echo "The changelog has a release $version: choose another version." >&2
    exit 1
fi

sed -i "s/^version: .*/version: $version/" galaxy.yml
# The same files as in release_agreement.py, which holds them against galaxy.yml.
find README.md execution-environment.yml docs \( -name '*.md' -o -name '*.yml' \) -exec \
    sed -i -E "s/siptune-linux-[0-9]+\.[0-9]+\.[0-9]+\.tar\.gz/siptune-linux-$version.tar.gz/g" {} +
# It asks ansible-doc for the plugins that are new.
PATH=$PWD/$bin:$PATH "$bin/antsibull-changelog" release
git status --short
cat <<END

This checkout is $version now. Read the difference, CHANGELOG.md above all. Then:
  git commit --all --message 'Release $version'
  make release-check TAG=v$version
  git tag --annotate v$version
END
