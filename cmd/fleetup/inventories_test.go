package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// try runs a command line in this process, without a terminal.
func try(t *testing.T, args ...string) (code fleet.ExitCode, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	e := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, interrupt: make(chan struct{})}
	code = e.run(append([]string{"fleetup"}, args...))
	return code, out.String(), errs.String()
}

// TestBadInventories: whatever command meets a bad inventory, it exits 2, names
// each mistake with its place, and writes nothing.
func TestBadInventories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../pkg/inventory/testdata/bad/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d bad inventories, %v", len(files), err)
	}
	commands := [][]string{{"run", "--yes"}, {"run"}, {"plan"}, {"plan", "--validate"}, {"plan", "--out", "saved.plan"},
		{"validate"},
		{"inventory", "lint"}, {"emulate"}, {"preflight"}, {"permissions"}}
	place := regexp.MustCompile(`(?m)^[^:\n]+:\d+:\d+: .`)
	madeUp := regexp.MustCompile(`\b(kind|of): (shine|wax)\b`)
	for n, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if madeUp.Match(data) {
			continue // of kinds that only the inventory's own tests know
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			want, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".want")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, filepath.Base(file))
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			args := append([]string(nil), commands[n%len(commands)]...)
			if last := len(args) - 1; args[last] == "saved.plan" {
				args[last] = filepath.Join(dir, args[last])
			}
			code, stdout, stderr := try(t, append(args, path)...)
			if code != fleet.ExitUsage || stdout != "" {
				t.Errorf("%v exited %d with the output %q\n%s", args, code, stdout, stderr)
			}
			mistakes := strings.Count(string(want), "\n")
			warned := strings.Count(stderr, ": warning: ") // lint alone
			if got := len(place.FindAllString(stderr, -1)) - warned; got != mistakes {
				t.Errorf("%v names %d places, want %d\n%s", args, got, mistakes, stderr)
			}
			if !strings.Contains(stderr, "in the inventory. Nothing was written and nothing was started.\n") {
				t.Errorf("%v does not say that nothing happened\n%s", args, stderr)
			}
			if strings.ContainsFunc(stderr, func(r rune) bool { return r < ' ' && r != '\n' }) {
				t.Errorf("control characters in %q", stderr)
			}

			_, _, stderr = try(t, "plan", "-o", "json", path)
			var doc errorDocument
			if err := json.Unmarshal([]byte(stderr), &doc); err != nil {
				t.Fatal(err)
			}
			if doc.Error.ExitCode != fleet.ExitUsage || len(doc.Error.Problems) != mistakes {
				t.Errorf("as JSON: %+v, want %d problems", doc.Error, mistakes)
			}
			for _, p := range doc.Error.Problems {
				if p.File != path || p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("a problem without its place: %+v", p)
				}
			}

			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 1 {
				t.Errorf("the folder holds %v, %v; want the inventory alone", left, err)
			}
		})
	}
}

// TestArbitraryBytesAreNoInventory: not even garbage makes a command panic.
func TestArbitraryBytesAreNoInventory(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty": "", "brace": "{", "plan-like": `{"schemaVersion": 1}`,
		"null plan": `{"schemaVersion": null, "vaults": [null]}`,
		"nested":    strings.Repeat("[", 20000), "anchors": "a: &a [*a]", "binary": "\x00\x01\x02\xff\xfe",
		"tabs": "\t\t: x", "long": strings.Repeat("x", 1<<20),
		"bomb": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n", "html": "<!DOCTYPE html><html></html>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "fleet.yaml")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"run", "--yes"}, {"plan"}, {"validate"}, {"inventory", "lint"}} {
				code, stdout, stderr := try(t, append(args, path)...)
				if code != fleet.ExitUsage || stdout != "" || stderr == "" || len(stderr) > 4096 {
					t.Errorf("%v exited %d, %q, %.4096q", args, code, stdout, stderr)
				}
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
				t.Errorf("the folder holds %v, %v", left, err)
			}
		})
	}
}
