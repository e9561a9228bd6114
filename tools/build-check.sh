#!/usr/bin/env bash
# Pack the collection, install the archive without network, and use it from there: tools/build-check.sh VENV
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/$1/bin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Nothing may come from the checkout that the archive lacks.
export ANSIBLE_CONFIG=$scratch/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$scratch/collections
touch "$ANSIBLE_CONFIG"

"$bin/ansible-galaxy" collection build --output-path "$scratch" >/dev/null
"$bin/ansible-galaxy" collection install --offline --no-deps --collections-path "$scratch/collections" \
    "$scratch"/siptune-linux-*.tar.gz >/dev/null

cd "$scratch"
"$bin/ansible-doc" siptune.linux.sysctl_bulk siptune.linux.host_facts >doc.txt
grep -q "$scratch/collections/ansible_collections/siptune/linux" doc.txt
"$bin/ansible-playbook" --syntax-check siptune.linux.site -i localhost, >/dev/null

unwanted=$(tar -tf siptune-linux-*.tar.gz | grep -E '(^|/)(\.|__pycache__|molecule/|tests/)|^requirements' || true)
if [ -n "$unwanted" ]; then
    printf 'The archive holds files that nobody needs:\n%s\n' "$unwanted" >&2
    exit 1
fi
echo "The archive ($(stat -c %s siptune-linux-*.tar.gz) bytes) installs, and its documentation and playbook are found."
