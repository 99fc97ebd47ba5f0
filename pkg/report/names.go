package report

import (
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// namedVaults is how many vaults are called by their names where a list would
// be too long; so many more than one of these is a list.
const namedVaults = 3

// listed is a list of names that stand for so many.
func listed(names []string, all int) string {
	s := strings.Join(names, ", ")
	if rest := all - len(names); rest > 0 {
		s += " and " + number(rest) + " more"
	}
	return s
}

// some calls n vaults by their names while they are few, and the first few of
// many.
func some(n int, name func(i int) string) string {
	shown := n
	if n > namedVaults+1 { // one left out would take no less room
		shown = namedVaults
	}
	names := make([]string, shown)
	for i := range names {
		names[i] = name(i)
	}
	return listed(names, n)
}

// someOf calls vaults by their names, the first few of many.
func someOf(names []string, vaults []int) string {
	return some(len(vaults), func(i int) string { return names[vaults[i]] })
}

// selected are the vaults, as indexes into the plan's, that keep keeps.
func selected(st *rollout.State, keep func(i int) bool) (out []int) {
	for i := range st.Vaults {
		if keep(i) {
			out = append(out, i)
		}
	}
	return out
}

// waveVaults are the vaults of a wave whose status keep keeps.
func waveVaults(st *rollout.State, wave string, keep func(fleet.Status) bool) []int {
	w := slices.IndexFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave })
	return selected(st, func(i int) bool { return st.Plan.Vaults[i].Wave == w && keep(st.Vaults[i].Status) })
}

// waveTally counts the vaults of a wave by status, and names those that did not
// go well.
func waveTally(st *rollout.State, names []string, wave string) string {
	var parts []string
	for _, s := range fleet.Statuses() {
		in := waveVaults(st, wave, func(of fleet.Status) bool { return of == s })
		if len(in) == 0 {
			continue
		}
		part := number(len(in)) + " " + StatusWord(s)
		switch s {
		case fleet.Failed, fleet.Unknown, fleet.Blocked:
			part += " (" + someOf(names, in) + ")"
		}
		parts = append(parts, part)
	}
	return or(strings.Join(parts, dot), "none")
}
