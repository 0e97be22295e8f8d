# The commands that a contributor needs: make demo, make test, make lint.

# A recipe fails where any part of a pipe fails.
SHELL := bash
.SHELLFLAGS := -o pipefail -c

PLUGIN := bin/kubectl-fluxtune
TESTBED := bin/testbed
# What the tests run. `testbed build all` would also build what only make compat and make install-test need.
TEST_UNITS := crds etcd kube source-controller kustomize-controller notification-controller krew
E2E_UNITS := $(TEST_UNITS) helm-controller promtool
# What reads, plans, writes, pins and takes back, with rights and failures, on a real API server.
COMPAT_TESTS := ^Test(Fleet|PinsFollowTheRecords|EverySessionCanBeTakenBack|RevertLeavesNoNameBehind|ConcurrentChangesAreNeverOverwritten|EveryCommandUnderTheRoles|APIServerRestartsDuringApply)$$
COMPAT_UNITS := etcd kube-1.31 crds crds-2.1 crds-2.3 crds-2.6 crds-2.8
# What GitHub knows since May 2026, and actionlint 1.7 does not.
NEWER_THAN_ACTIONLINT := -ignore 'unexpected key "queue" for "concurrency" section'

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

.PHONY: build
build: ## Build the plugin into bin/
	CGO_ENABLED=0 go build -trimpath -o $(PLUGIN) ./cmd/kubectl-fluxtune

.PHONY: demo
demo: build testbed ## Show the plugin at work on a local control plane
	hack/demo.sh $(PLUGIN) $(TESTBED)

.PHONY: demo-stop
demo-stop: testbed ## Stop the demo's control plane
	$(TESTBED) down --state bin/demo

.PHONY: testbed
testbed:
	CGO_ENABLED=0 go build -o $(TESTBED) ./hack/testbed/cmd/testbed

.PHONY: test
test: lint testbed ## Lint, and run all tests: unit, golden, on a real API server, with real Flux
	$(TESTBED) build $(TEST_UNITS)
	go test -timeout 30m $$(go list ./... | grep -v /hack/e2e$$)
	go test -timeout 30m ./hack/e2e # what is measured on real Flux has the machine to itself

.PHONY: lint
lint: ## Check formatting, go vet, staticcheck and the workflows
	@test -z "$$(gofmt -l cmd pkg hack)" || { echo "gofmt -w is needed for:"; gofmt -l cmd pkg hack; exit 1; }
	go vet ./...
	go tool -modfile=hack/lint/go.mod staticcheck ./...
	go tool -modfile=hack/lint/go.mod actionlint -shellcheck= $(NEWER_THAN_ACTIONLINT) .github/workflows/*.yaml

.PHONY: unit
unit: ## Run the tests that need no control plane, as continuous integration does on Windows and macOS, too
	go test -short $$(go list -f '{{.ImportPath}} {{.TestImports}}{{.XTestImports}}' ./cmd/... ./pkg/... | grep -v hack/testbed | cut -d' ' -f1)

.PHONY: race
race: ## Run all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

.PHONY: dist
dist: ## Build the archives of all platforms into dist/, with checksums, SBOMs and the Krew manifest
	hack/dist.sh

.PHONY: install-test
install-test: dist testbed ## Install as users do: from source, and what dist built with the real krew and kubectl
	hack/install-test.sh dist $(TESTBED)

.PHONY: release-test
release-test: ## Walk through the release workflow with a tag on a bare repository, as far as it goes offline
	hack/release/walk.sh

.PHONY: compat
compat: testbed ## Try the commands on Kubernetes 1.31 with the CRDs of older releases of Flux
	$(TESTBED) build $(COMPAT_UNITS)
	FLUXTUNE_COMPAT=1 go test -count=1 -v -timeout 30m ./hack/compat | grep -v '^=== '
	FLUXTUNE_TESTBED_KUBERNETES=1.31 go test -short -count=1 -timeout 30m ./pkg/nodes
	FLUXTUNE_TESTBED_KUBERNETES=1.31 go test -short -count=1 -timeout 30m -run '$(COMPAT_TESTS)' ./pkg/cmd

.PHONY: docs
docs: ## Write the reference pages in hack/docs/reference anew
	go run ./hack/docs

.PHONY: picture
picture: build testbed ## Draw the README's pictures anew, from real output
	hack/picture/picture.sh $(PLUGIN) $(TESTBED)

.PHONY: vet-platforms
vet-platforms: ## Run go vet for Windows and macOS, too
	GOOS=windows CGO_ENABLED=0 go vet ./cmd/... ./pkg/...
	GOOS=darwin CGO_ENABLED=0 go vet ./cmd/... ./pkg/...

.PHONY: generate
generate: ## Generate the policy's JSON Schema anew
	go generate ./...

.PHONY: e2e
e2e: testbed ## Hold what is claimed about Flux against real controllers; prints predicted beside measured
	$(TESTBED) build $(E2E_UNITS)
	FLUXTUNE_E2E=full go test -count=1 -v -timeout 75m ./hack/e2e | grep -v '^=== '

.PHONY: bench
bench: build testbed ## Measure startup, plan and apply beside kubectl, as ratios
	go run ./hack/bench $(PLUGIN)

.PHONY: bench-nodes
bench-nodes: build ## Measure nodes beside other ways to count pods, as ratios
	go run ./hack/bench-nodes

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist
