package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestFlagsHaveHandles: no flag is named by a text, neither where it is declared
// nor where it is read, so that a wrong name does not compile; and no handle is left
// that no command has.
func TestFlagsHaveHandles(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	handles, reads := map[string]bool{}, 0
	declares := regexp.MustCompile(`^\w+Flag$`)
	asks := []string{"String", "StringSlice", "Bool", "Int", "Float64", "Duration", "IsSet", "Value", "Generic",
		"Path", "Timestamp"}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				s, ok := n.Fun.(*ast.SelectorExpr)
				if ok && s.Sel.Name == "of" {
					reads++
				}
				if !ok || len(n.Args) != 1 || !slices.Contains(asks, s.Sel.Name) {
					break
				}
				if x, ok := s.X.(*ast.Ident); !ok || x.Name != "c" {
					break
				}
				if l, ok := n.Args[0].(*ast.BasicLit); ok && l.Kind == token.STRING {
					t.Errorf("%s: a flag is read by the text %s", fset.Position(n.Pos()), l.Value)
				}
			case *ast.CompositeLit:
				s, ok := n.Type.(*ast.SelectorExpr)
				if !ok || !declares.MatchString(s.Sel.Name) {
					break
				}
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "Name" {
						t.Errorf("%s: a flag is declared by a text", fset.Position(n.Pos()))
					}
				}
			case *ast.ValueSpec:
				if x, ok := n.Type.(*ast.Ident); ok && declares.MatchString(x.Name) && len(n.Values) == 1 {
					handles[strings.Trim(n.Values[0].(*ast.BasicLit).Value, `"`)] = true
				}
			}
			return true
		})
	}
	if reads < 50 {
		t.Errorf("flags are read in %d places only", reads)
	}
	app := (&environment{}).app()
	declared := map[string]bool{}
	for _, f := range everyFlag(app.Flags, app.Commands) {
		declared[f.Names()[0]] = true
	}
	for name := range handles {
		if !declared[name] {
			t.Errorf("no command has the flag %s", name)
		}
	}
	for name := range declared {
		if !handles[name] && name != cli.HelpFlag.Names()[0] {
			t.Errorf("the flag %s has no handle", name)
		}
	}
}
