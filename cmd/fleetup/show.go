package main

import (
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
		Description: "Where it stands, what was found, what it was before and what was sent, every event that the journal has of\n" +
			"it, and for a failed classic one the message to send to support. A VAULT is subscription/name, or its " +
			"ID in the Resource Manager.",
		Flags:  []cli.Flag{neededStateFlag(), outputFlag("table", "json"), supportFlag()},
		Action: e.story,
	}
}

func (e *environment) story(c *cli.Context) error {
	path := flagState.of(c)
	var run journal.Run
	var vault int
	var chapters []report.HistoryEntry
	before := &rollout.Before{}
	err := session.ReadLedger(path, func(r *session.Reading) (err error) {
		var ok bool
		r.Partly = flagOutput.of(c) != "json"
		if run, ok, err = r.Latest(); err != nil {
			return err
		}
		if !ok {
			return noRunYet(path, "")
		}
		if vault, err = run.State.Find(c.Args().First()); err != nil {
			return refused(err, path)
		}
		if chapters, err = chaptersOf(r, run.State.Plan.Vaults[vault].Key); r.Partly &&
			errors.Is(err, state.ErrDamaged) {
			if run.Broken == nil {
				run.Broken = err
			}
		} else if err != nil {
			return err
		}
		e.doubt(r, run, path)
		if before, err = session.StatesBefore(r); run.Broken != nil {
			return nil // as far as it goes
		}
		return err
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

// chaptersOf collects what the journal has of a vault, over all runs.
func chaptersOf(r *session.Reading, key fleet.Key) ([]report.HistoryEntry, error) {
	runs, err := r.Runs()
	if err != nil {
		return nil, err
	}
	chapters := []report.HistoryEntry{}
	for _, run := range runs {
		err := r.Events(run.ID, func(seq uint64, ev fleet.Event) error {
			ch := report.HistoryEntry{Seq: seq, At: &report.Time{Time: ev.At}, Run: run.ID, Fact: ev.Fact.Name()}
			switch f := ev.Fact.(type) {
			case fleet.VaultFact:
				if f.VaultKey() != key {
					return nil
				}
				ch.What = audit.Sentence(f)
				said, err := audit.SaidIn(f)
				if err != nil {
					return err
				}
				ch.By, ch.Why = said.User(), maybe(said.Reason)
			case fleet.RunOpened:
				i := carriedIn(f, key)
				if i < 0 {
					return nil
				}
				ch.What = "came into the run as " + string(f.Carried[i].Status) + ", from an earlier one"
			default:
				return nil
			}
			chapters = append(chapters, ch)
			return nil
		})
		if err != nil {
			return chapters, err
		}
	}
	return chapters, nil
}

func carriedIn(f fleet.RunOpened, key fleet.Key) int {
	for i := range f.Carried {
		if f.Carried[i].Vault == key {
			return i
		}
	}
	return -1
}
