package plan

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestAcceptWarnings: consent makes another plan and leaves the first alone.
func TestAcceptWarnings(t *testing.T) {
	t.Parallel()
	p := build(t, input(3))
	q := p.AcceptWarnings()
	if err := q.Check(); err != nil {
		t.Error(err)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	if p.Fingerprint == q.Fingerprint || p.Vaults[0].AcceptWarnings || !q.Vaults[2].AcceptWarnings {
		t.Error("consent is not in the new plan, or in the old one too")
	}
}

func TestBudgetResolve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		budget     Budget
		base, want int
	}{
		{Budget{Unit: UnitCount, Count: 3}, 1, 3},
		{Budget{Unit: UnitPercent, Percent: 29}, 100, 29}, // 29/100 falls just short in binary
		{Budget{Unit: UnitPercent, Percent: 3}, 99, 2},    // rounds down
		{Budget{Unit: UnitPercent, Percent: 2.5}, 39, 0},
		{Budget{Unit: UnitDefault}, 10, 1},
		{Budget{Unit: UnitDefault}, 200, 4},
		{Budget{Unit: UnitDefault}, 100_000, 10},
	} {
		if got := c.budget.Resolve(c.base); got != c.want {
			t.Errorf("%+v of %d is %d, want %d", c.budget, c.base, got, c.want)
		}
	}
}

// Consent is to what was in view when the plan was made: to its warnings alone, and
// only where a check came far enough to show them.
func TestShown(t *testing.T) {
	t.Parallel()
	warning := func(code string) fleet.Finding {
		return fleet.Finding{Severity: fleet.SeverityWarning, Category: "c", Code: code}
	}
	at := time.Date(2026, 11, 30, 14, 17, 3, 0, time.UTC)
	seen := []fleet.Finding{warning("b"), {Severity: fleet.SeverityError, Category: "c", Code: "e"}, warning("a"),
		{Severity: fleet.SeverityInfo, Category: "c", Code: "i"}, warning("b")}
	for verdict, shown := range map[fleet.Verdict]bool{
		fleet.VerdictReady: true, fleet.VerdictBlocked: true, fleet.VerdictAlready: true,
		fleet.VerdictBusy: false, fleet.VerdictDenied: false, fleet.VerdictThrottled: false,
	} {
		p := build(t, input(2))
		q := p.Shown(map[fleet.Key]fleet.Validation{p.Vaults[0].Key: {Verdict: verdict, Findings: seen,
			State: json.RawMessage(`{"a": 1}`), RetryAfter: time.Minute}}, at)
		v := &q.Vaults[0]
		if v.Checked != shown || shown && !slices.Equal(v.ShownWarnings, []string{"c/a", "c/b"}) || !shown &&
			v.ShownWarnings != nil {
			t.Errorf("%s: checked %v, shown %v", verdict, v.Checked, v.ShownWarnings)
		}
		if q.Vaults[1].Checked || p.Vaults[0].Checked {
			t.Errorf("%s: a vault that was not checked counts as checked", verdict)
		}
		if q.Fingerprint == p.Fingerprint || q.Check() != nil {
			t.Errorf("%s: fingerprint %s, before %s: %v", verdict, q.ShortFingerprint(), p.ShortFingerprint(),
				q.Check())
		}
		data, err := Encode(q)
		if err != nil {
			t.Fatal(err)
		}
		saved, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want := map[fleet.Key]fleet.Validation{p.Vaults[0].Key: {Verdict: verdict, Findings: seen}}
		if !reflect.DeepEqual(saved.Validations(), want) || !saved.CheckedAt.Equal(at) || p.Validations() != nil {
			t.Errorf("%s: saved at %v: %+v; want %+v", verdict, saved.CheckedAt, saved.Validations(), want)
		}
		// Checked again, the earlier view is none any more.
		again := q.Shown(map[fleet.Key]fleet.Validation{p.Vaults[0].Key: {Verdict: fleet.VerdictReady}}, at)
		if w := again.Vaults[0].ShownWarnings; !again.Vaults[0].Checked || len(w) > 0 {
			t.Errorf("%s: checked again, shown %v", verdict, w)
		}
	}
}

// What a cloud says may hold bytes that are no UTF-8: a plan that has been saved with it
// is read again.
func TestShownBytes(t *testing.T) {
	t.Parallel()
	p := build(t, input(1))
	q := p.Shown(map[fleet.Key]fleet.Validation{p.Vaults[0].Key: {Verdict: fleet.VerdictBlocked,
		Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: "c", Message: "not \xff here"}}}},
		time.Unix(1, 1))
	data, err := Encode(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(data); err != nil {
		t.Error(err)
	}
}
