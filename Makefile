# `make help` lists the targets. They do all set-up: .ci/setup installs what is missing, or names it.

GOLANGCI_LINT_VERSION := v2.15.0

SHELL := /bin/bash

# The tests and the examples take the Python that these name; unset, the bundled one.
BUNDLED := env -u VIRTUAL_ENV -u PYHOST_PYTHON
SYSTEM  := env -u VIRTUAL_ENV PYHOST_PYTHON=/usr/bin/python3

# For the user: make test TESTFLAGS='-v -run Cancel', make bench BENCH=Call, make run ARGS=-h.
TESTFLAGS ?=
BENCH ?= .
ARGS ?=
# How long each stress test hammers; the timeout is for all those of one package.
STRESS_TEST_DURATION ?= 5m
STRESS_TEST_TIMEOUT ?= 2h

# -count=1: Go keeps the results of tests, and sees no change in what lies outside this folder, such
# as a Python or its numpy. The timeout is for one package; its tests take a fraction of it.
TEST := go test -count=1 -timeout 5m
SLOW := go test -count=1 -timeout 15m

# Both versions are in its path: it refuses code for a later Go than the one that built it.
LINT := .bin/golangci-lint-$(GOLANGCI_LINT_VERSION)-$(shell go env GOVERSION 2>/dev/null)
C_FILES := $(wildcard cgo/*.[ch] pyhost/gopython3/*.[ch] examples/peers/limit/*.c)

# go-python3 names what newer Pythons do not declare: see pyhost/gopython3.
GOPYTHON3 := ./pyhost/gopython3 ./examples/migrate/... ./examples/peers
GOPYTHON3_FLAGS := -O2 -g -Wno-deprecated-declarations \
	-include "$(CURDIR)/pyhost/gopython3/compat.h"

# Without a C compiler Go would leave the files with C out, and complain of something else.
export CGO_ENABLED := 1

.PHONY: help setup setup-test setup-gopython3 setup-arm64 run test test-gopython3 test-all \
	test-arm64 race cgocheck asan stress bench bench-peers check fmt clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup:
	@.ci/setup build

setup-test:
	@.ci/setup test

setup-gopython3:
	@.ci/setup gopython3

setup-arm64:
	@.ci/setup arm64

run: setup ## run examples/gilhandoff on the bundled Python
	$(BUNDLED) go run ./examples/gilhandoff $(ARGS)

test: setup-test ## run the tests on the bundled Python and on the system's
	$(BUNDLED) $(TEST) $(TESTFLAGS) ./...
	$(SYSTEM) $(TEST) $(TESTFLAGS) ./...

# On the Python that pkg-config finds, to which the programs are linked.
test-gopython3: export CGO_CFLAGS := $(GOPYTHON3_FLAGS)
test-gopython3: setup-gopython3 ## run the tests of what uses go-python3 too
	go vet -tags gopython3 $(GOPYTHON3)
	$(BUNDLED) $(TEST) -tags gopython3 $(TESTFLAGS) $(GOPYTHON3)

test-all: setup-test ## run the tests on a Python of each version that Discover finds
	@pythons=$$($(BUNDLED) go run ./examples/doctor -usable) && failed= && \
	while IFS= read -r python; do \
		echo "== $$python" && \
		env -u VIRTUAL_ENV PYHOST_PYTHON="$$python" $(TEST) $(TESTFLAGS) ./... </dev/null || \
			failed+=" $$python"; \
	done <<<"$$pythons"; \
	if [[ $$failed ]]; then echo "failed on:$$failed"; exit 1; fi

# By qemu, which runs single programs. Left out is what asks for more than it does: setrlimit with
# RLIMIT_DATA is accepted and not kept to, clone refuses to make a namespace. So is examples/peers,
# which compares with the Pythons of the machine: they are not for arm64. The demonstration of
# examples/crash gives a request five seconds, in which an emulated worker may not have started.
NOT_EMULATED := ^(TestLimitOfData|TestNoSpace|TestDemonstration)$$
test-arm64: export GOARCH := arm64
test-arm64: export CC := aarch64-linux-gnu-gcc
test-arm64: setup-arm64 ## run the tests on an emulated arm64, on the bundled Python
	$(BUNDLED) go test -count=1 -p 1 -timeout 1h -short -skip '$(NOT_EMULATED)' $(TESTFLAGS) \
		$$(go list ./... | grep -v /examples/peers$$)

race: setup-test ## run the tests under the race detector
	$(BUNDLED) $(SLOW) -race $(TESTFLAGS) ./...
	$(SYSTEM) $(SLOW) -race $(TESTFLAGS) ./...

cgocheck: setup-test ## run the tests with Go's full check of the pointers that C is given
	GOEXPERIMENT=cgocheck2 $(BUNDLED) $(SLOW) $(TESTFLAGS) ./...

# CPython leaves memory behind when it ends, so leaks are not looked for. Small objects are made by
# malloc then: see cgo/memory.c.
asan: export ASAN_OPTIONS := detect_leaks=0
asan: setup-test ## run the tests with the C code under AddressSanitizer
	$(BUNDLED) $(SLOW) -asan $(TESTFLAGS) ./...
	$(SYSTEM) $(SLOW) -asan $(TESTFLAGS) ./...

stress: export STRESS_TEST_DURATION := $(STRESS_TEST_DURATION)
stress: setup ## hammer for STRESS_TEST_DURATION a test, under the race detector
	go test -race -count=1 -p 1 -timeout $(STRESS_TEST_TIMEOUT) -run Stress $(TESTFLAGS) ./...

bench: setup ## run the benchmarks, one package at a time, and print their ratios
	go test -p 1 -run '^$$' -bench '$(BENCH)' -timeout 1h $(TESTFLAGS) ./...

# Two programs: to the one with go-python3 a libpython is linked, which is then that of pyhost too.
bench-peers: setup-gopython3 ## compare with go-python3, Python's pools, C and others: examples/peers
	@mkdir -p .bin
	go build -o .bin/peers ./examples/peers
	CGO_CFLAGS='$(GOPYTHON3_FLAGS)' go build -tags gopython3 -o .bin/peers-gopython3 ./examples/peers
	$(SYSTEM) .bin/peers -flask -gopython3 .bin/peers-gopython3 -o examples/peers $(ARGS)

check: setup $(LINT)/golangci-lint ## look at format, vet, lint and go.mod
	@echo gofmt -l . && unformatted=$$(gofmt -l .) && [[ -z $$unformatted ]] || \
		{ echo "make fmt would change: $$unformatted"; exit 1; }
	go vet ./...
	$(LINT)/golangci-lint run
	go mod tidy -diff
ifneq ($(C_FILES),)
	@! command -v clang-format >/dev/null || \
		{ echo clang-format --dry-run cgo && clang-format --dry-run -Werror $(C_FILES); }
endif

fmt: ## format the Go and, where clang-format is present, the C code
	gofmt -w .
	@! command -v clang-format >/dev/null || [[ -z "$(C_FILES)" ]] || \
		{ echo clang-format -i cgo && clang-format -i $(C_FILES); }

$(LINT)/golangci-lint: | setup
	GOBIN=$(CURDIR)/$(LINT) go install \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

clean: ## remove the tools that make check has built
	rm -rf .bin
