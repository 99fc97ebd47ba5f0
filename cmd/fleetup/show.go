package main

import (
	"encoding/json"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

func (e *environment) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show the history of one vault, over all runs", ArgsUsage: "VAULT",
		Description: "Where it stands, what was found, what it was before and what was sent, every event that the journal has of\n" +
			"it, and for a failed classic one the message to send to support. A VAULT is subscription/name, or its ID in the Resource Manager.",
		Flags:  []cli.Flag{neededStateFlag(), outputFlag("table", "json"), supportFlag()},
		Action: e.story,
	}
}

func (e *environment) story(c *cli.Context) error {
	if err := oneOf("output", c.String("output"), "table", "json"); err != nil {
		return err
	}
	name, err := oneArgument(c, "a vault")
	if err != nil {
		return err
	}
	path, err := statePath(c)
	if err != nil {
		return err
	}
	var run journal.Run
	var vault int
	var chapters []report.Chapter
	var before map[fleet.Key]json.RawMessage
	err = readLedger(path, func(r *reading) error {
		var ok bool
		if run, ok, err = r.latest(); err != nil {
			return err
		}
		if !ok {
			return failure.Usage("fleetup run INVENTORY", "the ledger %s has no run yet", path)
		}
		if vault, err = findVault(run.State, report.Command("status", "-o", "csv", "--state", path), name); err != nil {
			return err
		}
		if chapters, err = chaptersOf(r, run.State.Plan.Vaults[vault].Key); err != nil {
			return err
		}
		e.doubt(r, run, path)
		before, err = statesBefore(r)
		return err
	})
	if err != nil {
		return err
	}
	o := e.reportOptions(c, report.FormatTable, path)
	v, told := &run.State.Plan.Vaults[vault].Vault, report.Told{}
	if up := run.State.Plan.Upgrade; up != nil {
		told = report.Changing(before[v.Key], up.Request.Of(v))
	}
	story := view(run).StoryOf(report.Names(run.State.Plan)[vault], chapters, told, o)
	if c.String("output") == "json" {
		return story.WriteJSON(e.stdout)
	}
	return story.Write(e.stdout, o)
}

// chaptersOf collects what the journal has of a vault, over all runs.
func chaptersOf(r *reading, key fleet.Key) ([]report.Chapter, error) {
	runs, err := r.records.Runs()
	if err != nil {
		return nil, err
	}
	chapters := []report.Chapter{}
	for _, run := range runs {
		err := r.Events(run.ID, func(seq uint64, ev fleet.Event) error {
			ch := report.Chapter{Seq: seq, At: &report.Time{Time: ev.At}, Run: run.ID, Fact: ev.Fact.Name()}
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
			return nil, err
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
