package fleetup_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The layers of cmd/fleetup, from the top: what sees the program as a whole, the
// commands, and what commands share. A use is a file's naming of something that
// another file declares, once for each name. It runs back up
//
//   - from a lower layer to a higher one;
//   - from a command's file to another command's;
//   - between two shared files that use each other, in the direction that has fewer.
var wholeProgram = []string{"main.go", "app.go", "args.go", "complete.go", "help.go", "helppage.go", "manual.go",
	"reference.go", "completion.go"}

// TestCommandsAreReadDownwards: who reads a command is led down, from the program
// to the command to what it shares with others, and seldom back up.
func TestCommandsAreReadDownwards(t *testing.T) {
	t.Parallel()
	layer := map[string]int{} // of a file: 0 the program, 1 a command, 2 shared
	uses := usesIn(t, "cmd/fleetup", func(name string, f *ast.File) {
		layer[name] = 2
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasSuffix(fn.Name.Name, "Command") && fn.Recv != nil {
				layer[name] = 1
			}
		}
		if slices.Contains(wholeProgram, name) {
			layer[name] = 0
		}
	})
	between := map[[2]string]int{}
	for u := range uses {
		between[[2]string{u.from, u.to}]++
	}
	up := 0
	for pair, n := range between {
		back := between[[2]string{pair[1], pair[0]}]
		switch from, to := layer[pair[0]], layer[pair[1]]; {
		case from > to, from == 1 && to == 1:
			up += n
			t.Logf("%s uses %s, above it, %d times", pair[0], pair[1], n)
		case from == 2 && to == 2 && (n < back || n == back && pair[0] < pair[1]):
			up += n
			t.Logf("%s and %s use each other, %d and %d times", pair[0], pair[1], n, back)
		}
	}
	if t.Logf("%d of %d uses run back up", up, len(uses)); len(uses) < 100 || 10*up > len(uses) {
		t.Errorf("%d of %d uses run back up, more than one in ten", up, len(uses))
	}
}

// The files of rooms that show a run, from the top down: what is asked for first, and
// below it what that is made of. A use of a file that stands above runs back up.
var readDownwards = map[string][]string{
	"pkg/report": {"runs.go", "query.go", "junit.go", "history.go", "fromstate.go", "request.go",
		"runreport.go", "headline.go",
		"selection.go", "csv.go", "compare.go", "nights.go",
		"status.go", "actions.go", "remediation.go", "next.go", "groups.go",
		"waits.go", "said.go",
		"flights.go", "evidence.go", "causes.go", "support.go",
		"timelinefacts.go", "view.go", "expectedend.go", "emulated.go", "timeline.go", "happenings.go", "suspension.go",
		"json.go"},
	"pkg/report/progress": {"stream.go", "plain.go", "screen.go", "live.go", "livewaves.go", "liveflights.go",
		"liveahead.go", "recent.go", "tracker.go"},
	"pkg/report/dryrun": {"kinds.go", "planpage.go", "plandata.go", "calendar.go", "whatif.go",
		"preflight.go", "planupgrade.go", "planpolicy.go",
		"between.go", "heldbyhand.go", "plan.go", "forecast.go", "validate.go", "unfinished.go"},
	"pkg/report/layout": {"linebuffer.go", "format.go", "zoned.go", "role.go", "page.go", "wrap.go",
		"jsonwriter.go", "fromjson.go", "encode.go"},
	"pkg/report/lexicon": {"names.go", "counts.go", "operatoraction.go", "wording.go", "halt.go", "words.go",
		"clean.go"},
	"pkg/web": {"server.go", "routes.go", "metrics.go", "livehub.go", "guard.go", "watchers.go", "render.go",
		"tasks.go", "assets.go", "room.go", "tries.go",
		"document.go", "times.go", "clean.go"},
	"pkg/notify": {"eventbuilder.go", "try.go", "worker.go", "dispatcher.go", "target.go", "mail.go", "body.go",
		"event.go", "sign.go"},
	"pkg/standing": {"tasks.go", "steps.go", "phase.go", "waits.go", "checks.go", "windows.go", "flights.go",
		"remaining.go", "person.go", "counts.go", "waves.go"},
}

// TestViewsAreReadDownwards: who follows a state to what is shown of it goes down, and
// seldom back up.
func TestViewsAreReadDownwards(t *testing.T) {
	t.Parallel()
	for room, order := range readDownwards {
		up, unknown := 0, map[string]bool{}
		uses := usesIn(t, room, func(name string, _ *ast.File) {
			if name != "doc.go" && !slices.Contains(order, name) {
				unknown[name] = true
			}
		})
		for u := range uses {
			if slices.Index(order, u.from) > slices.Index(order, u.to) {
				up++
				t.Logf("%s: %s uses %s of %s, above it", room, u.from, u.name, u.to)
			}
		}
		for name := range unknown {
			t.Errorf("%s/%s has no place in the order of its room", room, name)
		}
		if t.Logf("%s: %d of %d uses run back up", room, up, len(uses)); 10*up > len(uses) {
			t.Errorf("%s: %d of %d uses run back up, more than one in ten", room, up, len(uses))
		}
	}
}

// use is a file's naming of something that another file declares.
type use struct{ from, to, name string }

// usesIn are the uses between the files of a room. look, unless nil, is shown each file.
func usesIn(t *testing.T, room string, look func(name string, f *ast.File)) map[use]bool {
	t.Helper()
	names, err := filepath.Glob(room + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_other.go") ||
			strings.HasSuffix(name, "_windows.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		if look != nil {
			look(filepath.Base(name), f)
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	// what comes from other packages is not looked at
	lenient := types.Config{Importer: nothing{}, Error: func(error) {}}
	pkg, _ := lenient.Check("main", fset, files, info)
	uses := map[use]bool{}
	for id, o := range info.Uses {
		if v, ok := o.(*types.Var); o.Pkg() != pkg || ok && v.IsField() || o.Parent() != nil &&
			o.Parent() != pkg.Scope() {
			continue
		}
		from, to := filepath.Base(fset.File(id.Pos()).Name()), filepath.Base(fset.File(o.Pos()).Name())
		if from != to {
			uses[use{from, to, o.Name()}] = true
		}
	}
	return uses
}

// nothing imports every package as an empty one.
type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}
