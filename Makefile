# Every target does all the set-up it needs; a second run finds it done: each step is keyed to its lock file or sources.
# A newer Python or another fleet: make setup PYTHON=python3.13, make demo FLEET=path/to/transcripts

PYTHON ?= python3
FLEET ?=
ARGS ?=
TESTS ?=

BIN := .venv/bin
# Each lives in what it vouches for, so that removing the one removes the other.
PACKAGES := .venv/.installed
NODE_MODULES := node_modules/.installed
PAGE := dashboard/dist/index.html
DASHBOARD_SOURCES = $(shell find dashboard -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help simulate docs pictures setup demo local test check fast bench dashboard chromium doctor bundle deploy lock clean

help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(PACKAGES) $(NODE_MODULES) $(PAGE) functions/venv ## Install everything: .venv, npm packages, the dashboard's build

demo: setup ## A fleet at work and its dashboard; FLEET=folder replays the transcripts in it
	@exec $(BIN)/tachograph demo $(if $(FLEET),--folder '$(FLEET)') $(ARGS)

local: setup ## The stack alone; ARGS='-- command' runs a command inside it
	@exec $(BIN)/tachograph local $(ARGS)

test: setup chromium ## All tests, on the real emulators; TESTS=tests/unit for some of them
	$(BIN)/python -m pytest $(or $(TESTS),tests) $(ARGS)
	npm --workspace dashboard run test --if-present

simulate: setup ## 50 agents, 500 tasks, kills, a cut network, wrong clocks: what then holds
	$(BIN)/python -m pytest -s tests/simulation/fleet_at_work.py $(ARGS)

check: setup ## What must hold before a commit: style, types and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/unit -q $(ARGS)

bench: setup ## Measure the numbers that the README quotes
	@test -d bench || { echo "bench/ is not there yet"; exit 1; }
	$(BIN)/python -m bench $(ARGS)

doctor: ## What this machine has and lacks
	@test -x $(BIN)/tachograph || { echo ".venv: not there; make it with: make setup"; exit 1; }
	@$(BIN)/tachograph doctor

bundle: $(PACKAGES) ## Build the functions' bundle into build/functions.zip
	@$(BIN)/python -m tachograph_cli.deploy.bundle

deploy: setup ## Put it into a project: PROJECT=id, with LOCATION= REGION= DATABASE= EMAIL= BUDGET= ARGS=--dry-run
	@test -n "$(PROJECT)" || { echo "PROJECT is not set; expected a Google Cloud project: make deploy PROJECT=my-project"; exit 1; }
	@$(BIN)/tachograph deploy --project '$(PROJECT)' $(if $(LOCATION),--location '$(LOCATION)') \
		$(if $(REGION),--region '$(REGION)') $(if $(DATABASE),--database '$(DATABASE)') \
		$(if $(EMAIL),--email '$(EMAIL)') $(if $(BUDGET),--budget '$(BUDGET)') $(ARGS)

dashboard: $(PAGE) ## Build the dashboard into dashboard/dist

chromium: $(PACKAGES) ## Find a Chromium for the page tests, or install one
	@$(BIN)/python -m tachograph_cli.local.browser

docs: $(PACKAGES) ## Make docs/fields.md from the schema
	$(BIN)/python -m tachograph_schema.docs > docs/fields.md

pictures: setup chromium ## From recordings: docs/pictures/*.png of the terminal, every page's into PICTURES=build/pictures; FLEET=folder
	$(BIN)/tachograph local -- $(BIN)/python docs/pictures/terminal.py '$(or $(FLEET),../shared/data/claude-code/dev)'
	$(BIN)/tachograph local -- $(BIN)/python docs/pictures/dashboard.py \
		'$(or $(FLEET),../shared/data/claude-code/dev)' '$(or $(PICTURES),build/pictures)'

lock: $(PACKAGES) ## Resolve requirements.lock and package-lock.json anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --custom-compile-command 'make lock' --quiet --output-file requirements.lock
	$(BIN)/uv pip compile functions/requirements.in --constraint requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' --quiet \
		--output-file functions/requirements.txt
	npm install --package-lock-only --no-audit --no-fund --omit-lockfile-registry-resolved

clean: ## Remove what set-up and the builds made; the sources stay
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
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): $(NODE_MODULES) $(DASHBOARD_SOURCES)
	npm --workspace dashboard run build --silent
	@touch $@

# The Functions emulator insists on an environment of this name beside the functions.
functions/venv: | .venv
	ln -sfn ../.venv functions/venv
