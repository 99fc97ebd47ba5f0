package failpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]spec{
		"":                     {},
		"send-before":          {point: SendBefore, hit: 1},
		"send-before=kill":     {point: SendBefore, hit: 1},
		"intents-after@3":      {point: IntentsAfter, hit: 3},
		"closed-after@2=stop":  {point: ClosedAfter, hit: 2, stop: true},
		"transaction-open@400": {point: TransactionOpen, hit: 400},
	} {
		if got, err := parse(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"send", "@1", "=stop", "send-before@0", "send-before@", "send-before@x",
		"send-before=", "send-before=pause", "Send-Before"} {
		if got, err := parse(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q is taken for %+v, %v", text, got, err)
		}
	}
}

// TestMeanings: every constant is in the table once, in order, and explained.
func TestMeanings(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "points.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var named []Point
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			named = append(named, Point(text))
		}
		return true
	})
	var told []Point
	for _, m := range Meanings() {
		if m.Where == "" || m.Happened == "" || m.Resume == "" {
			t.Errorf("%+v says too little", m)
		}
		told = append(told, m.Point)
	}
	if len(named) < 20 || !slices.Equal(named, told) {
		t.Errorf("the constants are\n%v\nand the table has\n%v", named, told)
	}
}
