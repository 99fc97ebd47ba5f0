package session

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Loaded is what an inventory or a saved plan says.
type Loaded struct {
	Plan     *plan.Plan
	Saved    bool                // it is a saved plan and not an inventory
	Warnings []inventory.Problem // about an inventory that has no mistake
}

// Source is a plan, and what belongs to it on this machine.
type Source struct {
	Loaded
	File   string // what was named on the command line
	Folder string // what a path in the inventory is relative to
	Ledger string
}

// LedgerBeside is the ledger as an inventory in the same folder names it.
func (s *Source) LedgerBeside() string {
	return lexicon.PathFrom(s.Folder, s.Ledger)
}

// Open reads the inventory or the saved plan that a command is given. ledger is
// its ledger, "" for the one that is named after it.
func Open(file, ledger string, acceptWarnings bool) (*Source, error) {
	loaded, err := Load(file, acceptWarnings)
	if err != nil {
		return nil, err
	}
	s := &Source{Loaded: loaded, File: file, Ledger: ledger}
	home := file
	if s.Saved {
		if home, err = homeOf(s.Plan, file, s.Ledger != ""); err != nil {
			return nil, err
		}
	}
	s.Folder = filepath.Dir(home)
	if s.Ledger == "" {
		s.Ledger = LedgerOf(home)
	}
	return s, nil
}

// Load reads an inventory or a saved plan, once: a large inventory is half of what a
// command does.
func Load(path string, acceptWarnings bool) (Loaded, error) {
	unread := func(err error) error {
		meant := ""
		if errors.Is(err, fs.ErrNotExist) {
			meant = Nearby(path)
		}
		return failure.Mistyped(path, meant, "check the path", "%s cannot be read: %w", path, failure.Cause(err))
	}
	saved, err := IsSavedPlan(path)
	if err != nil {
		return Loaded{}, unread(err)
	}
	if data, err := textfile.ReadBegin(path, 64); err == nil && looksLedger(data) {
		meant := strings.TrimSuffix(path, ".db") + ".yaml"
		if !textfile.Exists(meant) {
			meant = ""
		}
		return Loaded{}, failure.Mistyped(path, meant,
			"name the inventory or the saved plan, and the ledger with --state FILE",
			"%s is a ledger, and not an inventory or a saved plan", path)
	}
	if saved {
		data, err := textfile.Read(path)
		if err != nil {
			return Loaded{}, unread(err)
		}
		var p *plan.Plan
		if data, err = textfile.Decode(data); err == nil {
			p, err = plan.ReadSaved(data)
		}
		if err != nil {
			return Loaded{}, failure.New(fleet.ExitUsage, fmt.Errorf("%s is no plan that can be run: %w", path, err),
				lexicon.Command("plan", "INVENTORY", "--out", path))
		}
		if acceptWarnings {
			return Loaded{}, failure.Usage(lexicon.Command("plan", p.Inventory, "--accept-warnings", "--out", path),
				"a saved plan runs as it is: consent belongs to its making")
		}
		return Loaded{Plan: p, Saved: true}, nil
	}
	p, warnings, err := inventory.Check(path, Now(), CurrentKinds()...)
	if errors.Is(err, inventory.ErrTooBig) {
		err = failure.New(fleet.ExitUsage, err, "")
	}
	if err != nil {
		return Loaded{}, err
	}
	if p, err = Restored(p, filepath.Dir(path)); err != nil {
		return Loaded{}, err
	}
	if acceptWarnings {
		p = p.AcceptWarnings()
	}
	return Loaded{Plan: p, Warnings: warnings}, nil
}

// IsSavedPlan reports whether a file is a saved plan. It reads the beginning alone:
// a file that is neither a plan nor an inventory may be of any size.
func IsSavedPlan(path string) (bool, error) {
	data, err := textfile.ReadBegin(path, 256)
	if err != nil {
		return false, err
	}
	if text, err := textfile.Decode(data); err == nil {
		data = text
	}
	return looksSaved(data), nil // else it may be an inventory, which tells what is wrong
}

// looksSaved reports whether a file is a saved plan rather than an inventory, or was one:
// what is wrong with a damaged one is not what would be wrong with an inventory.
func looksSaved(data []byte) bool {
	text := strings.TrimSpace(string(data))
	begins := strings.HasPrefix(text, "{") && strings.Contains(text[:min(len(text), 64)], `"schemaVersion"`)
	return begins || strings.Contains(text, `"schemaVersion": `) && strings.Contains(text, `"fingerprint": "`)
}

// homeOf finds the inventory that a saved plan was made from: it names the
// ledger. Its path is as it was given then, so it is looked for from here and
// beside the plan; a wrong guess would begin a ledger that knows of no failure.
func homeOf(p *plan.Plan, file string, known bool) (string, error) {
	beside := filepath.Join(filepath.Dir(file), filepath.Base(p.Inventory))
	places := []string{p.Inventory}
	if !filepath.IsAbs(p.Inventory) && !textfile.Same(p.Inventory, beside) {
		places = append(places, beside)
	}
	places = slices.DeleteFunc(places, func(at string) bool {
		return !textfile.Exists(at) &&
			!textfile.Exists(LedgerOf(at))
	})
	switch {
	case len(places) == 1, known && len(places) > 0:
		return places[0], nil
	case known:
		return file, nil
	case len(places) == 0:
		return "", failure.Usage("name the ledger with --state FILE, or go to the folder where the plan was made",
			"%s was made from %s, which is not to be found from here, so nobody knows its ledger", file, p.Inventory)
	}
	return "", failure.Usage("name the ledger with --state FILE",
		"%s was made from %s, which may be %s or %s: each has its own ledger", file, p.Inventory, places[0], places[1])
}

// LedgerOf is the ledger of an inventory.
func LedgerOf(inventory string) string {
	switch ext := filepath.Ext(inventory); ext {
	case ".yaml", ".yml", ".json":
		inventory = strings.TrimSuffix(inventory, ext)
	}
	return inventory + ".db"
}
