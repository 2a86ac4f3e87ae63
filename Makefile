# Everything that is done with this project. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONTROL_PLANE ?= embedded
KEEP ?=
SEEDS ?= 500
HOURS ?= 10000
TESTS ?=
SERVICES ?=
NODES ?=
MODES ?=
PERIOD ?=
QPS ?=
FAULTS ?=
ROUNDS ?=
# Makes an unprivileged user root of namespaces of its own; nothing where that is not allowed, and
# then the tests that need it are skipped and say so.
AS_LAB_ROOT = $(shell [ "$$(id -u)" = 0 ] || { $(BIN)/python -m tests.lab.root true 2>/dev/null && echo $(BIN)/python -m tests.lab.root; })

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## the walk-through on real sockets, in network namespaces (CONTROL_PLANE=real, KEEP=1)
	@PYTHON=$(PYTHON) tests/setup.sh run
	@$(if $(filter real,$(CONTROL_PLANE)),$(BIN)/python -m tests.cluster.build)
	@$(BIN)/python -m tests.lab.demo --control-plane $(CONTROL_PLANE) $(if $(KEEP),--keep)

demo-down: ## take down what `make demo KEEP=1` left up
	@$(BIN)/python -m tests.lab.demo --down

test: dev ## every test: unit, property, scenarios, simulation, lab, cluster (TESTS=… for some)
	@$(BIN)/python -m tests.cluster.build
	@$(BIN)/python -m tests.bench.elector
	@$(AS_LAB_ROOT) $(BIN)/pytest -n auto $(TESTS)

lint: dev ## form and types: ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: dev ## put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sim: dev ## the simulation: many cores, virtual time, faults from seeds (SEEDS=…)
	@$(BIN)/python -m tests.sim --seeds $(SEEDS)

sim-long: dev ## 10,000 node-hours with few faults: over an hour of processor time (HOURS=…)
	@$(BIN)/python -m tests.sim --kind long --seeds 1000000 --hours $(HOURS)

bench-answers: dev ## time of one answer from the table, beside parsing every frame
	@$(BIN)/python -m tests.bench.answers

bench-arp: dev ## replies, latency and load of ARP and ND, beside the kernel and a responder in Go
	@$(AS_LAB_ROOT) $(BIN)/python -m tests.bench.arp

bench-takeover: dev ## a take-over of 1,000 addresses, as neighbours see it
	@$(AS_LAB_ROOT) $(BIN)/python -m tests.bench.takeover

bench-failover: dev ## every fault at a holder, ours beside client-go's elector (FAULTS=term,… ROUNDS=5)
	@$(BIN)/python -m tests.cluster.build
	@$(AS_LAB_ROOT) $(BIN)/python -m tests.bench.failover --faults "$(FAULTS)" $(ROUNDS:%=--rounds %)

bench-create: dev ## from a Service to its first answer, beside a bare client's writes (ROUNDS=25)
	@$(BIN)/python -m tests.cluster.build
	@$(AS_LAB_ROOT) $(BIN)/python -m tests.bench.create $(ROUNDS:%=--rounds %)

bench-api: dev ## requests of daemons at rest, from the audit log (SERVICES=1,10 NODES=3,10 MODES=service PERIOD=20)
	@$(BIN)/python -m tests.cluster.build
	@$(AS_LAB_ROOT) $(BIN)/python -m tests.bench.api $(SERVICES:%=--services %) \
		$(NODES:%=--nodes %) $(MODES:%=--modes %) $(PERIOD:%=--seconds %) $(QPS:%=--qps %)

bench-memory: dev ## memory, processor time and start of daemons that hold all, or nothing (SERVICES=0,100,1000 PERIOD=20)
	@$(BIN)/python -m tests.cluster.build
	@$(AS_LAB_ROOT) $(BIN)/python -m tests.bench.memory $(SERVICES:%=--services %) \
		$(PERIOD:%=--seconds %) $(ROUNDS:%=--starts %)

bench-mixed: dev ## our daemon and client-go's elector on one Lease, whatever happens to it (ROUNDS=5)
	@$(BIN)/python -m tests.cluster.build
	@$(AS_LAB_ROOT) $(BIN)/python -m tests.cluster.mixed $(ROUNDS:%=--rounds %)

bench-ipam: dev ## addresses for 5,000 Services on a real API server, beside a bare client (SERVICES=…)
	@$(BIN)/python -m tests.cluster.build
	@$(BIN)/python -m tests.bench.ipam $(SERVICES)

bench-fuzz: dev ## a million damaged frames of ARP and ND through all that reads frames
	@$(BIN)/python -m tests.bench.fuzz

docs: dev ## write docs/settings.md and config/l2announcer.yaml from the settings
	@$(BIN)/python -m tests.settings_table

dev:
	@PYTHON=$(PYTHON) tests/setup.sh dev

clean: ## remove what was built in the checkout
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .hypothesis

.PHONY: help demo demo-down test lint fmt sim sim-long bench-answers bench-arp bench-takeover bench-failover bench-create bench-api bench-memory bench-mixed bench-fuzz bench-ipam docs dev clean
