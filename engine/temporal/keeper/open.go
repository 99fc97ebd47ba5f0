package keeper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fleetup-dev/fleetup/engine/temporal/evidence"
	"github.com/fleetup-dev/fleetup/engine/temporal/heartbeat"
	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Open begins a run in the ledger's file, or goes on with the one that it has, and finds
// that it has done so where it is asked again. What the workflow before it has decided is
// in the file first, also where the file was lost.
func (k *Keeper) Open(ctx context.Context, in protocol.Opening) (protocol.Begun, error) {
	return heartbeat.Do(ctx, func() (protocol.Begun, error) { return k.open(ctx, in) })
}

func (k *Keeper) open(ctx context.Context, in protocol.Opening) (begun protocol.Begun, err error) {
	if filepath.Base(in.Ledger) != in.Ledger || strings.HasPrefix(in.Ledger, ".") || in.Ledger == "" {
		return begun, refusal(fmt.Errorf("%q is no name of a ledger: it is the name of a file without a folder",
			in.Ledger))
	}
	var told *histories.Told
	if in.Previous != "" && k.Past != nil {
		if told, err = k.Past(ctx, in.Ledger, in.Previous); err != nil {
			return begun, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if told != nil && told.Begun != nil {
		if err := k.catchUp(ctx, in.Ledger, told); err != nil {
			return begun, err
		}
	}
	if in.Resume != nil {
		return k.resume(ctx, in)
	}
	return k.begin(ctx, in)
}

// begin begins a run.
func (k *Keeper) begin(ctx context.Context, in protocol.Opening) (begun protocol.Begun, err error) {
	data, err := k.Plan(ctx, in.Ref)
	if err != nil {
		return begun, err
	}
	var p plan.Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return begun, refusal(err)
	}
	if old := k.books[in.Ledger]; old != nil && old.runID != in.Opened.RunID { // of a run that is over
		old.close()
		delete(k.books, in.Ledger)
	}
	b, err := k.book(in.Ledger, session.CloudIdentity(p.Cloud))
	if err != nil {
		return begun, err
	}
	if b.runID != in.Opened.RunID {
		past, err := audit.Verify(b.ledger, k.Version)
		if err != nil {
			return begun, refusal(err)
		}
		if last, ok := past.Newest(); ok && last.State.MayOpen() != nil {
			return begun,
				refusal(fmt.Errorf("the ledger %s has an unfinished run, %s: a new one would forget what is in "+
					"flight; go on with it by fleetup-temporal resume --ledger %s", k.Path(in.Ledger), last.Info.ID,
					in.Ledger))
		}
		st := rollout.NewState(&p)
		opened := fleet.Event{At: in.At, Fact: past.Left().Open(&p, in.Opened)}
		if err := st.Apply(opened); err != nil {
			return begun, refusal(err)
		}
		if err := b.ledger.Reserve(st.Room()); err != nil {
			return begun, err
		}
		if err := b.ledger.Begin(data, []fleet.Event{opened}, nil); err != nil {
			k.forget(in.Ledger)
			return begun, err
		}
		b.of(in.Opened.RunID, st)
		b.facts = 1
		if err := k.listen(in.Ledger, b); err != nil {
			k.forget(in.Ledger)
			return begun, err
		}
	}
	info, _, err := b.ledger.LatestRun()
	if err != nil {
		return begun, err
	}
	opened, err := first(b)
	if err != nil {
		return begun, err
	}
	begun = protocol.Begun{RunID: info.ID, Facts: 1}
	if begun.Opened, err = json.Marshal(opened); err != nil {
		return begun, err
	}
	begun.Base, err = k.keep(ctx, b, info.FirstSeq)
	return begun, err
}

// resume goes on with the run that a ledger has.
func (k *Keeper) resume(ctx context.Context, in protocol.Opening) (begun protocol.Begun, err error) {
	k.forget(in.Ledger) // somebody may have written to it since
	if _, err := os.Lstat(k.Path(in.Ledger)); errors.Is(err, fs.ErrNotExist) {
		return begun, refusal(fmt.Errorf("there is no ledger %s, and the server knows of no run on it",
			k.Path(in.Ledger)))
	}
	b, err := k.book(in.Ledger, "")
	if err != nil {
		return begun, err
	}
	past, err := audit.Verify(b.ledger, k.Version)
	if err != nil {
		return begun, refusal(err)
	}
	run, ok := past.Newest()
	if !ok {
		return begun, refusal(fmt.Errorf("nothing to resume: the ledger %s has no run", k.Path(in.Ledger)))
	}
	if err := run.State.MayResume(in.Resume.AcceptFailures); err != nil {
		k.forget(in.Ledger)
		return begun,
			refusal(fmt.Errorf("run %s of ledger %s is not gone on with: %w; fleetup report --state %s says how it "+
				"stands", run.Info.ID, k.Path(in.Ledger), err, k.Path(in.Ledger)))
	}
	data, err := b.ledger.Plan(run.Info.PlanFingerprint)
	if err != nil {
		return begun, err
	}
	p, err := journal.PlanOf(b.ledger, run.Info.PlanFingerprint)
	if err != nil {
		return begun, refusal(err)
	}
	m := rollout.New(p)
	if err := b.ledger.Events(run.Info.ID, func(_ uint64, e fleet.Event) error { return m.Apply(e) }); err != nil {
		return begun, refusal(err)
	}
	if err := b.ledger.Reserve(run.State.Room()); err != nil {
		return begun, err
	}
	begun = protocol.Begun{RunID: run.Info.ID, Facts: b.facts, Plan: data, Scope: protocol.ScopeOf(p),
		Snapshot: m.Snapshot()}
	begun.Ref.Fingerprint = p.Fingerprint
	if begun.Ref.Key, err = k.Store(ctx, p.Fingerprint, data); err != nil {
		return begun, err
	}
	begun.Base, err = k.keep(ctx, b, 0)
	return begun, err
}

// keep stores what the ledger was before an event; 0: all of it.
func (k *Keeper) keep(ctx context.Context, b *book, before uint64) (key string, err error) {
	var w bytes.Buffer
	if err := evidence.Write(&w, b.ledger, before); err != nil {
		return "", err
	}
	return k.Keep(ctx, w.Bytes())
}

// first is the fact that opened the run of a book.
func first(b *book) (opened fleet.Event, err error) {
	found := errors.New("found")
	err = b.ledger.Events(b.runID, func(_ uint64, e fleet.Event) error { opened = e; return found })
	if errors.Is(err, found) {
		err = nil
	}
	return opened, err
}

// catchUp has the ledger's file know all that a workflow has decided: one that was
// terminated may have left facts that were on their way.
func (k *Keeper) catchUp(ctx context.Context, name string, told *histories.Told) error {
	path := k.Path(name)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		k.forget(name)
		made := filepath.Join(k.Folder, ".again-"+name+".db") // of one that did not end, nothing is left
		if err := os.Remove(made); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, _, err := told.Rebuild(ctx, made, k.Version, k.Blob); err != nil {
			return err
		}
		return evidence.Place(made, path)
	}
	b, err := k.book(name, "")
	if err != nil {
		return err
	}
	older := refusal(fmt.Errorf("the ledger %s does not have all that was decided in run %s: it is an older copy, or "+
		"another one. Move it away, and it is made again from the server's histories", path, told.RunID()))
	if b.runID != told.RunID() {
		runs, err := b.ledger.Runs()
		if err != nil {
			return err
		}
		for _, r := range runs {
			if r.ID == told.RunID() {
				return nil // others have gone on since
			}
		}
		return older
	}
	if len(told.Facts) == 0 {
		return nil
	}
	gap, err := b.write(protocol.Facts{First: told.First(), Events: told.Facts})
	if err != nil {
		k.forget(name)
		return err
	}
	if gap != nil {
		return older
	}
	return nil
}

// Hold takes the ledgers of the folder that have an unfinished run, for as long as the
// keeper lives: nobody else on this host goes on with a run that a workflow carries out. A
// ledger that cannot be taken is no error here: who needs it is told.
func (k *Keeper) Hold() {
	k.mu.Lock()
	defer k.mu.Unlock()
	paths, _ := filepath.Glob(filepath.Join(k.Folder, "*.db")) // fails of a bad pattern alone
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".db")
		if strings.HasPrefix(name, ".") { // one that is being made again
			continue
		}
		if b, err := k.book(name, ""); err == nil && (b.runID == "" || b.state.Run.Closed != nil) {
			k.forget(name)
		}
	}
}

// forget lets go of a ledger, to read it anew; the caller holds k.mu.
func (k *Keeper) forget(name string) {
	if b := k.books[name]; b != nil {
		b.close()
		delete(k.books, name)
	}
}
