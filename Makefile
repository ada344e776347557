# Targets are named for what people want. Each one makes .venv by itself; nothing outside this folder is touched.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOWEST := $(VENV)-lowest/.installed
# Tests and checks start thousands of processes: where compiled code is not kept (PYTHONDONTWRITEBYTECODE), each would
# compile all that it imports of this checkout.
COMPILE := -m compileall -q src examples grafana
# Processes with tests that run at the same time: on two cores six, as tests wait for servers a third of their time.
JOBS ?= 6
SIDE_BY_SIDE := tests/side_by_side.py --jobs $(JOBS)

.PHONY: environment environment-lowest grafana obs obs-full stack demo test test-of-python test-lowest test-long test-long-calls test-long-runs test-long-marked fuzz lint docs bench soak memory blast-radius corpus corpus-light suites apps libraries screenshots pages clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[all]" --group dev
	$(BIN)/python $(COMPILE)
	touch $(STAMP)

$(LOWEST): pyproject.toml tests/lowest.py
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(VENV)-lowest/bin/python tests/lowest.py > $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[all]" --group test --constraint $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/python $(COMPILE)
	touch $(LOWEST)

environment: $(STAMP)  ## only what the others need: .venv

environment-lowest: $(LOWEST)

demo: $(STAMP)  ## the main job: the example chat under the auditor, legacy engine beside user engine
	$(BIN)/isolation-audit demo

test: $(STAMP)  ## all tests but the long ones
	$(BIN)/python $(SIDE_BY_SIDE)

test-of-python: $(STAMP)  ## the tests that go by what Python does, for a Python that is not the one of `make test`
	$(BIN)/python $(SIDE_BY_SIDE) --part of_python

test-long: test-long-calls test-long-runs test-long-marked  ## minutes more: many random calls and runs, twenty seeds of the demo, every fault with 10 and 50 users

test-long-calls: $(STAMP)
	ISOLATION_AUDIT_EXAMPLES=100000 $(BIN)/python -m pytest tests/instrument/test_equal_behaviour.py

test-long-runs: $(STAMP)
	ISOLATION_AUDIT_EXAMPLES=2000 $(BIN)/python -m pytest --timeout 7200 tests/rules/protocol/test_interleaved_runs.py

test-long-marked: $(STAMP)
	$(BIN)/python $(SIDE_BY_SIDE) -m long

fuzz: $(STAMP)  ## minutes of anything that may come from elsewhere, into every parser of ours
	ISOLATION_AUDIT_EXAMPLES=3000 $(BIN)/python -m pytest -n $(JOBS) --dist load --timeout 1800 tests/test_hostile_inputs.py tests/config/test_any_input.py tests/config/test_paths.py tests/config/test_locator.py tests/analysis/test_texts.py tests/analysis/test_sql.py tests/instrument/test_statements.py tests/progress/test_ratchet.py tests/cli/test_compare.py tests/exporters/test_report.py tests/exporters/html tests/exporters/test_journal.py --hypothesis-profile=many

test-lowest: $(LOWEST)  ## the tests that go by what libraries do, with the lowest versions that pyproject.toml allows
	$(VENV)-lowest/bin/python $(SIDE_BY_SIDE) --part of_libraries

lint: $(STAMP)  ## format, style, types, layers, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mypy -p grafana.source -p grafana.checks -p grafana.stack -p grafana.render
	$(MAKE) docs grafana
	git diff --exit-code -- docs/rules docs/reference grafana

docs: $(STAMP)  ## generate docs/rules from the rules, and the tables of docs/reference from what declares options, figures and metrics
	$(BIN)/python -c "from pathlib import Path; from isolation_audit.cli.pages import write_pages, write_reference, write_schema; write_pages(Path('docs/rules')); write_schema(Path('docs/reference/configuration.schema.json')); write_reference(Path('docs/reference'))"

grafana: $(STAMP)  ## generate dashboards, alerts, their tests and the provisioning from grafana/source
	$(BIN)/python -m grafana.source

obs: $(STAMP)  ## checks of metrics, dashboards and alerts, beside a real Prometheus and Alertmanager
	$(BIN)/python -m grafana.checks

obs-full: pages  ## all 18 rules: the same, every panel drawn with Grafana's own components, and the files of reports; needs chromium and npm
	$(BIN)/python -m grafana.checks --full
	$(BIN)/python -m grafana.render

pages: $(STAMP)  ## the HTML of reports by axe-core in a headless Chromium, SARIF by its own validator; needs chromium and npm
	$(BIN)/python tests/browser/pages.py

stack: $(STAMP)  ## Prometheus, Alertmanager and a webhook with the example chat under load; injects a crossing; Ctrl-C ends it
	$(BIN)/python -m grafana.stack

bench: $(VENV)-bench/.installed  ## what the auditor costs, beside its goals and its peers: `make bench ARGS="--only chat --json FILE"`, `ARGS=--list`
	$(VENV)-bench/bin/python -m benchmarks $(ARGS)

# An environment of its own: a peer changes what pytest and the libraries do, by being installed.
$(VENV)-bench/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[all]" --group bench
	touch $@

soak: $(STAMP)  ## a million events of a hundred thousand runs: memory has to stay put
	$(BIN)/python benchmarks/soak.py

memory: $(STAMP)  ## ten thousand users, some of them hostile: what that costs in memory, by way out
	$(BIN)/python -m benchmarks.memory $(ARGS)

blast-radius: $(VENV)-bench/.installed  ## ten million events with fifty crossings: investigate, beside pandas
	$(VENV)-bench/bin/python benchmarks/blast_radius.py $(ARGS)

corpus: $(STAMP)  ## real leaks and their clean twins, each with the packages it pins: ../shared/corpus and tests/corpus/cases
	$(BIN)/python tests/corpus/run.py --environments $(VENV)-corpus $(ARGS)

corpus-light: $(STAMP)  ## the same without big packages; ../shared/corpus may be absent
	$(BIN)/python tests/corpus/run.py --environments $(VENV)-corpus --light $(ARGS)

suites: $(STAMP)  ## other projects' own test suites, each bare and audited, compared test by test
	$(BIN)/python tests/suites/run.py --environments $(VENV)-suites $(ARGS)

apps: $(STAMP)  ## other people's applications, bare and audited, driven by several users; then with planted leaks
	$(BIN)/python tests/apps/run.py --environments $(VENV)-apps $(ARGS)

libraries: $(STAMP)  ## integrations whose libraries need environments of their own, and faults in their hooks
	$(BIN)/python tests/integrations/libraries.py --environments $(VENV)-libraries $(ARGS)

screenshots: $(STAMP)  ## the pictures of docs/pictures, taken with a headless Chromium
	$(BIN)/python tests/browser/screenshots.py

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-bench $(VENV)-corpus $(VENV)-suites $(VENV)-apps $(VENV)-libraries grafana/render/node_modules grafana/render/.built .isolation-audit .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
