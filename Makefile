.DEFAULT_GOAL := help
.PHONY: help venv up down clean demo check test quick one planted bench bench-large
.PHONY: check-style check-types check-template run-tests run-bench run-quick
.PHONY: call logs debug openapi hooks limits record-calls restore-drill cost audit supply checkov
.PHONY: proof races mutants soak contract fuzz examples release supervision province upgrade-drill deploy-drill

BASE := $(shell command -v python3.11 || command -v python3)
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PORT ?= 4566
export PORT
# Whoever switches it off pays two seconds of compiling for each of the processes that a run of everything starts.
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): infra/tools.lock
	@echo "Installing the tools into $(VENV) (once, about a minute) ..."
	@$(BASE) -m venv $(VENV)
	@$(PYTHON) -m pip install -qq --no-compile --disable-pip-version-check --require-hashes --no-deps -r infra/tools.lock
	@touch $@

venv: $(STAMP)

up: $(STAMP) ## deploy the service to the local cloud and leave it running (PORT=4566 CORS_ORIGINS="http://localhost:5173")
	@$(PYTHON) -m infra.local.up

down: $(STAMP) ## stop the local cloud, keep its state
	@$(PYTHON) -m infra.local.down

clean: $(STAMP) ## stop the local cloud and forget its state
	@$(PYTHON) -m infra.local.down --forget

demo: $(STAMP) ## tell the whole life of a voucher (KEEP=1 leaves the stack up)
	@$(PYTHON) -m infra.demo

call: $(STAMP) ## start a function on the running stack (F=expire_vouchers NOW=2026-12-01T02:00:00+08:00 E='{...}')
	@$(PYTHON) -m infra.local.call "$${F-}" --event "$${E-}" --now "$${NOW-}"

logs: $(STAMP) ## what a function logged on the running stack (F=expire_vouchers LAST=20)
	@$(PYTHON) -m infra.local.logs "$${F-}" --last "$${LAST:-20}"

debug: $(STAMP) ## run a function or a request here, with breakpoints (F=... or R="GET /v1/programs" ACCOUNT=...)
	@$(PYTHON) -m infra.local.debug "$${F-}" --event "$${E-}" --now "$${NOW-}" \
		--request "$${R-}" --account "$${ACCOUNT-}" $(if $(PDB),--pdb)

openapi: $(STAMP) ## write the API's document (infra/contract/openapi.json) anew, when its contract is meant to change
	@$(PYTHON) -m infra.contract.openapi

release: $(STAMP) ## take the API's document as released: what it breaks from now on is named by a test
	@$(PYTHON) -m infra.contract.compatible

examples: $(STAMP) ## record the examples of the API's document anew from the tests' stories, then the document
	@RECORD_EXAMPLES=1 $(PYTHON) -m pytest -n 0 -q -p no:randomly tests/architecture/test_examples.py
	@$(PYTHON) -m infra.contract.openapi

contract: $(STAMP) ## have linters, generators and a fuzzer read the API's document (needs Node.js) (STEPS=1: the nine steps through them)
	@STEPS="$(STEPS)" $(PYTHON) -m infra.contract
	@$(PYTHON) -m pytest -n 0 -p no:randomly tests/infra/contract/test_fuzzed.py

fuzz: $(STAMP) ## a fuzzer calls the program by its document as each role, at length (FUZZ_EXAMPLES=50 FUZZ_SEED=7)
	@FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),50) FUZZ_PHASES=examples,coverage,fuzzing,stateful \
		$(PYTHON) -m pytest -n 0 -p no:randomly tests/infra/contract/test_fuzzed.py

hooks: $(STAMP) ## have git run check-style before each commit
	@git config core.hooksPath infra/hooks
	@echo "git runs make check-style before each commit; git config --unset core.hooksPath ends that"

check: $(STAMP) ## style, types, import rules, template
	@$(MAKE) --no-print-directory -j2 check-template check-types check-style

check-style: $(STAMP)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports

check-types: $(STAMP)
	@$(VENV)/bin/mypy

check-template: $(STAMP)
	@$(PYTHON) -m infra.deployment.package --stage prod --for-this-python
	@$(VENV)/bin/cfn-lint .build/prod/sam.json
	@$(PYTHON) -m infra.deployment.limits --broken

test: check ## everything: check, tests, the deployed template, races, costs (DEPTH=full: as large as in CI)
	@$(MAKE) --no-print-directory -j2 run-tests run-bench

# At full size a tree draws its own order and examples: another tree draws others, and a run that failed can be made again.
DRAWN = $(shell printf '%d' 0x$$(git rev-parse 'HEAD^{tree}' 2>/dev/null | cut -c1-7 | grep . || echo 1))
SEEDS = $(if $(filter full,$(DEPTH)),--randomly-seed=$(DRAWN) --hypothesis-seed=$(DRAWN))

# Two workers to two cores, and one that mostly waits for the deployed template.
run-tests: $(STAMP)
	@$(PYTHON) -m pytest -n 3 --durations=12 $(SEEDS)

# Counts calls and units, which nobody beside it can change; what it prints is shown when it is done.
run-bench: $(STAMP)
	@mkdir -p .build
	@$(PYTHON) -m infra.bench > .build/bench.log 2>&1; ended=$$?; cat .build/bench.log; exit $$ended

quick: $(STAMP) ## style, types, the pure rules and one story in process, for in between
	@$(MAKE) --no-print-directory -j2 check-types check-style run-quick

QUICK := tests/kernel $(shell find tests -name 'test_*model.py') tests/infra/test_privacy_scan.py
run-quick: $(STAMP)
	@$(PYTHON) -m pytest $(QUICK)

one: $(STAMP) ## one test, a file or a folder: T=tests/kernel/test_geo.py[::test_name]
	@$(PYTHON) -m infra.one "$${T-}"

limits: $(STAMP) ## what AWS refuses, and what the packaged template takes of it
	@$(PYTHON) -m infra.deployment.limits

record-calls: $(STAMP) ## note anew what each function calls of AWS, after its grants were changed (all tests run)
	@rm -rf .build/calls
	@RECORD_CALLS=$(CURDIR)/.build/calls $(PYTHON) -m pytest -n 2 \
		--deselect tests/infra/deployment/test_grants.py
	@$(PYTHON) -m tests.support.calls .build/calls

restore-drill: $(STAMP) ## tell the story, restore all its tables under new names, look through and mend them
	@$(PYTHON) -m pytest -n 0 -p no:randomly -s tests/e2e/test_story_restored.py

deploy-drill: $(STAMP) ## on the local cloud: a first run that fails and is repeated, updates, rollbacks, new code led back
	@$(PYTHON) -m pytest -n 0 -p no:randomly tests/e2e/test_deployments.py tests/e2e/test_rolling.py

upgrade-drill: $(STAMP) ## deploy the commit before, let it work, deploy this one over it (FROM=commit)
	@$(PYTHON) -m infra.deployment.upgrade

cost: $(STAMP) ## what a province pays a month, and how far it is from the quotas (BUSIEST=1 REGION=cn-north-1 PRICES=file)
	@$(PYTHON) -m infra.cost $(if $(BUSIEST),--busiest) $(if $(REGION),--region $(REGION)) \
		$(if $(PRICES),--prices "$(PRICES)")

audit: $(STAMP) ## known vulnerabilities of everything pinned; asks a service outside, and says so if it cannot
	@$(PYTHON) -m infra.supply --audit

supply: $(STAMP) ## write hashes, licences and weights of what others wrote anew, when a pin has changed
	@$(PYTHON) -m infra.supply --write

checkov: $(STAMP) ## look through the production template with checkov, in an environment of its own
	@$(PYTHON) -m infra.deployment.checkov

planted: $(STAMP) ## plant bugs into copies of the money code: the tests have to find each (half an hour)
	@$(PYTHON) -m tests.stateful.planted_bugs

proof: $(STAMP) ## faults at every call, pairs at once, disorder, fuzz: a share drawn by the commit (PROOF=full: all, hours)
	@PROOF="$(or $(PROOF),share)" $(PYTHON) -m pytest -n 0 -p no:randomly tests/proof

mutants: $(STAMP) ## mutants of money, vouchers and rights against their tests (T=ledger: of those modules only)
	@$(PYTHON) -m tests.proof.mutants $(T)

races: $(STAMP) ## every two operations on one thing at once on the running stack, by HTTP (PAIRS=0.03 CLIENTS=32)
	@$(PYTHON) -m tests.proof.pairs.over_http

soak: $(STAMP) ## mixed traffic of all roles on the running stack while workers are killed (MINUTES=60 CLIENTS=64)
	@$(PYTHON) -m tests.proof.soak

province: $(STAMP) ## load the running stack with a small lively province (SMALL=1: fewer classes)
	@$(PYTHON) -m infra.province.stack

CLASSES ?= 2000
SEED ?= 9003
FRAUD ?= 0.02
PROVINCE := .build/province
supervision: $(STAMP) ## what the rules find of a synthetic province, against its labels (CLASSES=2000 SEED=9003 FRAUD=0.02)
	@rm -rf $(PROVINCE) && mkdir -p $(PROVINCE)
	@$(PYTHON) -m infra.province.generate --classes $(CLASSES) --seed $(SEED) --fraud $(FRAUD) $(PROVINCE)/export
	@$(PYTHON) -m infra.supervise $(PROVINCE)/export > $(PROVINCE)/findings.jsonl
	@$(PYTHON) -m infra.province.score $(PROVINCE)/export.labels.jsonl $(PROVINCE)/findings.jsonl

ifneq ($(wildcard infra/bench.py infra/bench/__init__.py),)
bench: $(STAMP) ## races, and what each operation costs, on a bare local cloud
	@$(PYTHON) -m infra.bench

bench-large: $(STAMP) ## that the cost of each stays the same at 100,000 (takes a while)
	@VOUCHERS=100000 SETTLED_LINES=10000,100000 $(PYTHON) -m infra.bench -k "growth or settling"
	@IMPORT_ROWS=100000 $(PYTHON) -m infra.bench -k import
	@CHECK_INS=100000 $(PYTHON) -m infra.bench -k morning
	@CLOSED=10000,100000 WAITING=5000 $(PYTHON) -m infra.bench -k page_growth
endif
