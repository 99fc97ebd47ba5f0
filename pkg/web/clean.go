package web

import (
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// cleaned is a copy of a view in which every text that came from outside is
// clean, so that nothing built from it has to think of that: neither HTML nor
// what the script shows. The view itself is left as it is.
func cleaned(v *report.View) *report.View {
	c := *v
	c.Run.ID, c.Run.PlanFingerprint = lexicon.Clean(c.Run.ID), lexicon.Clean(c.Run.PlanFingerprint)
	c.Run.Inventory, c.Run.WaitingFor, c.Run.StartedBy = cleanOr(c.Run.Inventory), cleanOr(c.Run.WaitingFor),
		cleanOr(c.Run.StartedBy)
	c.Selector = cleanOr(c.Selector)
	if v.Run.Halt != nil {
		h := *v.Run.Halt
		h.Scope, h.Part, h.Sentence, h.SameError = lexicon.Clean(h.Scope), lexicon.Clean(h.Part),
			lexicon.Clean(h.Sentence), cleanOr(h.SameError)
		c.Run.Halt = &h
	}
	if n := v.Run.Note; n != nil {
		c.Run.Note = &report.Note{At: n.At, By: cleanOr(n.By), Text: lexicon.Clean(n.Text)}
	}
	if l := v.Run.Limits; l != nil {
		x := *l
		x.By, x.Reason = cleanOr(x.By), cleanOr(x.Reason)
		c.Run.Limits = &x
	}
	if x := v.Run.Closed; x != nil {
		c.Run.Closed = &report.Closure{By: cleanOr(x.By), Reason: cleanOr(x.Reason), NeverStarted: x.NeverStarted}
	}
	if x := v.Run.ClosingBy; x != nil {
		c.Run.ClosingBy = &report.Closing{By: cleanOr(x.By), Reason: cleanOr(x.Reason)}
	}
	if a := v.Run.InAdvance; a != nil {
		x := *a
		x.Wave, x.By, x.Reason = lexicon.Clean(x.Wave), cleanOr(x.By), cleanOr(x.Reason)
		c.Run.InAdvance = &x
	}
	c.Run.Suspended = v.Run.Suspended.Clean()
	c.Run.Waits = make([]report.Wait, len(v.Run.Waits))
	for i := range c.Run.Waits {
		c.Run.Waits[i] = v.Run.Waits[i].Clean()
	}
	c.Next = slices.Clone(v.Next)
	for i := range c.Next {
		c.Next[i].Args = cleanList(c.Next[i].Args)
	}
	c.Tasks = slices.Clone(v.Tasks)
	for i := range c.Tasks {
		t := &c.Tasks[i]
		t.Code, t.Subscription, t.Steps = lexicon.Clean(t.Code), lexicon.Clean(t.Subscription), slices.Clone(t.Steps)
		for j := range t.Steps {
			t.Steps[j].Args, t.Steps[j].NotBy = cleanList(t.Steps[j].Args), lexicon.Clean(t.Steps[j].NotBy)
		}
	}
	c.Waves = slices.Clone(v.Waves)
	for i := range c.Waves {
		c.Waves[i].Name = lexicon.Clean(c.Waves[i].Name)
	}
	c.Subscriptions = slices.Clone(v.Subscriptions)
	for i := range c.Subscriptions {
		c.Subscriptions[i].ID, c.Subscriptions[i].Name = lexicon.Clean(c.Subscriptions[i].ID),
			lexicon.Clean(c.Subscriptions[i].Name)
	}
	c.Timeline.Entries = slices.Clone(v.Timeline.Entries)
	for i := range c.Timeline.Entries {
		e := &c.Timeline.Entries[i]
		e.Text, e.Detail, e.By, e.Vault = lexicon.Clean(e.Text), cleanOr(e.Detail), cleanOr(e.By), cleanOr(e.Vault)
	}
	c.InFlight = slices.Clone(v.InFlight)
	for i := range c.InFlight {
		f := &c.InFlight[i]
		f.Vault, f.Wave, f.Is.OperationID = lexicon.Clean(f.Vault), lexicon.Clean(f.Wave),
			lexicon.Clean(f.Is.OperationID)
	}
	c.Vaults = make([]report.Vault, len(v.Vaults))
	for i := range v.Vaults {
		c.Vaults[i] = cleanVault(&v.Vaults[i])
	}
	return &c
}

func cleanVault(from *report.Vault) report.Vault {
	v := *from
	for _, s := range []*string{&v.Vault, &v.SubscriptionID, &v.SubscriptionName, &v.Name, &v.Location, &v.Wave} {
		*s = lexicon.Clean(*s)
	}
	v.ResourceType = fleet.ResourceType(lexicon.Clean(string(v.ResourceType)))
	v.OperationID, v.UpgradedResourceID, v.Reason = cleanOr(v.OperationID), cleanOr(v.UpgradedResourceID),
		cleanOr(v.Reason)
	v.TargetResourceGroup, v.ResourceGroup, v.ResourceID = cleanOr(v.TargetResourceGroup), cleanOr(v.ResourceGroup),
		cleanOr(v.ResourceID)
	v.RequestIDs, v.HeldBy = cleanList(v.RequestIDs), cleanOr(v.HeldBy)
	v.Reads = slices.Clone(v.Reads)
	for i := range v.Reads {
		v.Reads[i].Reading, v.Reads[i].Detail = fleet.Reading(lexicon.Clean(string(v.Reads[i].Reading))),
			cleanOr(v.Reads[i].Detail)
	}
	if r := from.LastReading; r != nil {
		v.LastReading = &report.LastReading{At: r.At, What: lexicon.Clean(r.What), Differs: cleanList(r.Differs),
			Poll: cleanOr(r.Poll), Action: cleanOr(r.Action)}
	}
	if len(from.Labels) > 0 {
		v.Labels = make(map[string]string, len(from.Labels))
		for k, s := range from.Labels {
			v.Labels[lexicon.Clean(k)] = lexicon.Clean(s)
		}
	}
	v.Findings = slices.Clone(from.Findings)
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Category, f.Code, f.Message, f.Action = cleanOr(f.Category), cleanOr(f.Code), cleanOr(f.Message),
			cleanOr(f.Action)
		f.Items = cleanList(f.Items)
	}
	return v
}

func cleanOr(s *string) *string {
	if s == nil {
		return nil
	}
	c := lexicon.Clean(*s)
	return &c
}

func cleanList(ss []string) []string {
	if len(ss) == 0 {
		return ss
	}
	out := make([]string, len(ss))
	for i, s := range ss {
		out[i] = lexicon.Clean(s)
	}
	return out
}
