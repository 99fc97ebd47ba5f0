package fleetup_test

import (
	"flag"
	"fmt"
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

var updateDocs = flag.Bool("update", false, "rewrite the generated parts of the documentation")

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestReadmeHasTheExitCodes keeps the README's table equal to the program's.
func TestReadmeHasTheExitCodes(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	for _, m := range fleet.ExitCodes() {
		fmt.Fprintf(&want, "| %d | %s |\n", m.Code, m.Meaning)
	}
	if !strings.Contains(read(t, "README.md"), want.String()) {
		t.Errorf("README.md does not hold the table of exit codes:\n%s", want.String())
	}
}

// TestInventoriesInTheDocsAreGood parses every complete inventory that the
// documentation shows.
func TestInventoriesInTheDocsAreGood(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```yaml\n(apiVersion: .*?)```")
	found := 0
	for _, file := range []string{"README.md", "docs/inventory.md"} {
		for _, b := range blocks.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if _, err := inventory.Parse(file, []byte(b[1]), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
				t.Errorf("%s shows an inventory that is refused:\n%v", file, err)
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d inventories in the documentation, want 2", found)
	}
}

// TestEveryDependencyHasItsLine compares go.mod with docs/dependencies.md.
func TestEveryDependencyHasItsLine(t *testing.T) {
	t.Parallel()
	var direct []string
	for line := range strings.Lines(read(t, "go.mod")) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if m := regexp.MustCompile(`^(\S+\.\S+/?\S*) v\S+$`).FindStringSubmatch(line); m != nil {
			direct = append(direct, m[1])
		}
		if m := regexp.MustCompile(`^tool (\S+)/cmd/`).FindStringSubmatch(line); m != nil {
			direct = append(direct, m[1])
		}
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(direct)
	slices.Sort(listed)
	if !slices.Equal(direct, listed) {
		t.Errorf("go.mod requires   %v\ndependencies.md has %v", direct, listed)
	}
}

// TestEmulatorDocHasEveryFault keeps the table of faults current.
func TestEmulatorDocHasEveryFault(t *testing.T) {
	t.Parallel()
	const mark = "<!-- faults: kept current by a test -->\n"
	var table strings.Builder
	table.WriteString("\n| fault | what happens | parameters |\n|---|---|---|\n")
	for _, k := range emulator.FaultKinds() {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", k.Kind, k.Summary, strings.Join(k.Params, ", "))
	}
	keep(t, "docs/emulator.md", mark, "", table.String())
}

// TestReliabilityDocHasEveryFailpoint keeps the table of failpoints current.
func TestReliabilityDocHasEveryFailpoint(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("\n| point | the process dies | what may have happened | what a resume does |\n|---|---|---|---|\n")
	for _, m := range failpoint.Meanings() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.Point, m.Where, m.Happened, m.Resume)
	}
	table.WriteString("\n")
	keep(t, "docs/reliability.md", "<!-- failpoints: kept current by a test -->\n", "<!-- end of the failpoints -->\n", table.String())
}

// keep demands a text between two marks of a document, to its end where the
// second is empty.
func keep(t *testing.T, path, from, to, want string) {
	t.Helper()
	head, tail, ok := strings.Cut(read(t, path), from)
	if !ok {
		t.Fatalf("%s has lost its mark %s", path, from)
	}
	rest := ""
	if to != "" {
		if tail, rest, ok = strings.Cut(tail, to); !ok {
			t.Fatalf("%s has lost its mark %s", path, to)
		}
	}
	if tail == want {
		return
	}
	if !*updateDocs {
		t.Fatalf("what %s has after %s is out of date: go test . -update", path, strings.TrimSpace(from))
	}
	if err := os.WriteFile(path, []byte(head+from+want+to+rest), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReliabilityNamesTestsThatExist: a promise stands with the test that
// proves it.
func TestReliabilityNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	exist := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				exist[f.Name.Name] = true
			}
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(read(t, "docs/reliability.md"), -1)
	if len(named) < 50 {
		t.Errorf("docs/reliability.md names %d tests", len(named))
	}
	for _, m := range named {
		if !exist[m[1]] {
			t.Errorf("docs/reliability.md names %s, which does not exist", m[1])
		}
	}
}
