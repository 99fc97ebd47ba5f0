package rollout

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// scriptPlan builds a plan from
//
//	vaults=6 subs=2 locs=1 validations=4 upgrades=2 persub=1 perloc=1   numbers
//	waves=canary:2,rest       waves with how many vaults they take; the last takes what is left
//	budget=1                  failures that the run may have
//	maxfailures=canary:0      failures that a wave may have
//	predict=v000:20m,v003:1h  where it is not half an hour
//	hold=v001,v002
//	poll=30s maxage=1h busyretry=5m busydeadline=2h timeout=100s grace=2m reconcile=15m overdue=100m
func scriptPlan(args []string) (*plan.Plan, error) {
	opt := map[string]string{"vaults": "1", "subs": "1", "locs": "1", "waves": "all"}
	for _, a := range args {
		k, v, ok := strings.Cut(a, "=")
		if !ok {
			return nil, fmt.Errorf("%q is no KEY=VALUE", a)
		}
		opt[k] = v
	}
	num := map[string]int{}
	for _, k := range []string{"vaults", "subs", "locs", "validations", "upgrades", "persub", "perloc", "budget"} {
		if v := opt[k]; v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				return nil, err
			}
			num[k] = n
		}
	}
	var names []string
	var sizes []int
	for w := range strings.SplitSeq(opt["waves"], ",") {
		name, size, sized := strings.Cut(w, ":")
		n := num["vaults"]
		if sized {
			var err error
			if n, err = strconv.Atoi(size); err != nil {
				return nil, err
			}
		}
		names, sizes = append(names, name), append(sizes, n)
	}
	p := testPlan(num["vaults"], num["subs"], num["locs"], sizes...)
	p.Limits.PerSubscription, p.Limits.PerLocation = num["persub"], num["perloc"]
	p.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: num["budget"]}
	for i, n := range names {
		p.Waves[i].Name = n
	}
	for i := range p.Vaults {
		p.Vaults[i].Predicted.P50 = 30 * time.Minute
	}
	for _, k := range args {
		key, val, _ := strings.Cut(k, "=")
		if err := scriptOption(p, key, val, num[key]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func scriptOption(p *plan.Plan, key, val string, n int) error {
	t := &p.Timings
	durations := map[string]*time.Duration{"poll": &t.Poll, "maxage": &t.ValidationMaxAge, "busyretry": &t.BusyRetry,
		"busydeadline": &t.BusyDeadline, "timeout": &t.StartTimeout, "grace": &t.ReconcileGrace,
		"reconcile": &t.ReconcileDeadline, "overdue": &t.Overdue}
	var err error
	switch key {
	case "vaults", "subs", "locs", "waves", "persub", "perloc", "budget":
	case "validations":
		p.Limits.Validations = n
	case "upgrades":
		p.Limits.Upgrades = n
	case "maxfailures":
		name, count, _ := strings.Cut(val, ":")
		for i := range p.Waves {
			if p.Waves[i].Name == name {
				b := plan.Budget{Unit: plan.UnitCount}
				b.Count, err = strconv.Atoi(count)
				p.Waves[i].MaxFailures = &b
			}
		}
	case "predict", "hold":
		for part := range strings.SplitSeq(val, ",") {
			name, d, _ := strings.Cut(part, ":")
			for i := range p.Vaults {
				v := &p.Vaults[i]
				switch {
				case v.Name != name:
				case key == "hold":
					v.Hold = &fleet.Hold{Reason: "legal freeze"}
				default:
					v.Predicted.P50, err = time.ParseDuration(d)
				}
			}
		}
	default:
		d, ok := durations[key]
		if !ok {
			return fmt.Errorf("a plan has no %q", key)
		}
		*d, err = time.ParseDuration(val)
	}
	return err
}
