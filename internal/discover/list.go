package discover

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// List are subscriptions as people write them: ID or ID=NAME, each once, perhaps with the
// tenant to sign in to. The zero value is ready.
type List struct {
	subscriptions []inventory.FoundSubscription
	mistakes      []error
	seen          map[string]string // IDs and names to where they were given
}

// Add takes in one; where says where it was given.
func (l *List) Add(where, text string) { l.add(where, text, "") }

func (l *List) add(where, text, tenant string) {
	if l.seen == nil {
		l.seen = map[string]string{}
	}
	id, name, _ := strings.Cut(text, "=")
	norm, err := fleet.NormalizeGUID(strings.TrimSpace(id))
	name = strings.TrimSpace(name)
	if err == nil && name != "" {
		err = inventory.CheckName(name)
	}
	if err == nil && tenant != "" {
		if err = inventory.CheckTenant(tenant); err == nil {
			tenant = strings.ToLower(tenant)
		}
	}
	for _, key := range []string{norm, strings.ToLower(name)} {
		if first, twice := l.seen[key]; err == nil && twice {
			err = fmt.Errorf("%s was given before, at %s", key, first)
		}
	}
	if err != nil {
		l.mistakes = append(l.mistakes, fmt.Errorf("%s: %w", where, err))
		return
	}
	l.seen[norm] = where
	if name != "" {
		l.seen[strings.ToLower(name)] = where
	}
	l.subscriptions = append(l.subscriptions, inventory.FoundSubscription{ID: norm, Name: name,
		Tenant: tenant})
}

// AddLines takes in one a line: a tab may stand for the equals sign, behind the name may
// come another tab and the tenant, and lines that begin with # are remarks.
func (l *List) AddLines(file string, data []byte) {
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.Trim(line, " \r")
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		columns := strings.SplitN(line, "\t", 4)
		for n := range columns {
			columns[n] = strings.TrimSpace(columns[n])
		}
		where, tenant := fmt.Sprintf("%s:%d", file, i+1), ""
		switch {
		case len(columns) > 3:
			l.mistakes = append(l.mistakes, fmt.Errorf("%s: it has more than an ID, a name and a tenant", where))
			continue
		case len(columns) == 3:
			tenant = columns[2]
		}
		text := columns[0]
		if len(columns) > 1 && columns[1] != "" {
			text += "=" + columns[1]
		}
		l.add(where, text, tenant)
	}
}

// Of is the list, in a tenant where a subscription has none of its own. All mistakes are in
// the error.
func (l *List) Of(tenant string) ([]inventory.FoundSubscription, error) {
	if len(l.mistakes) > 0 {
		return nil, failure.Usage("give each subscription once, as ID or ID=NAME", "%w", errors.Join(l.mistakes...))
	}
	for i := range l.subscriptions {
		l.subscriptions[i].Tenant = cmp.Or(l.subscriptions[i].Tenant, tenant)
	}
	return l.subscriptions, nil
}
