# siptune.linux, from a checkout. `make help` says what there is.
# SPDX-License-Identifier: GPL-3.0-or-later

# What to tune, and what else to tell ansible-playbook: make site INVENTORY=hosts.yml ARGS='--check --diff'
INVENTORY ?= tools/localhost.yml
ARGS ?=

COLLECTION := .build/ansible_collections/siptune/linux
RESULTS := .build/results
SITE_VENV := .venv
TEST_VENV := .venv-test
OLD_VENV := .venv-py38

PLAYBOOK := ANSIBLE_CONFIG=ansible.cfg $(SITE_VENV)/bin/ansible-playbook -i '$(INVENTORY)'
BIN := $(TEST_VENV)/bin

export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help site plan test lint docs docs-check unit unit-oldest integration sanity build build-check molecule bench clean

help:  ## say what there is
	@echo 'Tune a host:'
	@grep -hE '^(site|plan):.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1 \t/' | expand -t 20
	@echo 'Work on the collection:'
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | grep -vE '^(site|plan):' | sed -E 's/^([a-z-]+):[^#]*## /  make \1 \t/' | expand -t 20

# --- Tune a host ---

site: $(SITE_VENV)/.ready $(COLLECTION)  ## tune this machine, or the hosts of INVENTORY=hosts.yml; more options in ARGS='...'
	$(PLAYBOOK) siptune.linux.site $(ARGS)

plan: ARGS += --check --diff
plan: site  ## show what site would do, and change nothing

# --- Work on the collection ---

test: packages forget lint unit unit-oldest integration sanity build-check molecule  ## everything below, as CI does
	@$(BIN)/python tools/summary.py $(RESULTS)

lint: $(TEST_VENV)/.ready $(COLLECTION) docs-check  ## style, types, YAML, Ansible, changelog
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint --offline --profile production
	$(BIN)/antsibull-changelog lint

docs: $(TEST_VENV)/.ready $(COLLECTION)  ## generate docs/keys.md from the catalogues
	$(BIN)/python docs/generate.py

docs-check: $(TEST_VENV)/.ready $(COLLECTION)  ## see whether docs/keys.md is current
	$(BIN)/python docs/generate.py --check

unit: $(TEST_VENV)/.ready $(COLLECTION)  ## unit tests
	$(BIN)/python -m pytest tests/unit --junitxml=$(RESULTS)/unit.xml

unit-oldest:  ## unit tests on Python 3.8, the oldest that a target may have, where there is one
	@tools/unit-oldest.sh $(OLD_VENV) $(RESULTS)/unit-3.8.xml

integration: $(TEST_VENV)/.ready $(COLLECTION)  ## the modules on this machine's kernel, in private namespaces
	$(BIN)/python -m pytest tests/integration --junitxml=$(RESULTS)/integration.xml

sanity: $(TEST_VENV)/.ready  ## ansible-test sanity
	@tools/sanity.sh $(TEST_VENV)

build:  $(TEST_VENV)/.ready  ## pack the collection for ansible-galaxy collection install
	$(BIN)/ansible-galaxy collection build --force

build-check: $(TEST_VENV)/.ready  ## pack the collection, install it elsewhere, and use it from there
	@tools/build-check.sh $(TEST_VENV)

molecule: packages $(TEST_VENV)/.ready $(COLLECTION)  ## containers of Debian 11, 12 and 13; SCENARIO=..., MOLECULE='test --destroy=never'
	@tools/molecule.sh $(TEST_VENV) $(or $(SCENARIO),default) $(MOLECULE)

bench: $(TEST_VENV)/.ready $(COLLECTION)  ## measure against the usual ways to set kernel parameters
	$(BIN)/python tests/bench/run.py $(ARGS)

clean:  ## remove what make has made here; images stay under ~/.cache/siptune
	rm -rf .build $(SITE_VENV) $(TEST_VENV) $(OLD_VENV) siptune-linux-*.tar.gz

# --- What these need ---

.PHONY: packages forget
packages:
	@tools/test-packages.sh

# The summary is to count this run's results only.
forget:
	@rm -rf $(RESULTS)

# Ansible finds a collection by its place in a tree.
$(COLLECTION):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@

$(SITE_VENV)/.ready: requirements.txt
	@tools/venv.sh $(@D) requirements.txt
	@touch $@

$(TEST_VENV)/.ready: requirements.txt requirements-test.txt
	@tools/venv.sh $(@D) requirements-test.txt
	@touch $@
