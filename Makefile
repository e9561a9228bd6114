# siptune.linux, from a checkout. `make help` lists the targets.
# SPDX-License-Identifier: GPL-3.0-or-later

# The hosts to tune, and more options of ansible-playbook: make site INVENTORY=hosts.yml ARGS='--limit edge1'
INVENTORY ?= tools/localhost.yml
ARGS ?=
# What make release makes of this checkout.
VERSION ?=
# What make release-check holds the version against, and where the source is published.
TAG ?=
REPOSITORY ?=

COLLECTION := .build/ansible_collections/siptune/linux
RESULTS := .build/results
PROMTOOL := .build/promtool
AXE := .build/axe.min.js
# The stages of `make test`, in this order.
STAGES := packages lint unit unit-oldest integration test-calls engines systemd browser sanity build-check molecule test-vm-if-possible
SITE_VENV := .venv
TEST_VENV := .venv-test
OLD_VENV := .venv-py38
ENGINES_VENV := .venv-engines
DOCS_VENV := .venv-docs
RELEASE_VENV := .venv-release

# Inventories may need plugins of other collections: those of the user are found behind this checkout.
USER_COLLECTIONS := $(or $(ANSIBLE_COLLECTIONS_PATH),$(HOME)/.ansible/collections:/usr/share/ansible/collections)
PLAYBOOK := ANSIBLE_CONFIG=ansible.cfg ANSIBLE_COLLECTIONS_PATH='$(CURDIR)/.build:$(USER_COLLECTIONS)' \
	$(SITE_VENV)/bin/ansible-playbook -i '$(INVENTORY)'
BIN := $(TEST_VENV)/bin
WORKFLOWS := $(wildcard .github/workflows/*.yml) docs/fleet/ci/github-workflow.yml

export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
export PYTHON
# Without compiled code each of many processes compiles all of its own: half of the time that collecting the unit tests takes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help site plan audit rollback test check coverage lint style locks docs docs-check docs-site unit unit-oldest integration test-calls engines systemd browser sanity build build-check release release-check test-matrix molecule test-vm vm-shell test-arm64 bench calls prove-figures packets clean

help:  ## list the targets
	@echo 'Tune a host:'
	@grep -hE '^(site|plan|audit|rollback):.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1 \t/' | expand -t 22
	@echo 'Work on the collection:'
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | grep -vE '^(site|plan|audit|rollback):' | sed -E 's/^([a-z0-9-]+):[^#]*## /  make \1 \t/' | expand -t 22

# --- Tune a host ---

site: $(SITE_VENV)/.ready $(COLLECTION)  ## tune this machine, or the hosts of INVENTORY=hosts.yml; more options in ARGS='...'
	$(PLAYBOOK) siptune.linux.site $(ARGS)

plan: ARGS += --check
plan: site  ## show the changes that site would make, and make none

audit: $(SITE_VENV)/.ready $(COLLECTION)  ## report drift and the counters of lost packets, and change nothing; siptune-audit.html
	$(PLAYBOOK) siptune.linux.audit $(ARGS)

rollback: $(SITE_VENV)/.ready $(COLLECTION)  ## put the hosts' original values back
	$(PLAYBOOK) siptune.linux.rollback $(ARGS)

# --- Work on the collection ---

test:  ## all stages below, as CI does, each whether or not those before it failed; a summary at the end
	@tools/stages.py $(RESULTS) $(STAGES)

check: style $(PROMTOOL)  ## the fast part, before each commit: style, types, YAML, shell, unit tests
	$(BIN)/python -m pytest tests/unit -q --numprocesses=auto

lint: style docs-check  ## style, types, YAML, shell, Ansible, documentation, workflows, licences, changelog
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint --offline --profile production
	$(BIN)/antsibull-changelog lint
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self $(COLLECTION)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci docs/fleet/ci/gitlab-ci.yml
	@tools/actionlint.sh .build $(WORKFLOWS)
	$(BIN)/reuse lint --lines

style: $(TEST_VENV)/.ready $(COLLECTION)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/shellcheck tools/*.sh tests/images/* .ci/run

locks: $(TEST_VENV)/.ready  ## write the locks of the requirements anew, with the hashes of all packages
	@tools/locks.sh $(BIN)/uv

docs: $(TEST_VENV)/.ready $(COLLECTION)  ## generate docs/keys.md from the catalogues
	$(BIN)/python docs/generate.py

docs-check: $(TEST_VENV)/.ready $(COLLECTION)  ## check that docs/keys.md is current
	$(BIN)/python docs/generate.py --check

docs-site: packages $(DOCS_VENV)/.ready $(COLLECTION)  ## the documentation as a site, in .build/docs-site/html
	@tools/docs-site.sh $(DOCS_VENV) .build/docs-site

unit: $(TEST_VENV)/.ready $(COLLECTION) $(PROMTOOL)  ## unit tests
	$(BIN)/python -m pytest tests/unit --numprocesses=auto --junitxml=$(RESULTS)/unit.xml

coverage: $(TEST_VENV)/.ready $(COLLECTION) $(PROMTOOL)  ## unit tests, and how much of the plugins they reach
	$(BIN)/coverage run -m pytest tests/unit --junitxml=$(RESULTS)/unit.xml
	$(BIN)/coverage report

unit-oldest:  ## unit tests on Python 3.8, the oldest for targets, if it is installed
	@tools/unit-oldest.sh $(OLD_VENV) $(RESULTS)/unit-oldest.xml

integration: $(TEST_VENV)/.ready $(COLLECTION)  ## the modules on this machine's kernel, in private namespaces
	$(BIN)/python -m pytest tests/integration --ignore=tests/integration/engines --numprocesses=auto --dist=worksteal --junitxml=$(RESULTS)/integration.xml

test-calls: packages $(TEST_VENV)/.ready $(COLLECTION)  ## a stalled Kamailio loses messages on a stock host, and none on a tuned one
	$(BIN)/python -m pytest tests/calls --junitxml=$(RESULTS)/calls.xml

engines: packages $(COLLECTION)  ## the playbooks under ansible-pull, ansible-navigator, ansible-runner, mitogen, and ansible-builder
	@tools/engines.sh $(ENGINES_VENV) $(RESULTS)/engines.xml

systemd: packages $(TEST_VENV)/.ready $(COLLECTION)  ## the modules under a real systemd, in containers
	$(BIN)/python -m pytest tests/systemd --numprocesses=auto --dist=loadgroup --junitxml=$(RESULTS)/systemd.xml

browser: packages $(TEST_VENV)/.ready $(AXE)  ## the pages of the audit and the proof in a real Chromium
	$(BIN)/python -m pytest tests/browser --junitxml=$(RESULTS)/browser.xml

sanity: $(TEST_VENV)/.ready  ## ansible-test sanity
	@tools/sanity.sh $(TEST_VENV)

build: $(SITE_VENV)/.ready  ## pack the collection for ansible-galaxy collection install
	$(SITE_VENV)/bin/ansible-galaxy collection build --force

build-check: $(TEST_VENV)/.ready  ## pack the collection, install it elsewhere, and use it from there
	@tools/build-check.sh $(TEST_VENV)

test-matrix: packages $(TEST_VENV)/.ready $(COLLECTION) $(PROMTOOL)  ## unit tests, sanity and playbooks on each supported ansible-core; ARGS='2.18 2.21'
	@tools/matrix.sh $(TEST_VENV) .build/matrix $(ARGS)

release: $(TEST_VENV)/.ready $(COLLECTION)  ## make this checkout the release of a version, and commit nothing: VERSION=0.2.0
	@tools/release.sh $(BIN) '$(VERSION)'

release-check: $(RELEASE_VENV)/.ready $(TEST_VENV)/.ready  ## whether this is ready for a release, and its archive in .build/release; TAG=v1.2.3 REPOSITORY=https://...
	@$(RELEASE_VENV)/bin/python tools/release_agreement.py $(TAG)
	@$(MAKE) --no-print-directory docs-check docs-site
	$(BIN)/antsibull-changelog lint
	@REPOSITORY='$(REPOSITORY)' tools/release-check.sh $(RELEASE_VENV) .build/release

molecule: packages $(TEST_VENV)/.ready  ## molecule test: containers of Debian 11, 12 and 13
	$(call molecule-test,default)

test-vm: $(TEST_VENV)/.ready  ## molecule test -s vm: virtual machines of Debian 12 and 13, real kernels, real network cards, real reboots
	@tools/vm-packages.sh
	$(call molecule-test,vm)

# However it ends, no container and no virtual machine outlives it. Two at a time would work on the same hosts.
define molecule-test
@export PATH="$(CURDIR)/$(BIN):$$PATH" MOLECULE_COMMAND_BORDERS=false; \
[ -t 1 ] || export NO_COLOR=1 ANSIBLE_NOCOLOR=1; \
trap 'molecule destroy -s $(1)' INT TERM HUP; \
flock --nonblock --close --verbose extensions/molecule/$(1) molecule test -s $(1) </dev/null
endef

vm-shell: $(TEST_VENV)/.ready  ## a shell in a fresh virtual machine, for as long as the shell lasts
	@tools/vm-packages.sh
	@tests/vm/guest.py shell .build/vm

test-arm64:  ## what the modules do on kernels of arm64, in an emulated machine; no stage of make test; ARGS=4k or 16k
	tests/arm64/machine.py $(ARGS)

# For `make test`, which has to pass on a machine that cannot have an emulator, and to say so.
test-vm-if-possible:
	@if tools/vm-packages.sh; then $(MAKE) --no-print-directory test-vm; \
	else tools/not-run.sh $(RESULTS)/molecule-vm.xml 'no emulator for the virtual machine can be installed here, see above'; fi

bench: $(TEST_VENV)/.ready $(COLLECTION)  ## measure against other collections
	@tools/bench-packages.sh $(TEST_VENV) .build/mitogen
	$(BIN)/python tests/bench/run.py $(ARGS)

calls: packages $(TEST_VENV)/.ready $(COLLECTION)  ## measure what a stall costs calls; ARGS='--only machine', ARGS=--write
	$(BIN)/python tests/calls/run.py $(ARGS)

prove-figures: packages $(TEST_VENV)/.ready $(COLLECTION)  ## how often a proof names what holds a host back, stock and tuned; ARGS='--only quota'
	$(BIN)/python tests/calls/prove_figures.py $(ARGS)

packets: packages $(TEST_VENV)/.ready $(COLLECTION)  ## measure packet steering, and a small table of connections, in a virtual machine; ARGS='steering tracking'
	$(BIN)/python tests/calls/packets.py $(ARGS)

clean:  ## remove all that make has created here; images stay under ~/.cache/siptune
	rm -rf .build $(SITE_VENV) $(TEST_VENV) $(OLD_VENV) $(ENGINES_VENV) $(DOCS_VENV) $(RELEASE_VENV) siptune-linux-*.tar.gz

# --- Prerequisites ---

.PHONY: packages test-vm-if-possible
packages:
	@tools/test-packages.sh

# Ansible finds a collection by its place in a tree.
$(COLLECTION):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@

$(PROMTOOL):
	@tools/promtool.sh $@

$(AXE):
	@tools/axe.sh $@

$(SITE_VENV)/.ready: requirements.txt requirements.lock
	@tools/venv.sh $(@D) requirements.txt
	@touch $@

$(TEST_VENV)/.ready: requirements.txt requirements-test.txt requirements-test.lock
	@tools/venv.sh $(@D) requirements-test.txt
	@touch $@

$(DOCS_VENV)/.ready: requirements.txt requirements-docs.txt requirements-docs.lock
	@tools/venv.sh $(@D) requirements-docs.txt
	@touch $@

$(RELEASE_VENV)/.ready: requirements.txt requirements-release.txt requirements-release.lock
	@tools/venv.sh $(@D) requirements-release.txt
	@touch $@
