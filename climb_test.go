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
var wholeProgram = []string{"main.go", "app.go", "args.go", "complete.go", "help.go", "helppage.go", "manual.go", "reference.go", "completion.go"}

// TestCommandsAreReadDownwards: who reads a command is led down, from the program
// to the command to what it shares with others, and seldom back up.
func TestCommandsAreReadDownwards(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("cmd/fleetup/*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	layer := map[string]int{} // of a file: 0 the program, 1 a command, 2 shared
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_other.go") || strings.HasSuffix(name, "_windows.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		base := filepath.Base(name)
		layer[base] = 2
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasSuffix(fn.Name.Name, "Command") && fn.Recv != nil {
				layer[base] = 1
			}
		}
		if slices.Contains(wholeProgram, base) {
			layer[base] = 0
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	lenient := types.Config{Importer: nothing{}, Error: func(error) {}} // what comes from other packages is not looked at
	pkg, _ := lenient.Check("main", fset, files, info)
	type use struct{ from, to, name string }
	uses := map[use]bool{}
	for id, o := range info.Uses {
		if v, ok := o.(*types.Var); o.Pkg() != pkg || ok && v.IsField() || o.Parent() != nil && o.Parent() != pkg.Scope() {
			continue
		}
		from, to := filepath.Base(fset.File(id.Pos()).Name()), filepath.Base(fset.File(o.Pos()).Name())
		if from != to {
			uses[use{from, to, o.Name()}] = true
		}
	}
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

// nothing imports every package as an empty one.
type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}
