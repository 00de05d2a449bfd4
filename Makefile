# `make demo` and `make test` need Python ≥ 3.11 (with venv) and make; everything else is installed below, from the
# hash-pinned locks in requirements/, into three environments:
#   .venv           the package with its command line, and what tests and checks it
#   .venv-sam       AWS's SAM CLI and cfn-lint (they pin their dependencies exactly, so they live apart)
#   .venv-emulator  the local AWS (emulated functions see its packages, so there are few)

PYTHON ?= python3
LAYER := layers/apprunner_watcher
UV := .venv/bin/uv
LOCK := $(CURDIR)/$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	--custom-compile-command 'make lock'

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# behind a proxy that has a certificate authority of its own, the machine's store knows it
export UV_SYSTEM_CERTS := 1

.PHONY: help setup check test build deploy demo demo-up demo-down invoke score docs bench lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/ready .venv-sam/ready .venv-emulator/ready ## Install everything (done by the other targets too)

.venv/ready: requirements/bootstrap.txt requirements/dev.txt $(LAYER)/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=…)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(UV) pip sync --quiet --python .venv/bin/python --require-hashes requirements/bootstrap.txt requirements/dev.txt
	$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable $(LAYER)
	@touch $@

.venv-sam/ready .venv-emulator/ready: .venv-%/ready: requirements/%.txt .venv/ready
	$(UV) venv --quiet --clear --python .venv/bin/python .venv-$*
	$(UV) pip sync --quiet --python .venv-$*/bin/python --require-hashes requirements/$*.txt
	@touch $@

check: .venv/ready .venv-sam/ready ## Format, types, import rules, template lint, unit tests; no network, two minutes
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target check-units check-promises check-texts

.PHONY: check-units check-promises check-texts
check-units:
	.venv/bin/pytest --quiet tests/unit

check-promises:
	.venv/bin/pytest --quiet tests/scenarios tests/house tests/template/test_template.py

check-texts:
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv-sam/bin/cfn-lint template.yaml
	.venv-sam/bin/sam validate --lint --template template.yaml

test: setup ## Every test: unit, scenarios, house, aws, template, local AWS, end to end
	.venv/bin/pytest

build: .venv/ready .venv-sam/ready ## Build what is deployed (.aws-sam/build)
	.venv-sam/bin/sam build

deploy: build ## Build and deploy into your account, with questions
	.venv-sam/bin/sam deploy --guided

demo: setup ## Explain a recorded incident through the deployed local stack: make demo RECORDING=path
	.venv/bin/python -m local.demo "$(RECORDING)"

demo-up: setup ## Keep the local AWS up to play with
	.venv/bin/python -m local.up "$(RECORDING)"

demo-down: setup ## Stop it
	.venv/bin/python -m local.down

invoke: setup ## Run the built function without a container engine: make invoke EVENT=events/x.json [RECORDING=…]
	.venv/bin/python -m local.invoke "$(EVENT)" "$(RECORDING)"

RECORDINGS ?= events/recordings $(wildcard ../shared/recordings/field)

score: .venv/ready ## How often the answer is right, over recordings whose cause is confirmed: make score [RECORDINGS=folder]
	.venv/bin/apprunner-watcher score $(RECORDINGS)

docs: .venv/ready ## Write docs/rules.md anew from the catalogue
	.venv/bin/apprunner-watcher rules --markdown > docs/rules.md

bench: .venv/ready ## Measure: gather with every call at 50 ms, redaction and rules over 10,000 lines
	.venv/bin/python -m local.bench

lock: .venv/ready ## Resolve the dependencies anew and write the locks
	cd $(LAYER) && $(LOCK) --upgrade requirements.in --output-file requirements.txt && \
	$(LOCK) --upgrade requirements-build.in --output-file requirements-build.txt
	for name in bootstrap dev sam emulator; do $(LOCK) --upgrade requirements/$$name.in --output-file requirements/$$name.txt; done

clean: ## Remove what was installed and built
	rm -rf .venv .venv-sam .venv-emulator .aws-sam .local-aws
