package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// limitNames are the limits that can be changed, by the inventory's names.
var limitNames = []string{"upgrades", "perSubscription", "perLocation"}

func (e *environment) limitCommand() *cli.Command {
	return &cli.Command{
		Name: "limit", Usage: "lower the limits of a run, or restore them", ArgsUsage: "NAME=N|plan...",
		Description: "NAME is upgrades, perSubscription or perLocation, as in the inventory. A limit can be lowered, and lifted\n" +
			"again up to what the plan says; upgrades=plan gives it back to the plan. What is in flight is not touched.",
		Flags: orderFlags(),
		Action: func(c *cli.Context) error {
			return e.obeyed(c, "the region is slow tonight", func(o *order) error {
				var err error
				o.Limits, err = parseLimits(c.Args().Slice(), report.Command("limit", "upgrades=5", "--reason", o.Reason, "--state", o.State))
				return err
			}, func(o order, s said) {
				w, _ := report.WordOf(s.events[0].Fact)
				say(e.stdout, "%s, by %s: %s", report.Clean(w.Text), report.Clean(w.By.User), report.Clean(o.Reason))
			})
		},
	}
}

// parseLimits reads upgrades=5 and upgrades=plan; next is a command line that it
// would read.
func parseLimits(args []string, next string) (map[string]int, error) {
	if len(args) == 0 {
		return nil, failure.Usage(next, "limit needs at least one limit")
	}
	limits := map[string]int{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, failure.Usage(next, "invalid limit %q: use NAME=N or NAME=plan", a)
		}
		if err := oneOf("limit", name, limitNames...); err != nil {
			return nil, failure.Usage(next, "unknown limit %q; valid: %s", name, strings.Join(limitNames, ", "))
		}
		if _, twice := limits[name]; twice {
			return nil, failure.Usage(next, "the limit %s is given twice", name)
		}
		n, err := strconv.Atoi(value)
		switch {
		case value == "plan":
			n = fleet.AsPlanned
		case err != nil || n < 1:
			return nil, failure.Usage(next, "%s=%s: a limit is a whole number from 1, or plan; fleetup pause lets nothing start", name, value)
		}
		limits[name] = n
	}
	return limits, nil
}

func (o order) limit(st *rollout.State, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
	f := fleet.LimitsChanged{Upgrades: o.Limits["upgrades"], PerSubscription: o.Limits["perSubscription"], PerLocation: o.Limits["perLocation"],
		By: by, Reason: o.Reason}
	if err := st.CheckLimits(f); err != nil {
		return nil, failure.Usage("a lower number; to allow more make another plan, for the next run", "%w", err)
	}
	return []fleet.Fact{f}, nil
}
