package plan

import (
	"fmt"
	"strings"
)

// The waves of an inventory that gives none (inventory.md#waves).
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
	var passedOver []missed // by each wave
	names := make(map[string]int)
	catchAll := noWave
	for i := range b.in.Waves {
		spec := &b.in.Waves[i]
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
		members, missed := b.take(spec, len(waves))
		if spec.CatchAll && spec.Size == nil {
			catchAll = i
			if len(members) == 0 {
				continue
			}
		}
		b.specs, passedOver = append(b.specs, i), append(passedOver, missed)
		waves = append(waves, Wave{Name: spec.Name, Vaults: members, MaxFailures: spec.MaxFailures,
			Size: spec.Size, Soak: spec.Soak, NotBefore: spec.NotBefore, Approval: spec.Approval,
			Limits: spec.Limits, Order: spec.Order,
			Calendar: spec.Calendar})
	}
	b.placeHeld(waves)
	for w := range waves {
		if len(waves[w].Vaults) == 0 {
			b.emptyWave(b.specs[w], passedOver[w])
		}
	}
	b.reportLeftOver()
	return waves
}

// missed counts vaults that match a wave and that it does not take.
type missed struct {
	elsewhere int // an earlier wave has them
	held      int // they are held, and the wave has a size
}

// take gives the wave at index its vaults. Held vaults use up no place of a
// wave with a size, and are left for the waves that follow.
func (b *builder) take(spec *WaveSpec, index int) (members []int, m missed) {
	most := len(b.vaults)
	if spec.Size != nil {
		most = spec.Size.Resolve(b.toStart())
	}
	for i := range b.vaults {
		if len(members) == most {
			break
		}
		v := &b.vaults[i]
		switch {
		case !spec.takes(v):
		case v.Wave != noWave:
			m.elsewhere++
		case spec.Size != nil && v.Excluded():
			m.held++
		default:
			v.Wave = index
			members = append(members, i)
		}
	}
	return members, m
}

func (w *WaveSpec) takes(v *Vault) bool {
	s := Selector{Match: w.Match, Expressions: w.Expressions}
	return w.CatchAll || !s.Empty() && s.Picks(&v.Vault)
}

// toStart counts the vaults that are not held.
func (b *builder) toStart() int {
	n := 0
	for i := range b.vaults {
		if !b.vaults[i].Excluded() {
			n++
		}
	}
	return n
}

// placeHeld puts each held vault that only waves with a size match into the
// first of them: it must be in one, and starts in none.
func (b *builder) placeHeld(waves []Wave) {
	changed := false
	for i := range b.vaults {
		v := &b.vaults[i]
		if v.Wave != noWave || !v.Excluded() {
			continue
		}
		for w := range waves {
			if b.in.Waves[b.specs[w]].takes(v) {
				v.Wave, changed = w, true
				break
			}
		}
	}
	if !changed {
		return
	}
	for w := range waves {
		waves[w].Vaults = nil
	}
	for i := range b.vaults {
		if w := b.vaults[i].Wave; w != noWave {
			waves[w].Vaults = append(waves[w].Vaults, i)
		}
	}
}

func (b *builder) emptyWave(index int, m missed) {
	spec := &b.in.Waves[index]
	field := "match"
	switch {
	case len(spec.Match) > 0:
	case len(spec.Expressions) > 0:
		field = "matchExpressions"
	case spec.Size != nil:
		field = "size"
	}
	issue := Issue{Code: IssueEmptyWave, Subject: Subject{SubjectWave, index}, Field: field}
	switch {
	case m.held > 0:
		issue.Message = fmt.Sprintf("wave %q takes no vault: the %d that it could take are held, and a wave with a "+
			"size takes none of those", spec.Name, m.held)
		issue.Hint = "remove the wave, or its size"
	case m.elsewhere > 0:
		issue.Message = fmt.Sprintf("wave %q takes no vault: earlier waves take all %d that match", spec.Name,
			m.elsewhere)
		issue.Hint = "put it before them, or narrow their match"
		if field == "size" {
			issue.Hint = "remove it, or make the waves before it smaller"
		}
	default:
		issue.Message = fmt.Sprintf("wave %q matches no vault", spec.Name)
		issue.Hint = "compare its match with the labels of the subscriptions and vaults; capitals count"
	}
	b.issue(issue)
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
	// With a size a wave may match a vault and still not take it.
	sized := false
	for i := range b.in.Waves {
		sized = sized || b.in.Waves[i].Size != nil
	}
	verb := map[bool]string{false: "match no wave", true: "find no place in a wave"}[sized]
	noun := "vaults "
	if count == 1 {
		noun, verb = "vault ", strings.Replace(strings.Replace(verb, "match ", "matches ", 1), "find ", "finds ", 1)
	}
	b.issue(Issue{Code: IssueNoWave, Subject: Subject{SubjectVault, first},
		Message: fmt.Sprintf("%d %s%s: %s", count, noun, verb, list),
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
