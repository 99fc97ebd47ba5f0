package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// whatIf is a change that plan --what-if compares with: other limits, and a
// share of upgrades that fail.
type whatIf struct {
	text     string
	limits   plan.Limits
	failures float64 // percent
}

// parseWhatIf reads "upgrades=40,failures=5%".
func parseWhatIf(text string, have plan.Limits) (whatIf, error) {
	w := whatIf{text: text, limits: have}
	bad := func(part, why string) (whatIf, error) {
		return w, usage("fleetup plan INVENTORY --what-if upgrades=40,failures=5%",
			"--what-if %q: %s; it takes upgrades=N, perSubscription=N, perLocation=N, validations=N and failures=N%%", part, why)
	}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return bad(part, "no = in it")
		}
		if key == "failures" {
			f, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
			if err != nil || f < 0 || f > 100 || !strings.HasSuffix(value, "%") {
				return bad(part, "failures is a percentage such as 5%")
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
			return bad(part, fmt.Sprintf("no setting is called %q", key))
		}
	}
	return w, nil
}
