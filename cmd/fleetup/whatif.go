package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// whatIf is a change that plan --what-if compares with: other limits, and a
// share of upgrades that fail.
type whatIf struct {
	text     string
	limits   plan.Limits
	failures float64 // percent
}

// parseWhatIf reads "upgrades=40,failures=5%"; right is a command line that says it
// as it may be said.
func parseWhatIf(text string, have plan.Limits, right string) (whatIf, error) {
	w := whatIf{text: text, limits: have}
	bad := func(part, why string) (whatIf, error) {
		return w, failure.Usage(right,
			"--what-if %q: %s; it takes upgrades=N, perSubscription=N, perLocation=N, validations=N and failures=N%%",
			part, why)
	}
	given := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return bad(part, "no = in it")
		}
		if before, twice := given[key]; twice {
			return bad(part, fmt.Sprintf("%s is given twice, as %q before", key, before))
		}
		given[key] = strings.TrimSpace(part)
		if key == "failures" {
			f, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
			if err != nil || !(f >= 0 && f <= 100) || !strings.HasSuffix(value, "%") {
				return bad(part, "failures is a share from 0% to 100%, such as 5%")
			}
			w.failures = f
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 100_000 {
			return bad(part, "not a number from 1 to 100000")
		}
		switch key {
		case "upgrades":
			w.limits.Upgrades = n
		case "perSubscription":
			w.limits.PerSubscription = n
		case "perLocation":
			w.limits.PerLocation = n
		case "validations":
			w.limits.Validations = n
		default:
			names := []string{"upgrades", "perSubscription", "perLocation", "validations", "failures"}
			return w, failure.Mistyped(key, words.Likeliest(key, names), right,
				"--what-if %q: no setting is called %q; valid: %s", part, key, strings.Join(names, ", "))
		}
	}
	return w, nil
}

// Draws are many where they are cheap: a large fleet has less of chance in it, too.
const (
	mostDraws  = 100
	leastDraws = 5
	drawCost   = 20_000 // vaults in all draws together
)

// rehearse simulates the changed plan; changed is when earlier runs changed its waves.
// Which vaults fail is drawn: whether the budgets halt the run hangs on which they are, and
// when. What is drawn follows from their names, so that the same question has the same
// answer, and a vault that fails at some rate fails at every higher one in that draw.
func (w *whatIf) rehearse(p *plan.Plan, changed map[string]time.Time) (*dryrun.WhatIf, error) {
	q := *p
	q.Limits = w.limits
	out := &dryrun.WhatIf{Text: w.text, Failures: w.failures}
	start := session.Now()
	play := func(draw int, takes func(*plan.Vault) time.Duration) (rollout.Forecast, error) {
		f, err := rollout.Rehearse(&q, rollout.Rehearsal{Start: start, Duration: takes, Changed: changed,
			Fails: func(v *plan.Vault) bool { return w.fails(v.Key, draw) }})
		if err != nil {
			return f, fmt.Errorf("the comparison failed: %w", err)
		}
		return f, nil
	}
	p50 := func(v *plan.Vault) time.Duration { return v.Predicted.P50 }
	p90 := func(v *plan.Vault) time.Duration { return v.Predicted.P90 }
	n := 1
	if w.failures > 0 {
		n = min(max(drawCost/max(len(p.Vaults), 1), leastDraws), mostDraws)
	}
	type drawn struct {
		rollout.Forecast
		draw int
	}
	draws := make([]drawn, n)
	for i := range draws {
		f, err := play(i, p50)
		if err != nil {
			return nil, err
		}
		draws[i] = drawn{f, i}
	}
	slices.SortStableFunc(draws, func(a, b drawn) int {
		halts := func(d drawn) int { return map[bool]int{true: 1}[d.Halt != nil] }
		return cmp.Or(halts(a)-halts(b), cmp.Compare(b.Upgraded, a.Upgraded), a.EndsAt.Compare(b.EndsAt))
	})
	if w.failures > 0 {
		for _, d := range draws {
			out.Draws = append(out.Draws, d.Forecast)
		}
	}
	middle := draws[dryrun.Middle(out.Draws)]
	out.P50 = middle.Forecast
	var err error
	out.P90, err = play(middle.draw, p90)
	return out, err
}

// fails reports whether a vault fails in a draw.
func (w *whatIf) fails(k fleet.Key, draw int) bool {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %s", draw, k))
	return float64(binary.BigEndian.Uint64(h[:])>>11)/(1<<53) < w.failures/100
}
