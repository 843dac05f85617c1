# Everything starts here. On a machine with only Python 3.11 and make, `make demo` and `make test` fetch the rest.

PYTHON ?= python3
BIN := .venv/bin
COMPLIANCE := .venv-compliance
BOOTSTRAP := @$(PYTHON) packaging/bootstrap.py
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --annotation-style line

.DEFAULT_GOAL := help
.PHONY: demo run test lint compliance bench locks defaults failures texts screenshots package clean help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: ## set everything up and open the app on demo data (no account needed)
	$(BOOTSTRAP) run
	@$(BIN)/python -m grokdesk --demo

run: ## start GrokDesk on your own data
	$(BOOTSTRAP) run
	@$(BIN)/python -m grokdesk

test: ## run the tests (ARGS="-k words" narrows them)
	$(BOOTSTRAP) test
	@QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m pytest $(ARGS)

lint: ## ruff, format, types and import rules; runs all four, then says which failed
	$(BOOTSTRAP) lint
	@failed=; \
	$(BIN)/ruff check . || failed="$$failed ruff-check"; \
	$(BIN)/ruff format --check . || failed="$$failed ruff-format"; \
	$(BIN)/mypy $(wildcard grokdesk tests bench) || failed="$$failed mypy"; \
	$(BIN)/lint-imports --no-logo || failed="$$failed lint-imports"; \
	if [ -n "$$failed" ]; then echo "lint failed:$$failed" >&2; exit 1; fi

compliance: $(COMPLIANCE)/ready ## LangChain's contract of chat models, in an environment of its own
	@QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(COMPLIANCE)/bin/python -m pytest \
		tests/compliance/langchain_contract.py --allow-hosts=127.0.0.1 --allow-unix-socket --benchmark-disable \
		-o asyncio_default_test_loop_scope=module -rx $(ARGS)

$(COMPLIANCE)/ready: packaging/locks/dev.txt packaging/compliance.txt
	$(BOOTSTRAP) test
	@$(BIN)/python -m venv --clear $(COMPLIANCE)
	@$(COMPLIANCE)/bin/python -m pip -qq --disable-pip-version-check install --require-hashes -r packaging/locks/dev.txt
	@$(COMPLIANCE)/bin/python -m pip -qq --disable-pip-version-check install -r packaging/compliance.txt
	@touch $@

bench: ## measure against the budgets
	$(BOOTSTRAP) test
	@QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m bench $(ARGS)

locks: ## renew packaging/locks from pyproject.toml (ARGS=--upgrade moves every version)
	$(BOOTSTRAP) lint
	@$(LOCK) --group build --output-file packaging/locks/runtime.txt $(ARGS)
	@$(LOCK) --group dev --constraints packaging/locks/runtime.txt --output-file packaging/locks/dev.txt $(ARGS)

defaults: ## write config.defaults.toml from the settings model
	$(BOOTSTRAP) lint
	@$(BIN)/python packaging/defaults.py

failures: ## write docs/failures.md from the cases of the tests
	$(BOOTSTRAP) test
	@$(BIN)/python packaging/failures.py

texts: ## bring the texts for translators up to date (grokdesk/ui/i18n)
	$(BOOTSTRAP) lint
	@$(BIN)/python packaging/texts.py

screenshots: ## write every window as a picture into build/screenshots (ARGS narrows); renews docs/pictures
	$(BOOTSTRAP) test
	@$(BIN)/python packaging/screenshots.py $(ARGS)

package: ## build a wheel into dist/
	$(BOOTSTRAP) lint
	@$(BIN)/python -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

clean: ## remove what make made, except .venv
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
