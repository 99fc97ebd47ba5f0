package rollout

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// scriptPolicy sets what a wave or a plan may say of policy:
//
//	soak=canary:30m               wait after the wave
//	date=rest:2h                  it opens no sooner than so long after the beginning
//	approval=canary:after         a gate; canary:after:notby wants another person than the starter
//	order=canary:name             longest-first, name or inventory
//	wavelimit=canary:2            upgrades at once in the wave
//	window=22:00-06:00@ZONE       open every day between these; canary/22:00-… for one wave
//	vaultwindow=v001/22:00-06:00@ZONE
//	                              the vault's own, in place of its wave's; v001/@ZONE: always
//	blackout=2026-03-16T23:00/2026-03-17T23:00@ZONE
//	p90=v000:1h,v001:2h           where it is not an hour and a half
//	subbudget=1                   failures that each subscription may have
//	budgetpercent=30              the run's budget as a percentage
//	ceiling=hard
//	sameerror=3
//	kind=NAME                     a kind whose vaults are read one by one; NAME! for one that is confirmed by its name
//	cloud=NAME                    in place of the emulator
//	lapsed=v001                   its hold is over
func scriptPolicy(p *plan.Plan, key, val string) (known bool, err error) {
	wave := func() (*plan.Wave, string, error) {
		name, rest, _ := strings.Cut(val, ":")
		for i := range p.Waves {
			if p.Waves[i].Name == name {
				return &p.Waves[i], rest, nil
			}
		}
		return nil, "", fmt.Errorf("no wave %q", name)
	}
	switch key {
	case "soak", "date", "approval", "order", "wavelimit":
		w, rest, err := wave()
		if err != nil {
			return true, err
		}
		switch key {
		case "soak":
			w.Soak, err = time.ParseDuration(rest)
		case "date":
			var after time.Duration
			after, err = time.ParseDuration(rest)
			w.NotBefore = scriptStart.Add(after)
		case "approval":
			when, notBy, _ := strings.Cut(rest, ":")
			w.Approval = &plan.Approval{When: plan.ApprovalWhen(when), Expiry: plan.DefaultApprovalExpiry}
			if notBy != "" {
				w.Approval.NotBy = plan.NotByStarter
			}
		case "order":
			w.Order = plan.Order(rest)
		case "wavelimit":
			w.Limits.Upgrades, err = strconv.Atoi(rest)
		}
		return true, err
	case "window":
		cal := &p.Calendar
		if name, rest, ok := strings.Cut(val, "/"); ok && !strings.Contains(name, ":") {
			for i := range p.Waves {
				if p.Waves[i].Name == name {
					cal, val = &p.Waves[i].Calendar, rest
				}
			}
		}
		win, err := scriptWindow(val)
		if *cal == nil {
			*cal = &plan.Calendar{}
		}
		(*cal).Windows = append((*cal).Windows, win)
		return true, err
	case "vaultwindow":
		name, span, _ := strings.Cut(val, "/")
		c := plan.Calendar{}
		if !strings.HasPrefix(span, "@") {
			win, err := scriptWindow(span)
			if err != nil {
				return true, err
			}
			c.Windows = append(c.Windows, win)
		}
		p.Calendars = append(p.Calendars, c)
		for i := range p.Vaults {
			if p.Vaults[i].Name == name {
				p.Vaults[i].Calendar = len(p.Calendars)
				return true, nil
			}
		}
		return true, fmt.Errorf("no vault %q", name)
	case "blackout":
		span, zone, _ := strings.Cut(val, "@")
		from, to, _ := strings.Cut(span, "/")
		if p.Calendar == nil {
			p.Calendar = &plan.Calendar{}
		}
		p.Calendar.Blackouts = append(p.Calendar.Blackouts, plan.Blackout{From: from, To: to, Zone: zone})
		return true, nil
	case "p90":
		for part := range strings.SplitSeq(val, ",") {
			name, d, _ := strings.Cut(part, ":")
			for i := range p.Vaults {
				if p.Vaults[i].Name == name {
					if p.Vaults[i].Predicted.P90, err = time.ParseDuration(d); err != nil {
						return true, err
					}
				}
			}
		}
		return true, nil
	case "subbudget":
		b := plan.Budget{Unit: plan.UnitCount}
		b.Count, err = strconv.Atoi(val)
		p.SubscriptionBudget = &b
		return true, err
	case "budgetpercent":
		p.FailureBudget = plan.Budget{Unit: plan.UnitPercent}
		p.FailureBudget.Percent, err = strconv.ParseFloat(val, 64)
		return true, err
	case "ceiling":
		p.Ceiling = plan.Ceiling(val)
		return true, nil
	case "kind":
		name, confirm := strings.CutSuffix(val, "!")
		p.Kind, p.Upgrade = fleet.Kind(name), &fleet.Upgrade{Confirm: confirm}
		for i := range p.Vaults {
			v := &p.Vaults[i].Vault
			v.Key = fleet.KeyOf(p.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.QualifiedName())
		}
		return true, nil
	case "cloud":
		p.Cloud.Name = fleet.CloudName(val)
		return true, nil
	case "lapsed":
		for i := range p.Vaults {
			if p.Vaults[i].Name == val {
				p.Vaults[i].LapsedHold = &fleet.Hold{Reason: "until yesterday"}
			}
		}
		return true, nil
	case "sameerror":
		p.SameErrorHalt, err = strconv.Atoi(val)
		return true, err
	}
	return false, nil
}

// scriptWindow reads 22:00-06:00@Australia/Sydney, every day.
func scriptWindow(text string) (plan.Window, error) {
	span, zone, _ := strings.Cut(text, "@")
	from, to, _ := strings.Cut(span, "-")
	w := plan.Window{Zone: zone, Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}}
	for _, e := range []struct {
		text string
		into *int
	}{{from, &w.Start}, {to, &w.End}} {
		t, err := time.Parse("15:04", e.text)
		if err != nil {
			return w, err
		}
		*e.into = t.Hour()*60 + t.Minute()
	}
	return w, nil
}

// approval reads: approve WAVE before|after [by=NAME] [failed=N] [unknown=N] [for=1h] [plan=other]
func (s *script) approval(args []string) (fleet.Approved, error) {
	if len(args) < 2 {
		return fleet.Approved{}, fmt.Errorf("approve WAVE before|after")
	}
	a := fleet.Approved{Wave: args[0], When: args[1], By: fleet.Actor{User: "kim"}, Reason: "looks good",
		PlanFingerprint: s.plan.Fingerprint, ExpiresAt: s.now.Add(24 * time.Hour)}
	for w := range s.m.Waves {
		if s.m.Waves[w].Name == a.Wave {
			a.Evidence = s.m.Evidence(w, a.When)
		}
	}
	for _, arg := range args[2:] {
		key, val, _ := strings.Cut(arg, "=")
		var err error
		switch key {
		case "by":
			a.By.User = val
		case "failed":
			a.Evidence.Failed, err = strconv.Atoi(val)
		case "unknown":
			a.Evidence.Unknown, err = strconv.Atoi(val)
		case "for":
			var d time.Duration
			d, err = time.ParseDuration(val)
			a.ExpiresAt = s.now.Add(d)
		case "plan":
			a.PlanFingerprint = val
		default:
			err = fmt.Errorf("an approval has no %q", key)
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}
