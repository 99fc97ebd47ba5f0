// Package discover answers what a cloud has, in the shape of an inventory: the
// classic vaults of each subscription, or today's vaults as Resource Graph knows
// them. It reads, and starts and writes nothing; an inventory that is to be brought
// up to date is read by it, and written by nobody but the command.
package discover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/graph"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// Request is what is to be read, and how.
type Request struct {
	// the cloud, the sign-ins, the kind and the subscriptions are known; the vaults come into it
	Found *inventory.Found
	// IDs of the subscriptions of the inventory that is to be brought up to date; nil: there is none
	Listed    map[string]bool
	Tenant    string        // of management groups; "": the credential's own
	Groups    []string      // management groups, each perhaps as TENANT/GROUP; none: the found subscriptions
	Query     string        // a filter in the query language; "": every vault
	Labels    []string      // tags that become labels; none: all do
	PerSecond float64       // how often the classic side is asked at most, all subscriptions together
	AtOnce    int           // how many subscriptions of it are read at once
	Azure     azure.Options // Version and Log; the cloud and the sign-ins are the found ones

	filter graph.Filter // the query, parsed
}

// Read reads the vaults of every subscription, and returns why subscriptions could
// not be read, one error or nil for each. The error is why nothing was read at all;
// that ctx has ended is none.
func (r *Request) Read(ctx context.Context) (unread []error, err error) {
	r.Azure.Cloud, r.Azure.Credentials = r.Found.Cloud, r.Found.Credentials
	if r.Found.Kind == nil {
		return r.readClassic(ctx)
	}
	return r.readGraph(ctx)
}

// cloudName names a cloud for people: one of one's own by the URL of its side.
func cloudName(name fleet.CloudName, url string) string {
	if name == fleet.CustomCloud {
		return url
	}
	return string(name)
}

// Unreadable judges the subscriptions that could not be read: it returns how many
// they are and who is told of them, or an error where that ends the command. With
// skip it does so only where none could be read.
func Unreadable(f *inventory.Found, errs []error, skip bool) (n int, text string, err error) {
	var lines []string
	more, code := 0, fleet.ExitInternal
	var last *fleet.CallError // one request may have been for many
	for i, err := range errs {
		if err == nil {
			continue
		}
		n++
		ce, _ := errors.AsType[*fleet.CallError](err)
		if ce != nil && ce == last {
			more++
			continue
		}
		lines, last, more = andMore(lines, more), ce, 0
		who := f.Subscriptions[i].ID
		if name := f.Subscriptions[i].Name; name != "" && name != who {
			who = name + " (" + who + ")"
		}
		lines = append(lines, fmt.Sprintf("subscription %s: %v", who, err))
		if class := fleet.ClassOf(err); class == fleet.CallDenied || class == fleet.CallForbidden {
			code = fleet.ExitSignIn
		}
	}
	if n == 0 {
		return 0, "", nil
	}
	lines = andMore(lines, more)
	const shown = 20
	if m := len(lines); m > shown {
		lines = append(lines[:shown], fmt.Sprintf("and %d more", m-shown))
	}
	text = fmt.Sprintf("%d of %s cannot be read:\n%s", n, words.Count(len(errs), "subscription"),
		strings.Join(lines, "\n"))
	if skip && n < len(errs) {
		return n, text, nil
	}
	next := "--skip-unreadable goes on without them"
	if code == fleet.ExitSignIn {
		who := "a co-administrator of these subscriptions"
		if f.Kind != nil {
			who = "somebody with the Reader role on these subscriptions, and give --tenant where they are in another"
		}
		next = "sign in as " + who + ", or go on without them: --skip-unreadable"
	}
	return n, "", failure.New(code, fmt.Errorf("%s\nnothing was written", text), next)
}

// andMore says of how many subscriptions more the last line tells.
func andMore(lines []string, more int) []string {
	if more > 0 {
		lines[len(lines)-1] += fmt.Sprintf(" (and the same of %s more)", words.Count(more, "subscription"))
	}
	return lines
}

// Kinds are those of the known ones that a discovery may name: kinds that undo
// others take their vaults from a run.
func Kinds(known []fleet.KindSpec) []string {
	names := []string{string(fleet.KindClassic)}
	for _, k := range known {
		if _, undoes := k.Kind.Undoes(); !undoes && k.Written == nil {
			names = append(names, string(k.Kind))
		}
	}
	return names
}

// KindNamed is the known kind with a name, nil for the classic one.
func KindNamed(name string, known []fleet.KindSpec) (*fleet.KindSpec, error) {
	switch {
	case name == "" || name == string(fleet.KindClassic):
		return nil, nil
	case name == string(fleet.KindRollback):
		return nil, failure.Usage("copy the inventory of that run, and write upgrade: {kind: rollback, of: …}",
			"--kind rollback: the vaults of a rollback are those of the run that it undoes, and are not discovered")
	}
	if name == string(fleet.KindPatch) {
		return nil, failure.Usage("name a kind of the same vaults, such as rsv-alerts, dp-alerts or kv-rbac, and "+
			"write upgrade: {kind: patch, …} in the place of its own",
			"--kind patch: what the patch is the inventory says, and nothing is discovered by it")
	}
	if names := Kinds(known); !slices.Contains(names, name) {
		return nil, failure.Usage("", "invalid value %q for --kind; valid: %s", name, strings.Join(names, ", "))
	}
	return specOf(fleet.Kind(name), known), nil
}

// specOf is a known kind; nil for the classic one.
func specOf(k fleet.Kind, known []fleet.KindSpec) *fleet.KindSpec {
	if i := slices.IndexFunc(known, func(s fleet.KindSpec) bool { return s.Kind == k }); i >= 0 {
		return &known[i]
	}
	return nil
}
