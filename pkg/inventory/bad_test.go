package inventory_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

var update = flag.Bool("update", false, "rewrite the .want files of testdata/bad")

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// TestBadInventories: every mistake is reported, at its place. What is wanted
// stands beside each file.
func TestBadInventories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d bad inventories, %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := inventory.Parse(name, data, now, kindsOfTests()...)
			var problems *inventory.Problems
			if p != nil || !errors.As(err, &problems) {
				t.Fatalf("got a plan: %v, and the error %v; want problems", p != nil, err)
			}
			got := problems.Error() + "\n"
			wantFile := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
