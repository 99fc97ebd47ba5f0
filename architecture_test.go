// Package fleetup_test keeps the shape of the whole module: who may import
// whom, what the brain must not touch, how long a file may be.
package fleetup_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/fleetup-dev/fleetup/"

// source is a Go file of the module.
type source struct {
	path  string // from the module's root, with slashes
	room  string // its folder
	test  bool
	lines int
	file  *ast.File
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		p, _ := strconv.Unquote(i.Path.Value) // the parser has accepted it
		out = append(out, p)
	}
	return out
}

// sources parses every Go file of the module, and none of the modules within it.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() && name != "." {
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(name)
		out = append(out, source{slashed, path.Dir(slashed), strings.HasSuffix(name, "_test.go"),
			bytes.Count(data, []byte("\n")), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("found only %d Go files", len(out))
	}
	return out
}

// rooms is the table of design.md#the-rooms: what each folder may import besides the
// standard library. A folder that is not in it has no business being there.
// Folders of this module stand without the module's name.
var rooms = map[string][]string{
	"pkg/failpoint": {},
	"pkg/fleet":     {},
	"pkg/plan":      {"pkg/fleet", "internal/strictjson", "internal/words", "internal/zones"},
	"pkg/inventory": {"pkg/fleet", "pkg/plan", "internal/lazyregexp", "internal/textfile",
		"internal/words", "gopkg.in/yaml.v3"},
	"pkg/rollout": {"pkg/fleet", "pkg/plan", "internal/strictjson", "internal/words"},
	"pkg/runner": {"pkg/failpoint", "pkg/fleet", "pkg/plan", "pkg/rollout",
		"golang.org/x/sync/errgroup", "golang.org/x/time/rate"},
	"pkg/state": {"pkg/failpoint", "pkg/fleet", "internal/words", "go.etcd.io/bbolt",
		"golang.org/x/sys"},
	"test/statetest": {"pkg/fleet", "pkg/state"},
	"pkg/control":    {"pkg/fleet", "pkg/state", "internal/neterr", "golang.org/x/sys"},
	"pkg/azure": {"pkg/failpoint", "pkg/fleet", "pkg/azure/internal", "internal/neterr", "internal/proxy",
		"github.com/Azure/azure-sdk-for-go/sdk/azcore", "github.com/Azure/azure-sdk-for-go/sdk/azidentity",
		"github.com/google/uuid"},
	"pkg/azure/classic": {"pkg/fleet", "pkg/azure", "github.com/Azure/azure-sdk-for-go/sdk/azcore",
		"github.com/google/uuid"},
	"pkg/azure/graph": {"pkg/fleet", "pkg/azure", "internal/neterr"},
	"pkg/azure/arm": {"pkg/fleet", "pkg/azure", "internal/lazyregexp", "github.com/google/uuid",
		"github.com/jmespath/go-jmespath"},
	"pkg/azure/dataprotection": {"pkg/fleet", "pkg/azure/arm", "pkg/azure/internal/alertrules"},
	"pkg/azure/rsv": {"pkg/fleet", "pkg/azure/arm", "pkg/azure/internal/alertrules",
		"pkg/azure/internal/check", "pkg/azure/internal/privatelink"},
	"pkg/azure/kvrbac": {"pkg/fleet", "pkg/azure/arm", "pkg/azure/internal/check",
		"github.com/google/uuid"},
	"pkg/azure/kv":                   {"pkg/fleet", "pkg/azure/arm", "pkg/azure/internal/privatelink"},
	"pkg/azure/internal/privatelink": {"pkg/fleet", "pkg/azure/arm"},
	"pkg/azure/internal/alertrules":  {"pkg/fleet", "pkg/azure/arm", "pkg/azure/internal/check"},
	"pkg/azure/internal/azuretest":   {"pkg/fleet"},
	"pkg/azure/internal/check":       {"pkg/fleet", "pkg/azure"},
	"pkg/azure/internal/share":       {"golang.org/x/sync"},
	"pkg/azure/internal/text":        {"internal/lazyregexp"},
	"pkg/emulator":                   {"pkg/emulator/kql", "internal/lazyregexp", "internal/words"},
	"pkg/emulator/kql":               {},
	"pkg/standing":                   {"pkg/fleet", "pkg/plan", "pkg/rollout"},
	"pkg/standing/forecast":          {"pkg/fleet", "pkg/rollout", "pkg/standing"},
	"pkg/report/lexicon":             {"pkg/fleet", "pkg/plan", "pkg/rollout", "pkg/standing", "internal/lazyregexp"},
	"pkg/report/layout": {"gopkg.in/yaml.v3", "internal/lazyregexp", "pkg/fleet", "pkg/report/lexicon",
		"github.com/jedib0t/go-pretty/v6"},
	"pkg/report": {"internal/words", "pkg/fleet", "pkg/plan", "pkg/rollout", "pkg/standing", "pkg/report/layout",
		"pkg/report/lexicon", "github.com/jmespath/go-jmespath"},
	"pkg/report/progress": {"pkg/fleet", "pkg/plan", "pkg/rollout", "pkg/standing", "pkg/report", "pkg/report/layout",
		"pkg/report/lexicon", "github.com/jedib0t/go-pretty/v6"},
	"pkg/report/dryrun": {"pkg/fleet", "pkg/plan", "pkg/rollout", "pkg/standing", "pkg/report", "pkg/report/layout",
		"pkg/report/lexicon", "github.com/arran4/golang-ical", "github.com/google/uuid"},
	"test/unsaid": {},
	"test/reporttest": {"pkg/fleet", "pkg/plan", "pkg/rollout", "pkg/report/lexicon",
		"github.com/jedib0t/go-pretty/v6"},
	"pkg/notify": {"pkg/fleet", "pkg/plan", "pkg/rollout", "pkg/standing", "pkg/report", "internal/neterr",
		"internal/proxy", "github.com/wneessen/go-mail"},
	"pkg/web": {"pkg/fleet", "pkg/plan", "pkg/rollout", "pkg/standing", "pkg/report",
		"github.com/prometheus/client_golang"},
	"cmd/fleetup": {"pkg", "examples", "internal/audit", "internal/discover", "internal/failure",
		"internal/journal", "internal/lazyregexp", "internal/session", "internal/textfile", "internal/words",
		"github.com/urfave/cli/v2", "golang.org/x/term"},
	"examples":         {},
	"test":             {"pkg", "test/strict", "test/strictarm", "test/strictcloud"},
	"test/strict":      {},
	"test/handler":     {},
	"test/strictarm":   {"test/strict"},
	"test/strictcloud": {"test/strict"},
	"internal/audit": {"pkg/fleet", "pkg/plan", "pkg/report", "pkg/rollout", "pkg/state", "internal/failure",
		"internal/journal", "internal/words"},
	"internal/discover": {"pkg/azure", "pkg/fleet", "pkg/inventory", "pkg/report", "pkg/runner", "internal/failure",
		"internal/textfile", "internal/words"},
	"internal/failure":    {"pkg/fleet", "internal/lazyregexp"},
	"internal/journal":    {"pkg/fleet", "pkg/plan", "pkg/report", "pkg/rollout", "pkg/state"},
	"internal/lazyregexp": {},
	"internal/neterr":     {},
	"internal/proxy":      {},
	"internal/release": {"github.com/google/go-containerregistry", "github.com/goreleaser/nfpm/v2",
		"golang.org/x/crypto"},
	"internal/session": {"pkg", "internal/audit", "internal/failure", "internal/journal", "internal/lazyregexp",
		"internal/textfile", "internal/words", "gopkg.in/yaml.v3"},
	"internal/strictjson": {},
	"internal/textfile":   {},
	"internal/words":      {},
	"internal/zones":      {},
	"test/syscalls":       {"golang.org/x/sys"},
	".":                   {},
}

// TestRoomsImportWhatTheyMay: the directions of design.md#the-rooms.
func TestRoomsImportWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		allowed, known := rooms[s.room]
		if !known {
			t.Errorf("%s is in no room of the table", s.path)
			continue
		}
		if s.test {
			continue
		}
		for _, p := range s.imports() {
			p = strings.TrimPrefix(p, module)
			if standard(p) || slices.ContainsFunc(allowed, func(a string) bool { return within(p, a) }) {
				continue
			}
			t.Errorf("%s imports %s; %s may import %q", s.path, p, s.room, allowed)
		}
	}
}

// standard reports whether a path (without the module's name) is of the
// standard library.
func standard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".") &&
		!slices.Contains([]string{"pkg", "cmd", "test", "examples", "internal"}, first)
}

func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// TestLibrariesStayAtHome: each library is the affair of one room; so is an
// adapter, which only the wiring may know.
func TestLibrariesStayAtHome(t *testing.T) {
	t.Parallel()
	homes := map[string][]string{
		"go.etcd.io/bbolt":                  {"pkg/state"},
		"github.com/Azure/azure-sdk-for-go": {"pkg/azure"},
		"github.com/AzureAD":                {"pkg/azure"},
		"github.com/urfave/cli":             {"cmd/fleetup"},
		"github.com/jedib0t/go-pretty":      {"pkg/report", "test/reporttest"},
		"github.com/jmespath/go-jmespath":   {"pkg/azure/arm", "pkg/report"},
		"github.com/rogpeppe/go-internal":   {"cmd/fleetup"},
		"github.com/prometheus":             {"pkg/web"},
		module + "pkg/azure/classic":        {"internal/discover", "internal/session"},
		module + "pkg/azure/graph":          {"internal/discover"},
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, p := range s.imports() {
			for library, home := range homes {
				may := append(home, strings.TrimPrefix(library, module))
				if within(p, library) && !slices.ContainsFunc(may, func(m string) bool { return within(s.room, m) }) {
					t.Errorf("%s imports %s, which belongs to %s", s.path, p, home)
				}
			}
		}
	}
}

// TestTheBrainIsPure: pkg/rollout has no clock, no input or output, and no
// goroutine (design.md#the-brain). The types of package time are free to use.
func TestTheBrainIsPure(t *testing.T) {
	t.Parallel()
	forbidden := []string{"os", "net", "io", "sync", "syscall", "context", "log", "math/rand", "crypto", "runtime",
		"unsafe"}
	clock := []string{"Now", "Sleep", "After", "AfterFunc", "Since", "Until", "Tick", "NewTimer", "NewTicker", "Local",
		"LoadLocation"}
	seen := 0
	for _, s := range sources(t) {
		if s.room != "pkg/rollout" || s.test {
			continue
		}
		seen++
		for _, p := range s.imports() {
			if slices.ContainsFunc(forbidden, func(f string) bool { return within(p, f) }) {
				t.Errorf("%s imports %s", s.path, p)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", s.path)
			case *ast.SelectStmt, *ast.ChanType, *ast.SendStmt:
				t.Errorf("%s speaks through a channel", s.path)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%s uses time.%s", s.path, n.Sel.Name)
				}
			}
			return true
		})
	}
	if seen == 0 {
		t.Error("pkg/rollout has no files")
	}
}

// TestWhatTheBrainReaches: what pkg/rollout reaches through other rooms is as pure as
// it is itself: those rooms, and what they import, are on a list; none reads a clock,
// the environment or a file. The rules of time zones are in the program (internal/zones).
func TestWhatTheBrainReaches(t *testing.T) {
	t.Parallel()
	rooms := []string{"internal/strictjson", "internal/words", "internal/zones", "pkg/fleet", "pkg/plan", "pkg/rollout"}
	may := []string{"archive/zip", "bytes", "cmp", "container/heap", "crypto/sha256", "embed", "encoding/hex",
		"encoding/json", "encoding/xml",
		"errors", "fmt", "io", "maps", "math", "net/netip", "net/url", "reflect", "regexp", "slices", "sort", "strconv",
		"strings", "sync", "time", "unicode", "unicode/utf8"}
	impure := []string{"Now", "Sleep", "After", "AfterFunc", "Since", "Until", "Tick", "NewTimer", "NewTicker", "Local",
		"LoadLocation"}
	all, reached := sources(t), map[string]bool{}
	var reach func(room string)
	reach = func(room string) {
		if reached[room] {
			return
		}
		reached[room] = true
		for _, s := range all {
			if s.room != room || s.test {
				continue
			}
			for _, p := range s.imports() {
				if own, ok := strings.CutPrefix(p, module); ok && !slices.Contains(may, p) {
					reach(own)
				} else if !slices.Contains(may, p) {
					t.Errorf("the brain reaches %s, which imports %s", s.path, p)
				}
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				e, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := e.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(impure, e.Sel.Name) {
					t.Errorf("the brain reaches %s, which uses time.%s", s.path, e.Sel.Name)
				}
				return true
			})
		}
	}
	reach("pkg/rollout")
	for room := range reached {
		if !slices.Contains(rooms, room) {
			t.Errorf("the brain reaches %s", room)
		}
	}
	if len(reached) < 3 {
		t.Errorf("the brain reaches %d rooms", len(reached))
	}
}

// TestOnlyTheEdgesLog: what happened is data, and becomes a log line where the
// program meets the machine or the cloud.
func TestOnlyTheEdgesLog(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test || s.room == "cmd/fleetup" || s.room == "pkg/azure" {
			continue
		}
		for _, p := range s.imports() {
			if p == "log" && s.path == "pkg/control/server.go" {
				continue // net/http keeps quiet only for a logger that is
			}
			if within(p, "log") {
				t.Errorf("%s imports %s", s.path, p)
			}
		}
	}
}

// TestFilesAreShort: one concept a file.
func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.test && s.lines > 600 {
			t.Errorf("%s has %d lines, more than 600", s.path, s.lines)
		}
		if s.path == "cmd/fleetup/main.go" && s.lines > 50 {
			t.Errorf("%s has %d lines, more than 50: it only begins", s.path, s.lines)
		}
	}
}

// TestLinesAreShort: what a line does is seen without scrolling. Its columns are
// counted with tabs of four. A raw string is as it has to be (an answer of a service, a
// page of the program, an inventory), and a word that nothing can break, such as an
// address or a resource's ID, may stick out.
func TestLinesAreShort(t *testing.T) {
	t.Parallel()
	const most, unbreakable = 120, 60
	seen := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		seen++
		raw := rawLines(src)
		for i, line := range strings.Split(string(src), "\n") {
			n := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			long := func(word string) bool { return utf8.RuneCountInString(word) > unbreakable }
			if n > most && !raw[i+1] && !slices.ContainsFunc(strings.Fields(line), long) {
				t.Errorf("%s:%d has %d columns, more than %d", filepath.ToSlash(name), i+1, n, most)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("found only %d Go files", seen)
	}
}

// rawLines are the lines of a source that a raw string is on.
func rawLines(src []byte) map[int]bool {
	var s scanner.Scanner
	set, lines := token.NewFileSet(), map[int]bool{}
	s.Init(set.AddFile("", -1, len(src)), src, nil, 0)
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return lines
		}
		if tok == token.STRING && strings.HasPrefix(text, "`") {
			for n := range strings.Count(text, "\n") + 1 {
				lines[set.Position(pos).Line+n] = true
			}
		}
	}
}

// TestPackagesSayWhatTheyAreFor: each has a package comment, in one file.
func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	said := map[string]int{}
	for _, s := range sources(t) {
		if s.test && (s.room == "." || said[s.room] > 0) {
			continue
		}
		if _, ok := said[s.room]; !ok {
			said[s.room] = 0
		}
		name, words := s.file.Name.Name, s.file.Doc.Text()
		if strings.HasPrefix(words, "Package "+name) || strings.HasPrefix(words, "Command ") {
			said[s.room]++
		}
	}
	delete(said, ".")
	for room, n := range said {
		if n != 1 {
			t.Errorf("%s has %d package comments, want one", room, n)
		}
	}
}
