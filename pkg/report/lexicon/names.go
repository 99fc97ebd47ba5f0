package lexicon

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// namedVaults is how many vaults are called by their names where a list would
// be too long; so many more than one of these is a list.
const namedVaults = 3

// Listed is a list of names that stand for so many.
func Listed(names []string, all int) string {
	s := strings.Join(names, ", ")
	if rest := all - len(names); rest > 0 {
		s += " and " + Number(rest) + " more"
	}
	return s
}

// Some calls n vaults by their names while they are few, and the first few of
// many.
func Some(n int, name func(i int) string) string {
	shown := n
	if n > namedVaults+1 { // one left out would take no less room
		shown = namedVaults
	}
	names := make([]string, shown)
	for i := range names {
		names[i] = name(i)
	}
	return Listed(names, n)
}

// SomeOf calls vaults by their names, the first few of many.
func SomeOf(names []string, vaults []int) string {
	return Some(len(vaults), func(i int) string { return names[vaults[i]] })
}

// PathFrom is how a file in a folder names a path of this process: as it is where it is
// absolute or empty, relative to the folder, or absolute where that cannot be said without
// knowing where the process stands, as for a folder that is absolute itself.
func PathFrom(folder, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	if rel, err := filepath.Rel(folder, path); err == nil {
		return rel
	}
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path // there is no folder any more to name it from
}

// Selected are the vaults, as indexes into the plan's, that keep keeps.
func Selected(st *rollout.State, keep func(i int) bool) (out []int) {
	for i := range st.Vaults {
		if keep(i) {
			out = append(out, i)
		}
	}
	return out
}

// WaveVaults are the vaults of a wave whose status keep keeps.
func WaveVaults(st *rollout.State, wave string, keep func(fleet.Status) bool) []int {
	w := slices.IndexFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave })
	return Selected(st, func(i int) bool { return st.Plan.Vaults[i].Wave == w && keep(st.Vaults[i].Status) })
}

// WaveTally counts the vaults of a wave by status, and names those that did not
// go well.
func WaveTally(st *rollout.State, names []string, wave string) string {
	var parts []string
	words := WordingOf(st.Plan.Kind)
	var by rollout.AlreadyBy
	for w := range st.Waves {
		if st.Waves[w].Name == wave {
			by = st.Waves[w].Totals.AlreadyBy()
		}
	}
	for _, s := range fleet.Statuses() {
		in := WaveVaults(st, wave, func(of fleet.Status) bool { return of == s })
		n := len(in)
		if s == fleet.Already {
			EachAlready(n, by, func(n int, what string) { parts = append(parts, Number(n)+" "+what) })
			continue
		}
		if n == 0 {
			continue
		}
		part := Number(n) + " " + words.Status(s)
		switch s {
		case fleet.Failed, fleet.Unknown, fleet.Blocked:
			part += " (" + SomeOf(names, in) + ")"
		}
		parts = append(parts, part)
	}
	return Or(strings.Join(parts, Dot), "none")
}
