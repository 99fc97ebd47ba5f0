package report

import (
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// title says what to do about a cause. fleetup's own codes have words of their
// own; a code of the service is shown as it came.
func (c *cause) title(w *lexicon.Wording) string {
	vs := named(c.Vaults)
	subs := c.distinctOf(func(v *Vault) (string, string) { return v.SubscriptionID, v.SubscriptionName },
		"subscription", "subscriptions")
	groups := c.distinctOf(func(v *Vault) (string, string) {
		group := ValueOf(v.TargetResourceGroup)
		return v.SubscriptionID + "/" + fleet.FoldName(group), group
	}, "target group", "target groups")
	switch c.Code {
	case fleet.CodeGroupMissing:
		return fmt.Sprintf("Create or correct %s: %s", groups, vs)
	case fleet.CodeTargetExists:
		return fmt.Sprintf("Look at the targets of %s: a vault of that name is there already", vs)
	case fleet.CodeNoPermission:
		return fmt.Sprintf("Grant the permission that is missing in %s: %s", subs, vs)
	case fleet.CodeNotSignedIn:
		return fmt.Sprintf("Sign in again for %s: %s", subs, vs)
	case fleet.CodeSubscription:
		return fmt.Sprintf("Look at %s that cannot be used: %s", subs, vs)
	case fleet.CodeCSP:
		return fmt.Sprintf("Hold %s: of a Cloud Solution Provider (%s), which cannot be upgraded", vs, subs)
	case fleet.CodeProvider:
		return fmt.Sprintf("Register the resource provider in %s: %s", subs, vs)
	case fleet.CodeFeature:
		return fmt.Sprintf("Have the upgrade enabled for %s: %s", subs, vs)
	case fleet.CodeNotFound:
		them := "them"
		if len(c.Vaults) == 1 {
			them = "it"
		}
		return fmt.Sprintf("Correct %s in the inventory: the cloud does not list %s", vs, them)
	case fleet.CodeNoWindow:
		return fmt.Sprintf("Widen the window for %s: none is long enough", vs)
	case fleet.CodeAttempts:
		return fmt.Sprintf("Find out why the starts of %s were never accepted", vs)
	case fleet.CodeForeignFailed, fleet.CodeForeignOverdue, fleet.CodeUpgradeRunning:
		return fmt.Sprintf("Ask who else started the %s of %s (%s)", w.Other, vs, c.Code)
	}
	switch n := len(c.distinct()); {
	case standing.ComesBack(c.Code):
		return fmt.Sprintf("%s: nothing to mend, the next run tries again (%s)", vs, c.Code)
	case c.why != "":
		return fmt.Sprintf("Decide on the warning %s of %s: consent, or hold", c.Code, vs)
	case n > 0 && c.speaksOf("agent"):
		return fmt.Sprintf("Update agents on %s: %s (%s)", lexicon.Plural(n, "machine", "machines"), vs, c.Code)
	case n > 0:
		return fmt.Sprintf("Mend %s on %s: %s", c.Code, lexicon.Plural(n, "entry", "entries"), vs)
	}
	return fmt.Sprintf("Mend %s: %s", c.Code, vs)
}

// speaksOf reports whether the service's own words hold a word. It chooses
// words for people, nothing else: what codes there are is not known (classic-service.md#errors).
func (c *cause) speaksOf(word string) bool {
	return strings.Contains(strings.ToLower(c.Code+" "+c.Message+" "+c.action), word)
}

// The retention question (classic-service.md#the-operation) stands wherever somebody could think
// of unregistering a machine.
const retention = "A machine that no longer exists: must its backups be kept for long-term retention? Then the vault " +
	"cannot be upgraded, hold it; only otherwise unregister the machine."

// advice says how to mend a cause.
func (c *cause) advice() string {
	s := lexicon.Sentence(c.action)
	if c.why != "" { // what comes with a warning is no order: a person decides
		s = lexicon.Sentence(c.why)
		if c.action != "" {
			s += " The warning's own advice: " + lexicon.Sentence(c.action)
		}
	}
	said := strings.ToLower(s + " " + c.Message)
	machines := len(c.distinct()) > 0 && c.speaksOf("agent")
	if (machines || strings.Contains(said, "unregister")) && !strings.Contains(said, "retention") {
		s = strings.TrimSpace(s + " " + retention)
	}
	return s
}

// distinct lists the different items of a cause: a machine that several vaults
// name counts once, whatever else stands beside its name.
func (c *cause) distinct() (out []string) {
	seen := map[string]bool{}
	for _, items := range c.items {
		for i, s := range items {
			if i == 0 && fleet.Headed(items) {
				continue
			}
			name, _, _ := strings.Cut(s, lexicon.Dot)
			if k := strings.ToLower(strings.TrimSpace(name)); !seen[k] {
				seen[k] = true
				out = append(out, s)
			}
		}
	}
	return out
}

// distinctOf names what all vaults of a cause share, and counts it where they differ.
func (c *cause) distinctOf(of func(*Vault) (key, name string), one, many string) string {
	seen, name := map[string]bool{}, ""
	for _, v := range c.Vaults {
		key, called := of(v)
		seen[key], name = true, lexicon.Or(name, called)
	}
	if len(seen) == 1 && name != "" {
		return one + " " + name
	}
	return lexicon.Plural(len(seen), one, many)
}

// named calls vaults by their names, the first few of many.
func named(vs []*Vault) string {
	return lexicon.Some(len(vs), func(i int) string { return vs[i].Vault })
}
