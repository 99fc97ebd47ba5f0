package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// TestGenerated keeps what is generated from the program current:
// go test ./cmd/fleetup -run Generated -update
func TestGenerated(t *testing.T) {
	t.Parallel()
	app := (&environment{}).app()
	for path, write := range map[string]func(io.Writer, *cli.App) error{
		"docs/commands.md": writeReference, "docs/man/fleetup.1": writeManual,
	} {
		var b bytes.Buffer
		if err := write(&b, app); err != nil {
			t.Fatal(err)
		}
		compareGenerated(t, path, b.Bytes())
	}
	schema, err := inventory.JSONSchema(session.CurrentKinds()...)
	if err != nil {
		t.Fatal(err)
	}
	compareGenerated(t, "docs/fleet.schema.json", schema)
	for range 20 { // nothing of it hangs on the order in which a map is visited
		if again, err := inventory.JSONSchema(session.CurrentKinds()...); err != nil || !bytes.Equal(again, schema) {
			t.Fatalf("the schema is another each time it is made: %v", err)
		}
	}
}

// compareGenerated compares a file of the repository with what it should hold,
// or rewrites it with -update.
func compareGenerated(t *testing.T, path string, want []byte) {
	t.Helper()
	file := filepath.Join("../..", path)
	got, err := os.ReadFile(file)
	if err == nil && bytes.Equal(got, want) {
		return
	}
	if !*update {
		t.Errorf("%s is out of date (%v): go test ./cmd/fleetup -run Generated -update", path, err)
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReferenceSaysEverything: no command and no flag is left out.
func TestReferenceSaysEverything(t *testing.T) {
	t.Parallel()
	app := (&environment{}).app()
	var reference, manual bytes.Buffer
	if err := writeReference(&reference, app); err != nil {
		t.Fatal(err)
	}
	if err := writeManual(&manual, app); err != nil {
		t.Fatal(err)
	}
	visit(app.Commands, app.Name, func(path string, c *cli.Command) {
		_, section, ok := strings.Cut(reference.String(), "\n## "+path+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !ok || !strings.Contains(manual.String(), ".SS \""+roff(path)) {
			t.Errorf("%s is missing", path)
		}
		for _, f := range flagsOf(c.Flags) {
			if !strings.Contains(section, "`"+f.names[0]) {
				t.Errorf("%s lacks %s", path, f.names[0])
			}
		}
	})
	if strings.Contains(reference.String(), completeName) {
		t.Error("the reference shows a hidden command")
	}
}

// TestManualIsRead by groff, where there is one, without a complaint.
func TestManualIsRead(t *testing.T) {
	t.Parallel()
	var manual bytes.Buffer
	if err := writeManual(&manual, (&environment{}).app()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(manual.String()) {
		if strings.HasPrefix(line, "'") {
			t.Errorf("a line is read as a request: %q", line)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Log("there is no groff here")
		return
	}
	cmd := exec.Command(groff, "-man", "-ww", "-Tutf8", "-z")
	cmd.Stdin = &manual
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}
