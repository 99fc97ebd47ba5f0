package plan

import (
	"fmt"
	"strings"
)

// The waves of an inventory that gives none (design §4).
const (
	implicitCanary     = "canary"
	implicitCanarySize = 5
	implicitRest       = "rest"
)

// noWave marks a vault that no wave has taken.
const noWave = -1

// assign puts every vault into exactly one wave and returns the waves. A
// catch-all that nothing was left for is left out: a wave without vaults would
// have nothing to wait for.
func (b *builder) assign() []Wave {
	if len(b.in.Waves) == 0 {
		return b.assignImplicit()
	}
	for i := range b.vaults {
		b.vaults[i].Wave = noWave
	}
	var waves []Wave
	names := make(map[string]int)
	catchAll := noWave
	for i, spec := range b.in.Waves {
		self := Subject{SubjectWave, i}
		if first, dup := names[spec.Name]; dup && spec.Name != "" {
			b.issue(Issue{Code: IssueDuplicate, Subject: self, Field: "name", Other: &Subject{SubjectWave, first},
				Message: fmt.Sprintf("wave name %q is used twice", spec.Name),
				Hint:    "give each wave a name of its own"})
		} else {
			names[spec.Name] = i
		}
		if catchAll != noWave {
			b.issue(Issue{Code: IssueUnreachableWave, Subject: self, Other: &Subject{SubjectWave, catchAll},
				Message: fmt.Sprintf("wave %q can take no vault: wave %q before it takes all that are left",
					spec.Name, b.in.Waves[catchAll].Name),
				Hint: "move the wave without match to the end"})
			continue
		}
		members, elsewhere := b.take(spec, len(waves))
		if spec.CatchAll {
			catchAll = i
			if len(members) == 0 {
				continue
			}
		} else if len(members) == 0 {
			b.emptyWave(self, spec, elsewhere)
		}
		waves = append(waves, Wave{Name: spec.Name, Vaults: members, MaxFailures: spec.MaxFailures})
	}
	b.reportLeftOver()
	return waves
}

// take gives the wave at index its vaults. elsewhere counts vaults that match
// and that an earlier wave has taken.
func (b *builder) take(spec WaveSpec, index int) (members []int, elsewhere int) {
	for i := range b.vaults {
		v := &b.vaults[i]
		if !spec.takes(v.Labels) {
			continue
		}
		if v.Wave != noWave {
			elsewhere++
			continue
		}
		v.Wave = index
		members = append(members, i)
	}
	return members, elsewhere
}

func (w *WaveSpec) takes(labels map[string]string) bool {
	if w.CatchAll {
		return true
	}
	for k, want := range w.Match {
		if got, ok := labels[k]; !ok || got != want {
			return false
		}
	}
	return len(w.Match) > 0
}

func (b *builder) emptyWave(self Subject, spec WaveSpec, elsewhere int) {
	if elsewhere > 0 {
		b.issue(Issue{Code: IssueEmptyWave, Subject: self, Field: "match",
			Message: fmt.Sprintf("wave %q takes no vault: earlier waves take all %d that match", spec.Name, elsewhere),
			Hint:    "put it before them, or narrow their match"})
		return
	}
	b.issue(Issue{Code: IssueEmptyWave, Subject: self, Field: "match",
		Message: fmt.Sprintf("wave %q matches no vault", spec.Name),
		Hint:    "compare its match with the labels of the subscriptions and vaults; capitals count"})
}

// reportLeftOver says which vaults no wave has taken, in one issue at the
// first of them.
func (b *builder) reportLeftOver() {
	const shown = 5
	var names []string
	first, count := 0, 0
	for i := range b.vaults {
		if b.vaults[i].Wave != noWave {
			continue
		}
		if count == 0 {
			first = i
		}
		if count < shown {
			names = append(names, b.vaults[i].Ref())
		}
		count++
	}
	if count == 0 {
		return
	}
	list := strings.Join(names, ", ")
	if count > shown {
		list += fmt.Sprintf(" and %d more", count-shown)
	}
	noun := "vaults match"
	if count == 1 {
		noun = "vault matches"
	}
	b.issue(Issue{Code: IssueNoWave, Subject: Subject{SubjectVault, first},
		Message: fmt.Sprintf("%d %s no wave: %s", count, noun, list),
		Hint:    "add a wave without match at the end"})
}

// assignImplicit makes a canary of the first vaults that may start, and a wave
// of all others, held ones too.
func (b *builder) assignImplicit() []Wave {
	var canary, rest []int
	for i := range b.vaults {
		if len(canary) < implicitCanarySize && !b.vaults[i].Excluded() {
			canary = append(canary, i)
		} else {
			rest = append(rest, i)
		}
	}
	var waves []Wave
	for _, w := range []Wave{{Name: implicitCanary, Vaults: canary}, {Name: implicitRest, Vaults: rest}} {
		if len(w.Vaults) == 0 {
			continue
		}
		for _, i := range w.Vaults {
			b.vaults[i].Wave = len(waves)
		}
		waves = append(waves, w)
	}
	return waves
}
