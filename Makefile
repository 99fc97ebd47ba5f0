# go test ./... is the whole suite; the targets below are longer proofs and conveniences.

.PHONY: build test lint race simulate kills powerloss fuzz bench long browser release

build:
	go build -buildvcs=auto -o bin/fleetup ./cmd/fleetup

test:
	go test -count=1 ./...

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go vet -tags failpoint ./pkg/failpoint ./pkg/runner ./pkg/state ./pkg/azure
	go tool staticcheck ./...

race:
	go test -race -skip PowerLoss ./pkg/state/... ./pkg/azure/... ./pkg/control ./pkg/emulator ./pkg/notify ./pkg/report/... ./pkg/web
	go test -race ./pkg/runner -nights 100 -today-nights 100

simulate:
	go test ./pkg/runner -run 'Nights$$' -nights 10000 -today-nights 4000 -timeout 60m

kills:
	go test ./test -run Kills -kills 300 -timeout 60m

powerloss:
	go test ./pkg/state -run PowerLoss -powerloss 300 -timeout 60m -v

long:
	go test ./cmd/fleetup -long -timeout 30m

browser:
	go test ./pkg/web -run Browser -browser -v

bench:
	go test -run '^$$' -bench . ./pkg/...

# The programs of a release, with checksums and bills of materials, in dist/: of
# the commit's tag, or make release VERSION=v1.2.3.
release:
	go run ./internal/release -version "$(VERSION)"

FUZZTIME ?= 30s
fuzz:
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done
