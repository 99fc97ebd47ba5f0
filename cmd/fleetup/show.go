package main

import (
	"cmp"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show the history of one vault, over all runs", ArgsUsage: "VAULT",
		Description: "Where it stands, what was found, what it was before and what was sent, every event that the " +
			"journal has of\n" +
			"it, and for a failed classic one the message to send to support. A VAULT is subscription/name, or its " +
			"ID in the Resource Manager.",
		Flags:  append(outputFlags("table", "json"), neededStateFlag(), supportFlag()),
		Action: e.story,
	}
}

func (e *environment) story(c *cli.Context) error {
	path := flagState.of(c)
	var run journal.Run
	var vault int
	chapters, before := []report.HistoryEntry{}, &rollout.Before{}
	var tries reopenedTries
	err := session.ReadLedger(path, func(r *session.ReadOnlyLedger) (err error) {
		var ok bool
		// a live run may have ended while it was asked
		chapters, *before, tries = chapters[:0], rollout.Before{}, reopenedTries{}
		r.Partly = flagOutput.of(c) != "json"
		if run, ok, err = r.Latest(); err != nil {
			return err
		}
		if !ok {
			return noRunYet(path, "")
		}
		name := c.Args().First()
		if vault, err = run.State.Find(name); err != nil {
			_, older, _, _, had, unread := session.Older(r, hasVault(name))
			if unread == nil && had {
				if run, _, unread = r.Run(older.ID, path); unread == nil {
					vault, err = run.State.Find(name)
				}
			}
			if unread != nil {
				return unread
			}
		}
		if err != nil {
			return refused(err, path)
		}
		key := run.State.Plan.Vaults[vault].Key
		err = r.All(func(run string, seq uint64, ev fleet.Event) error {
			before.Add(run, ev.Fact)
			chapter, about, err := chapterOf(run, seq, ev, key)
			if about {
				chapter.What += tries.add(ev.Fact)
				chapters = append(chapters, chapter)
			}
			return err
		})
		if err != nil && !(r.Partly && errors.Is(err, state.ErrDamaged)) {
			return err
		}
		run.Broken = cmp.Or(run.Broken, err) // as far as it goes
		e.doubt(r, run, path)
		return nil
	})
	if err != nil {
		return err
	}
	o := located(e.reportOptions(c, layout.FormatTable, path), run.State.Plan)
	v, told := &run.State.Plan.Vaults[vault].Vault, report.RecordedChange{}
	if up := run.State.Plan.Upgrade; up != nil {
		was, _ := before.Of(v.Key)
		told = report.Changing(was, up.Request.Of(v))
	}
	story := view(run).HistoryOf(run.State.Plan.Names()[vault], chapters, told, o)
	if flagOutput.of(c) == "json" {
		return story.WriteJSON(e.stdout)
	}
	if err := story.Write(e.stdout, o); err != nil || run.Broken == nil {
		return err
	}
	return brokenOff(run, path)
}

// chapterOf is what an event of a run says of a vault, whatever was done to it in that
// run; about is false where it says nothing.
func chapterOf(run string, seq uint64, ev fleet.Event, key fleet.Key) (ch report.HistoryEntry, about bool, err error) {
	ch = report.HistoryEntry{Seq: seq, At: &report.Time{Time: ev.At}, Run: run, Fact: ev.Fact.Name()}
	switch f := ev.Fact.(type) {
	case fleet.VaultFact:
		if !sameVault(f.VaultKey(), key) {
			return ch, false, nil
		}
		ch.What = audit.Sentence(f, f.VaultKey().Direction())
		kind, _ := f.VaultKey().Parts()
		if of, back := kind.Undoes(); back {
			ch.What += " (undoing " + string(of) + ")"
		}
		said, err := audit.SaidIn(f)
		ch.By, ch.Why = said.User(), maybe(said.Reason)
		return ch, err == nil, err
	case fleet.RunOpened:
		for _, c := range f.Carried {
			if sameVault(c.Vault, key) {
				ch.What = "came into the run as " + string(c.Status) + ", from an earlier one"
				return ch, true, nil
			}
		}
	}
	return ch, false, nil
}

// reopenedTries tells which starts of a vault follow its re-opening: their count began anew.
type reopenedTries struct{ reopened bool }

// add takes in a fact about the vault and returns what more there is to say of it.
func (t *reopenedTries) add(f fleet.Fact) string {
	switch f.(type) {
	case fleet.Reopened:
		t.reopened = true
	case fleet.StartIntended:
		if t.reopened {
			return " after it was re-opened"
		}
	case fleet.Observed, fleet.Verified:
		t.reopened = false // the answer that uses the permission up
	}
	return ""
}

// sameVault reports whether two keys are of one vault, upgraded or put back.
func sameVault(a, b fleet.Key) bool {
	_, one := a.Parts()
	_, other := b.Parts()
	return one == other
}
