// Package test answers "does the program keep its promises when it is run as
// people run it". It builds fleetup once and drives the binary from outside,
// over loopback HTTP, against the cloud of package strictcloud, which is
// another reading of classic-service.md#sources: inventories in files, signals, kills, exit
// codes, JSON on stdout.
//
// After every fleet the same is asked: no violation of the protocol, no vault
// accepted twice, no limit exceeded, no more requests than promised, no token
// in anything that was written.
//
// The tests of kills take their moments from a seed, which a failure prints:
//
//	go test ./test -run Kills -kills 200 -seed 42
package test
