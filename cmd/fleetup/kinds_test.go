package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// TestReversibleKinds: what a plan calls reversible has a kind that undoes it,
// and what it calls permanent has none.
func TestReversibleKinds(t *testing.T) {
	t.Parallel()
	for _, k := range session.Kinds {
		if _, undoes := k.Kind.Undoes(); undoes {
			continue
		}
		options, err := k.Complete(nil)
		if err != nil {
			t.Errorf("%s needs options: describe it with some here: %v", k.Kind, err)
			continue
		}
		back := slices.ContainsFunc(session.Kinds,
			func(o session.Kind) bool { return o.Kind == fleet.RollbackOf(k.Kind) })
		if up := k.Describe(options); up.Permanent == back || up.Title == "" || up.Request.Method == "" ||
			len(up.Actions) == 0 {
			t.Errorf("%s: a rollback is there: %v; it says %+v", k.Kind, back, up)
		}
	}
}

// TestKindsDoc keeps the table of docs/kinds.md current:
// go test ./cmd/fleetup -run KindsDoc -update
func TestKindsDoc(t *testing.T) {
	t.Parallel()
	const path, mark, end = "../../docs/kinds.md", "<!-- kinds: kept current by a test -->\n", "<!-- end -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), mark)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatal("docs/kinds.md has no place for the table")
	}
	want := before + mark + "\n" + kindsTable(t) + "\n" + end + after
	if string(data) == want {
		return
	}
	if !*update {
		t.Error("the table of docs/kinds.md is out of date: go test ./cmd/fleetup -run KindsDoc -update")
	} else if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func kindsTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| kind | each vault gets | by | undone by | writes on the Resource Manager | known |\n" +
		"|---|---|---|---|---|---|\n")
	for _, k := range session.Kinds {
		if _, undoes := k.Kind.Undoes(); undoes {
			continue
		}
		options, err := k.Complete(nil)
		if err != nil {
			t.Fatal(err)
		}
		up := k.Describe(options)
		body, undo := string(up.Request.Body), fmt.Sprintf("`{kind: rollback, of: %s, …}`", k.Kind)
		if document, ok := up.Request.XML(); ok {
			body = document
		}
		if up.Permanent {
			undo = "**nothing**"
		}
		if up.Confirm {
			undo += "; needs `--confirm-irreversible`"
		}
		var writes []string
		for _, a := range up.Actions {
			if !strings.HasSuffix(a, "/read") {
				writes = append(writes, "`"+a+"`")
			}
		}
		if len(writes) == 0 {
			writes = []string{"nothing"}
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s %s` `%s` | %s | %s | %s: %s |\n", k.Kind, up.Title, up.Request.Method,
			up.Request.Path, body, undo, strings.Join(writes, ", "), k.Known.Basis, k.Known.Says)
	}
	return b.String()
}

// TestOtherwise: a plan of a version that sent something else is seen to be one.
func TestOtherwise(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Kind: "rsv-immutability"}
	k, err := session.KindOf(p.Kind)
	if err != nil {
		t.Fatal(err)
	}
	options, err := k.Complete(nil)
	if err != nil {
		t.Fatal(err)
	}
	up := k.Describe(options)
	p.Upgrade = &up
	if got := session.OtherRequest(p); got != "" {
		t.Errorf("its own plan: %s", got)
	}
	up.Request.Body = []byte(`{"properties": {"securitySettings": {"immutabilitySettings": {"state": "Unlocked"}}}}`)
	if got := session.OtherRequest(p); !strings.Contains(got, "AsPerPolicy") {
		t.Errorf("the plan of an older version: %q", got)
	}
	up = k.Describe(options)
	up.Request.Body = []byte(strings.ReplaceAll(string(up.Request.Body), ":", ": "))
	if got := session.OtherRequest(p); got != "" {
		t.Errorf("with spaces: %s", got)
	}
	up.Options = fleet.Options{fleet.OptionAPIVersion: "2022-05-01", fleet.OptionExpected: "2m0s"}
	if got := session.OtherRequest(p); !strings.Contains(got, "2022-05-01 does not know") {
		t.Errorf("in a version that knows too little: %q", got)
	}
	if got := session.OtherRequest(&plan.Plan{Kind: fleet.KindClassic}); got != "" {
		t.Errorf("a classic plan: %s", got)
	}
}
