package discover

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Outline takes the kind, the cloud, the sign-ins and the subscriptions from the
// inventory at path, which is to be brought up to date; kind is the one that was asked
// for, "" for none. Subscriptions that were asked for stay the only ones, under the
// names that the inventory gives them. It returns the IDs of all of the inventory's.
func Outline(f *inventory.Found, path, kind string, known []fleet.KindSpec) (listed map[string]bool, err error) {
	o, err := inventory.ReadOutline(path, f.At, known...)
	switch {
	case errors.Is(err, inventory.ErrTooBig):
		return nil, failure.New(fleet.ExitUsage, err, "")
	case errors.Is(err, os.ErrNotExist):
		return nil, failure.New(fleet.ExitUsage, fmt.Errorf("%s cannot be read: %w", path, failure.Cause(err)),
			"check the path; without --update discover writes a new one")
	case errors.Is(err, textfile.ErrNotRegular):
		return nil, failure.New(fleet.ExitUsage, fmt.Errorf("%s cannot be read: %w", path, textfile.ErrNotRegular),
			"check the path")
	case err != nil:
		return nil, err
	case kind != "" && kind != string(o.Kind):
		return nil, failure.Usage("leave it out", "--kind is %q, and %s is an inventory of kind %s", kind, path, o.Kind)
	case o.Cloud.Name == fleet.Emulator:
		return nil, failure.Usage(lexicon.Command("emulate", path)+"\nupdate a copy that has the cloud line it prints",
			"cloud Emulator has no vaults but those of the inventory")
	}
	if _, undoes := o.Kind.Undoes(); undoes {
		return nil, failure.Usage("list them from the inventory of that run",
			"%s is an inventory of a rollback: its vaults are those of the run that it undoes, and are not discovered",
			path)
	}
	f.Cloud, f.Credentials, f.Kind = o.Cloud, o.Credentials, o.Spec
	listed = map[string]bool{}
	all := len(f.Subscriptions) == 0
	for _, s := range o.Subscriptions {
		listed[s.ID] = true
		if all {
			f.Subscriptions = append(f.Subscriptions, inventory.FoundSubscription{ID: s.ID, Name: s.Name,
				Tenant: s.Tenant})
			continue
		}
		for i := range f.Subscriptions {
			if g := &f.Subscriptions[i]; g.ID == s.ID {
				g.Name, g.Tenant = s.Name, s.Tenant
			}
		}
	}
	return listed, nil
}

// Updated is the text of the inventory at path with what was found in it: its bytes
// besides stay as they are. It is read again, as reading the cloud takes minutes, in
// which people write. same says that nothing has changed.
func Updated(
	f *inventory.Found, path string, known []fleet.KindSpec,
) (text []byte, changes *inventory.Changes, same bool, err error) {
	data, err := textfile.Read(textfile.Real(path))
	if err != nil {
		return nil, nil, false, failure.New(fleet.ExitUsage,
			fmt.Errorf("%s cannot be read: %w", path, failure.Cause(err)), "check the path")
	}
	if !textfile.Plain(data) {
		return nil, nil, false, failure.Usage("save it as UTF-8, and give the same command again",
			"%s is stored as UTF-16: every byte that discover does not change must stay as it is", path)
	}
	text, changes, err = inventory.Update(path, data, f, known...)
	if err != nil {
		if _, ok := errors.AsType[*inventory.Problems](err); !ok {
			err = failure.New(fleet.ExitUsage, err, "write a new one beside it with --out, and compare")
		}
		return nil, nil, false, err
	}
	return text, changes, bytes.Equal(text, data), nil
}
