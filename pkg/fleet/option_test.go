package fleet

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// TestOptionNormal: one spelling for each value, whatever its type, and words for
// what cannot be one.
func TestOptionNormal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o              Option
		in, want, says string
	}{
		{Option{Type: OptionDuration}, "90s", "1m30s", ""},
		{Option{Type: OptionDuration}, "24h", "24h0m0s", ""},
		{Option{Type: OptionDuration}, "0s", "", "not between"},
		{Option{Type: OptionDuration}, "-5m", "", "not between"},
		{Option{Type: OptionDuration}, "24h0m1s", "", "not between"},
		{Option{Type: OptionDuration}, "90", "", "no duration"},
		{Option{Type: OptionDuration}, "", "", "no duration"},
		{Option{Type: OptionVersion}, "2026-07-01", "2026-07-01", ""},
		{Option{Type: OptionVersion}, "2026-07-01-preview", "2026-07-01-preview", ""},
		{Option{Type: OptionVersion}, "2026-7-1", "", "no API version"},
		{Option{Type: OptionVersion}, "2026-07-01&x=1", "", "no API version"},
		{Option{Type: OptionVersion}, "1999-07-01", "", "no API version"},
		{Option{Type: OptionGUID}, "{72F988BF-86F1-41AF-91AB-2D7CD011DB47}", "72f988bf-86f1-41af-91ab-2d7cd011db47",
			""},
		{Option{Type: OptionGUID}, "contoso.example", "", "not a GUID"},
		{Option{Type: OptionKind, Words: []string{"a", "b"}}, "b", "b", ""},
		{Option{Type: OptionKind, Words: []string{"a", "b"}}, "B", "", "none of a, b"},
		{Option{Type: OptionText}, "as it is ", "as it is ", ""},
		{Option{Type: OptionText}, "", "", "between 1 and 1000"},
		{Option{Type: OptionPath}, "a/b.db", "a/b.db", ""},
		{Option{Type: OptionPath}, strings.Repeat("x", 1001), "", "between 1 and 1000"},
	} {
		got, err := tt.o.Normal(tt.in)
		if tt.says == "" && (err != nil || got != tt.want) || tt.says != "" &&
			(err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s %q: %q, %v", tt.o.Type, tt.in, got, err)
		}
		if again, err2 := tt.o.Normal(got); err == nil && (err2 != nil || again != got) {
			t.Errorf("%s: %q has the second spelling %q (%v)", tt.o.Type, got, again, err2)
		}
	}
}

// TestComplete: defaults for what is not given, and nothing that is not known.
func TestComplete(t *testing.T) {
	t.Parallel()
	s := KindSpec{Kind: "shine", Options: append(CommonOptions("2026-02-01"),
		Option{Key: "ledger", Type: OptionPath, Required: true, Doc: "the ledger of the runs"},
		Option{Key: "tenant", Type: OptionGUID})}
	got, err := s.Complete(Options{"ledger": "x.db", "expected": "120s"})
	if err != nil || !maps.Equal(got, Options{"apiVersion": "2026-02-01", "expected": "2m0s", "ledger": "x.db"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got.Duration("expected") != 2*time.Minute || got.Duration("nobody") != 0 {
		t.Errorf("expected %v", got.Duration("expected"))
	}
	for says, given := range map[string]Options{
		"upgrade.ledger is missing: the ledger of the runs": {},
		`no option "tags"`:           {"ledger": "x", "tags": "y"},
		"upgrade.tenant:":            {"ledger": "x", "tenant": "y"},
		"upgrade.apiVersion:":        {"ledger": "x", "apiVersion": "latest"},
		"upgrade.expected: \"soon\"": {"ledger": "x", "expected": "soon"},
	} {
		if got, err := s.Complete(given); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, %v", given, got, err)
		}
	}
	if again, err := s.Complete(got); err != nil || !maps.Equal(again, got) {
		t.Errorf("complete options became %v, %v", again, err)
	}
}

// TestRollbackOf: a rollback is a kind of its own, and keys of the two differ.
func TestRollbackOf(t *testing.T) {
	t.Parallel()
	back := RollbackOf("shine")
	if of, ok := back.Undoes(); !ok || of != "shine" || back != "rollback-shine" {
		t.Errorf("%s undoes %s, %v", back, of, ok)
	}
	for _, k := range []Kind{"shine", KindClassic, KindRollback} {
		if of, ok := k.Undoes(); ok {
			t.Errorf("%s undoes %s", k, of)
		}
	}
	if KeyOf(back, "s", KeyVault, "w", "n") == KeyOf("shine", "s", KeyVault, "w", "n") {
		t.Error("one key for both ways")
	}
}
