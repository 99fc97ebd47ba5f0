package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
)

// FuzzScenario: a scenario file may hold anything. One that is read can be
// emulated; the rest is a usage error in words that show no control character.
func FuzzScenario(f *testing.F) {
	for _, pattern := range []string{"../../examples/*/scenario.yaml", "testdata/fleets/*-scenario.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: no seeds, %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, seed := range []string{"", "null", "[]", "seed: 1\n---\nseed: 2\n", "a: &a [*a]", "seed: NO", "faults: [{}]",
		"faults: [{kind: throttle, rate: 1e999}]",
		"faults: [{kind: \"\\e[2J\"}]", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]", "\xff\xfes",
		strings.Repeat("[", 10_000)} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "scenario.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		sc, err := session.Scenario(path)
		if err != nil {
			if codeOf(err) != 2 || err.Error() == "" {
				t.Errorf("%v is no mistake of the user's", err)
			}
			return
		}
		cloud, err := emulator.New(emulator.Config{Scenario: sc})
		if err != nil {
			return // one that speaks of vaults that are not there
		}
		_ = cloud.Close()
	})
}
