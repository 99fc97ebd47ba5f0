package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestDemoOverwritesNothing: a folder with somebody's own fleet is left alone.
func TestDemoOverwritesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"fleet.yaml", "fleet.db", "scenario.yaml", "report.html"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, errs := try(t, "demo", "--dir", dir)
			if code != fleet.ExitUsage || out != "" || !strings.Contains(errs, name+" that is no demo's") {
				t.Errorf("exited %d: %s%s", code, out, errs)
			}
			if data, err := os.ReadFile(file); err != nil || string(data) != "precious" {
				t.Errorf("%s holds %q, %v", name, data, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("the folder holds %v, %v", left, err)
			}
		})
	}
}
