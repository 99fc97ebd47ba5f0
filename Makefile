# go test ./... is the whole suite; the targets below are longer proofs and conveniences. What CI
# looks at too stands in .ci/check.

.PHONY: build test lint vulnerabilities race simulate kills powerloss fuzz bench long browser engine engine-kills release

build:
	go build -buildvcs=auto -o bin/fleetup ./cmd/fleetup

test:
	go test -count=1 ./...

lint:
	.ci/check lint

vulnerabilities:
	.ci/check vulnerabilities

race:
	.ci/check race

simulate:
	go test ./pkg/runner -run 'Nights$$' -nights 10000 -today-nights 4000 -keyvault-nights 600 -timeout 60m
	go test ./pkg/rollout -run World -rapid.checks 2000 -cut-worlds 2000 -timeout 60m

kills:
	go test ./test -run Kills -kills 300 -timeout 60m

powerloss:
	go test ./pkg/state -run PowerLoss -powerloss 300 -timeout 60m -v

long:
	go test ./cmd/fleetup -long -processes -timeout 30m

browser:
	.ci/check page -v

engine:
	.ci/check engine

# KILLS=n says how many.
engine-kills:
	.ci/check engine-kills

bench:
	go test -run '^$$' -bench . ./pkg/... ./cmd/fleetup

# What a release hands out, in dist/: of the commit's tag, or make release
# VERSION=v1.2.3.
release:
	go -C internal/release run . -version "$(VERSION)"

FUZZTIME ?= 30s
fuzz:
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done
