# Every target does all the set-up it needs; a second run finds it done: each step is keyed to its lock file or sources.
# A newer Python or another fleet: make setup PYTHON=python3.13, make demo FLEET=path/to/transcripts

PYTHON ?= python3
FLEET ?=
ARGS ?=
TESTS ?=

BIN := .venv/bin
# Each mark lies in the folder that it stands for, so that removing the folder removes the mark.
PACKAGES := .venv/.installed
NODE_MODULES := node_modules/.installed
PAGE := dashboard/dist/index.html
DASHBOARD_SOURCES = $(shell find dashboard -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup demo local test simulate check bench doctor bundle deploy dashboard chromium docs golden pictures lock clean

help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(PACKAGES) $(NODE_MODULES) $(PAGE) functions/venv ## Install everything: .venv, npm packages, the dashboard's build

demo: setup ## Show a fleet at work and its dashboard; FLEET=folder replays the transcripts in it
	@exec $(BIN)/tachograph demo $(if $(FLEET),--folder '$(FLEET)') $(ARGS)

local: setup ## Run the stack alone; ARGS='-- command' runs a command inside it
	@exec $(BIN)/tachograph local $(ARGS)

test: setup chromium ## Run all tests on the real emulators; TESTS=tests/unit runs some of them
	$(BIN)/python -m pytest $(or $(TESTS),tests) $(ARGS)
	npm --workspace dashboard run test --if-present

simulate: setup ## Run 50 agents on 500 tasks and 6 hostile ones, with kills, a cut network and wrong clocks, and check the sums
	$(BIN)/python -m pytest -s tests/simulation/fleet_at_work.py $(ARGS)

check: setup ## Check style and types and run the fast tests, as before every commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/unit -q $(ARGS)

bench: setup ## Measure the numbers that the README quotes
	@test -d bench || { echo "bench/ is not there yet"; exit 1; }
	$(BIN)/python -m bench $(ARGS)

doctor: ## List what this machine has and lacks
	@test -x $(BIN)/tachograph || { echo ".venv: not there; make it with: make setup"; exit 1; }
	@$(BIN)/tachograph doctor

bundle: $(PACKAGES) ## Build the functions' bundle, build/functions.zip
	@$(BIN)/python -m tachograph_cli.deploy.bundle

deploy: setup ## Deploy to PROJECT=id; also LOCATION= REGION= DATABASE= EMAIL= BUDGET= ARGS=--dry-run
	@test -n "$(PROJECT)" || { echo "PROJECT is not set; expected a Google Cloud project: make deploy PROJECT=my-project"; exit 1; }
	@$(BIN)/tachograph deploy --project '$(PROJECT)' $(if $(LOCATION),--location '$(LOCATION)') \
		$(if $(REGION),--region '$(REGION)') $(if $(DATABASE),--database '$(DATABASE)') \
		$(if $(EMAIL),--email '$(EMAIL)') $(if $(BUDGET),--budget '$(BUDGET)') $(ARGS)

dashboard: $(PAGE) ## Build the dashboard into dashboard/dist

chromium: $(PACKAGES) ## Find a Chromium for the page tests, or install one
	@$(BIN)/python -m tachograph_cli.local.browser

docs: $(PACKAGES) ## Write docs/fields.md from the schema
	$(BIN)/python -m tachograph_schema.docs > docs/fields.md

golden: $(PACKAGES) ## Write tests/golden, which the page's tests read, from the Python side
	@for writer in tests/golden/write_*.py; do PYTHONPATH=tests $(BIN)/python $$writer || exit 1; done

pictures: setup chromium ## Make docs/*.png from FLEET=folder, and pictures of every page in PICTURES=build/pictures
	$(BIN)/tachograph local -- $(BIN)/python docs/pictures/terminal.py '$(or $(FLEET),../shared/data/claude-code/dev)'
	$(BIN)/tachograph local -- $(BIN)/python docs/pictures/dashboard.py \
		'$(or $(FLEET),../shared/data/claude-code/dev)' '$(or $(PICTURES),build/pictures)'

lock: $(PACKAGES) ## Resolve requirements.lock and package-lock.json again
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --custom-compile-command 'make lock' --quiet --output-file requirements.lock
	$(BIN)/uv pip compile functions/requirements.in --constraint requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' --quiet \
		--output-file functions/requirements.txt
	npm install --package-lock-only --no-audit --no-fund --omit-lockfile-registry-resolved

clean: ## Remove everything that set-up and the builds made
	rm -rf .venv node_modules dashboard/node_modules dashboard/dist functions/venv \
		.mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON): not found; expected Python >= 3.11: install it (apt-get install python3-venv, brew install python@3.12) or name it: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"$(PYTHON) is Python {sys.version.split()[0]}; expected >= 3.11: install one (brew install python@3.12) and name it: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "venv: cannot be made; install it with: apt-get install python3-venv"; exit 1; }

$(PACKAGES): requirements.lock pyproject.toml | .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(NODE_MODULES): package.json package-lock.json $(wildcard dashboard/package.json)
	@command -v npm >/dev/null || { echo "npm: not found; expected Node >= 20.19: https://nodejs.org/en/download, nvm install 22 or brew install node"; exit 1; }
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); if (major < 20 || (major === 20 && minor < 19)) { console.error("Node is " + process.versions.node + "; expected >= 20.19: nvm install 22 or brew install node"); process.exit(1) }'
	@# No package here needs its install script; re2's compiles for minutes, and firebase-tools does without re2.
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): $(NODE_MODULES) $(DASHBOARD_SOURCES)
	npm --workspace dashboard run build --silent
	@touch $@

# The Functions emulator insists on an environment of this name beside the functions.
functions/venv: | .venv
	ln -sfn ../.venv functions/venv
