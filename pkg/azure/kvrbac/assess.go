package kvrbac

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const category = "access"

// Codes of what a vault's access policies become.
const (
	codeMapped      = "access-policies-to-roles"
	codeGrantsMore  = "role-grants-more"
	codeReadsMore   = "role-reads-more"
	codeConditional = "conditional-role-assignment"
	codeEffective   = "roles-take-effect"
	codeServices    = "azure-services-let-in"
	codeEnds        = "role-assignment-ends"
	codeUnread      = "role-assignment-end-unknown"
	codeNoPIM       = "no-role-assignment-ends"
	codeGroups      = "group-roles-not-counted"
	codeStorage     = "storage-permissions"
	codeStorageAll  = "storage-permissions-all"
	codeGone        = "PrincipalNotFound" // the service's own, of a PUT
)

// mapping is a role that a principal is to have in place of its access policy.
type mapping struct {
	role *role
	name string      // of the assignment, if we make it
	by   *assignment // what gives the same already; nil: it is to be made
	ends *assignment // the same at the vault itself, which ends; nil: there is none
}

// given is a principal with its roles.
type given struct {
	principal
	roles []mapping
}

// assessment is what the access policies of a vault become, given the role
// assignments that apply to it.
type assessment struct {
	given    []given
	findings []fleet.Finding
	missing  int
	youngest time.Time // when the newest assignment was made that is counted on; zero: unknown, or none is
}

// assess works out what a vault's access policies become. Which roles a principal
// is to have depends on its policy alone, so that a check names every assignment
// that can follow from it; which of them must be made depends on what is there.
//
// gone are principals that the directory was found not to know any more. Where
// somebody consented to that by its code, nothing is made for them.
func assess(v *fleet.Vault, state arm.State, there []assignment, gone ...string) assessment {
	ps, against := principals(state)
	a := assessment{findings: against}
	if fleet.HasSeverity(against, fleet.SeverityError) {
		return a
	}
	scope := v.ResourceID()
	var items, does, shows, conditional, effective, ends, nobody []string
	var storage, storageAll []string
	var counted []*assignment
	total := 0
	for _, p := range ps {
		if slices.Contains(gone, p.id) {
			nobody = append(nobody, p.id+": "+(p.may|p.storage).String())
			continue
		}
		g := given{principal: p}
		have := has(p.id, there)
		switch lost := p.storage &^ have; {
		case lost == 0:
		case p.storage&wholeStorage == wholeStorage:
			storageAll = append(storageAll, p.id+": "+lost.String())
		default:
			storage = append(storage, p.id+": "+lost.String())
		}
		ends = append(ends, ending(&p, there, scope)...)
		var gains set
		var through []string
		for _, r := range cover(p.may) {
			m := mapping{role: r, name: nameOf(scope, r, p.id), ends: inTheWay(r, p.id, scope, there, end)}
			if need := r.grants & p.may; need&^have == 0 {
				m.by = a.giver(need, p.id, there)
				counted = append(counted, givers(need, p.id, there, m.name)...)
			} else if c := inTheWay(r, p.id, scope, there, condition); c != nil {
				conditional = append(conditional, fmt.Sprintf("%s: %s, assignment %s", p.id, r.name, arm.Word(c.Name)))
			} else {
				a.missing++
				gains |= r.grants
				through = append(through, r.name)
			}
			total++
			items = append(items, p.id+": "+m.words(p.may))
			g.roles = append(g.roles, m)
		}
		if extra := have &^ (p.may | p.storage); extra != 0 {
			effective = append(effective, fmt.Sprintf("%s: %s", p.id, extra))
		}
		gains &^= p.may | p.storage | have
		say := func(list *[]string, more set) {
			if more != 0 {
				*list = append(*list, fmt.Sprintf("%s: %s, through %s", p.id, more, strings.Join(through, " and ")))
			}
		}
		say(&does, gains&^reading)
		say(&shows, gains&reading)
		a.given = append(a.given, g)
	}
	a.add(fleet.SeverityInfo, codeMapped, fmt.Sprintf("%s → %s; to be made before the change: %d",
		count(len(ps), "access policy", "access policies"), count(total, "role assignment", "role assignments"),
		a.missing), "", items)
	a.add(fleet.SeverityWarning, codeGrantsMore,
		"the built-in roles allow principals to do more than their access policies did",
		"Consent with acceptWarnings if that may be, or give the principal a narrower policy first.", does)
	a.add(fleet.SeverityWarning, codeReadsMore,
		"the built-in roles show principals names and properties that their access policies did not show; no secret "+
			"is among them",
		"Consent with acceptWarnings if that may be.", shows)
	a.add(fleet.SeverityError, codeConditional, "principals have the role that they need, but only under a condition",
		"Take the condition off, or remove the assignment so that one without can be made; or hold the vault.",
		conditional)
	a.add(fleet.SeverityInfo, codeEnds,
		"role assignments that end are not counted, for an access policy has no end: permanent ones are made besides",
		"", ends)
	a.uncertain(counted)
	a.storage(storageAll, storage)
	a.absent(v, nobody)
	if a.missing > 0 {
		a.add(fleet.SeverityInfo, codeGroups,
			"roles of groups are counted for access policies of those groups alone: who their members are cannot be "+
				"seen from here, and an assignment may be made that a member would not need",
			"", groups(ps, there))
	}
	a.add(fleet.SeverityInfo, codeEffective,
		"role assignments that somebody made before take effect with the change, and allow more than access policies "+
			"do",
		"", append(effective, strangers(ps, there)...))
	a.add(fleet.SeverityInfo, codeServices,
		"the vault lets Azure services in by settings of its own, which the change leaves as they are",
		"Try out afterwards what uses them: no page of Microsoft says what they mean where roles decide.",
		services(state))
	return a
}

func count(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// add adds a finding, unless it is about nothing.
func (a *assessment) add(s fleet.Severity, code, message, action string, items []string) {
	if len(items) > 0 || code == codeMapped {
		a.findings = append(a.findings, fleet.Finding{Severity: s, Category: category, Code: code, Message: message,
			Action: action, Items: items})
	}
}

// has is what a principal may do by the roles that it has, without condition.
func has(principal string, there []assignment) (s set) {
	for i := range there {
		if r := there[i].gives(principal); r != nil {
			s |= r.grants
		}
	}
	return s
}

// strangers are those who have a role on the vault's data and no access policy,
// with what they may do by it.
func strangers(ps []principal, there []assignment) (items []string) {
	for i := range there {
		id := strings.ToLower(there[i].Properties.PrincipalID)
		r := there[i].gives(id)
		if r != nil && !slices.ContainsFunc(ps, func(p principal) bool { return p.id == id }) {
			items = append(items, fmt.Sprintf("%s: %s, at %s", arm.Word(id), r.name,
				arm.Word(there[i].Properties.Scope)))
		}
	}
	return items
}

// gives is the role that an assignment gives to a principal without condition and
// without end; nil where it gives none that is about a key vault's data.
func (a *assignment) gives(principal string) *role {
	if a.Properties.Condition != "" || a.ends != "" || !strings.EqualFold(a.Properties.PrincipalID, principal) {
		return nil
	}
	return a.role
}

// giver returns an assignment that gives what is needed: the oldest that gives all
// of it, else one of those that do together. The age of what is counted on counts.
func (a *assessment) giver(need set, principal string, there []assignment) *assignment {
	var whole, part *assignment
	var newest time.Time
	for i := range there {
		at := &there[i]
		r := at.gives(principal)
		if r == nil || r.grants&need == 0 {
			continue
		}
		if part = at; at.madeAt().After(newest) {
			newest = at.madeAt()
		}
		if need&^r.grants == 0 && (whole == nil || at.madeAt().Before(whole.madeAt())) {
			whole = at
		}
	}
	if whole != nil {
		part, newest = whole, whole.madeAt()
	}
	if newest.After(a.youngest) {
		a.youngest = newest
	}
	return part
}

// words says what becomes of a policy, or of a part of it.
func (m *mapping) words(may set) string {
	s := fmt.Sprintf("%s → %s, assignment %s", m.role.grants&may, m.role.name, m.name)
	if m.by == nil {
		s += ": will be made"
		if m.ends != nil {
			s += ", if the service lets one be made beside the one that is " + m.ends.ends
		}
	} else if strings.EqualFold(m.by.Name, m.name) {
		s += ": is there"
	} else {
		s += fmt.Sprintf(": not needed, %s at %s gives it", arm.Word(m.by.Name), arm.Word(m.by.Properties.Scope))
	}
	if m.role.manages != "" && m.by == nil {
		s += "; besides, it " + m.role.manages
	}
	return s
}

// services lists the settings by which Azure services get in.
func services(state arm.State) (on []string) {
	for _, s := range []string{sectionDeployment, sectionDisks, sectionTemplates} {
		if string(state[s]) == "true" {
			on = append(on, s)
		}
	}
	return on
}

// inTheWay finds an assignment that ours cannot stand beside, or perhaps not: the same
// role of the same principal at the same scope, under a condition or for a time.
func inTheWay(r *role, principal, scope string, there []assignment, why func(*assignment) string) *assignment {
	for i := range there {
		a := &there[i]
		if why(a) != "" && a.role == r && a.here(scope) && strings.EqualFold(a.Properties.PrincipalID, principal) {
			return a
		}
	}
	return nil
}

func condition(a *assignment) string { return a.Properties.Condition }
func end(a *assignment) string       { return a.ends }

// ending names the assignments that give a principal something of its policy, and
// end.
func ending(p *principal, there []assignment, scope string) (items []string) {
	for i := range there {
		a := &there[i]
		if a.ends != "" && a.role != nil && a.role.grants&(p.may|p.storage) != 0 &&
			strings.EqualFold(a.Properties.PrincipalID, p.id) {
			items = append(items, fmt.Sprintf("%s: %s at %s, %s", p.id, a.role.name, placeOf(a, scope), a.ends))
		}
	}
	return items
}

// placeOf is the scope of an assignment in words.
func placeOf(a *assignment, scope string) string {
	if a.here(scope) {
		return "the vault"
	}
	return arm.Word(a.Properties.Scope)
}

// givers are the assignments of others that something needed is counted on by: none
// where ours gives it, which was made without an end. ours is its name.
func givers(need set, principal string, there []assignment, ours string) (counted []*assignment) {
	for i := range there {
		switch r := there[i].gives(principal); {
		case r == nil || r.grants&need == 0:
		case strings.EqualFold(there[i].Name, ours):
			return nil
		default:
			counted = append(counted, &there[i])
		}
	}
	return counted
}

// uncertain says of assignments that are counted on that nobody could say whether
// they end, or that nothing can.
func (a *assessment) uncertain(counted []*assignment) {
	var unread []string
	why, unlicensed := "", false
	for _, by := range counted {
		unlicensed = unlicensed || by.unlicensed
		if item := fmt.Sprintf("%s: %s at %s", arm.Word(by.Properties.PrincipalID), by.role.name,
			arm.Word(by.Properties.Scope)); by.unread != "" && !slices.Contains(unread, item) {
			unread, why = append(unread, item), by.unread
		}
	}
	a.add(fleet.SeverityWarning, codeUnread,
		"role assignments are counted on, and whether they end could not be read ("+why+")",
		"Give the identity "+listInstances.Action+
			", or look at them in Privileged Identity Management and consent with acceptWarnings if none of them ends.",
		unread)
	if unlicensed {
		a.add(fleet.SeverityInfo, codeNoPIM,
			"role assignments are counted as permanent: the directory has no licence for Privileged Identity "+
				"Management ("+codeUnlicensed+"), which ends them elsewhere",
			"", []string{fmt.Sprintf("%s counted on", count(len(counted), "assignment", "assignments"))})
	}
}

// storage warns of what is lost on managed storage accounts. "Managed storage account
// keys" is a legacy feature with no more updates, and which the command line has
// no commands for since 2.54 ("Manage storage account keys with Key Vault and the
// Azure CLI (legacy)"); its az keyvault create still gives all of it. Whether a
// vault manages any is told by the vault alone, to whom it gives these permissions.
func (a *assessment) storage(all, some []string) {
	const look = "The Resource Manager does not tell whether the vault manages any: " +
		"Get-AzKeyVaultManagedStorageAccount -VaultName NAME does. "
	a.add(fleet.SeverityWarning, codeStorageAll,
		"access policies allow everything on managed storage accounts, as az keyvault create gives it; no role is "+
			"given for this legacy feature, and it is lost with the change",
		look+"If it manages none, consent with acceptWarnings; if it does, hold the vault.", all)
	a.add(fleet.SeverityWarning, codeStorage,
		"access policies allow some operations on managed storage accounts, which somebody chose; no role is given "+
			"for this legacy feature, and they are lost with the change",
		look+"If it manages none, consent with acceptWarnings; if it does, hold the vault.", some)
}

// absent says of principals that the directory does not know any more. Who consents
// must do so by the code: this shows only when the roles are to be made, so that no
// plan can have shown it before.
func (a *assessment) absent(v *fleet.Vault, nobody []string) {
	for _, c := range v.Consents {
		if strings.EqualFold(c.Code, codeGone) &&
			c.Covers(fleet.Finding{Severity: fleet.SeverityWarning, Category: category, Code: codeGone}) {
			a.add(fleet.SeverityInfo, codeGone,
				"the directory does not know principals of access policies any more: nothing is made for them, as "+
					"acceptWarnings allows ("+c.Reason+")", "", nobody)
			return
		}
	}
	a.add(fleet.SeverityError, codeGone,
		"the directory does not know principals of access policies any more, so that nobody can use these",
		"Take their access policies off the vault, or consent with acceptWarnings: [{code: PrincipalNotFound, "+
			"reason: …}]; then run again.", nobody)
}

// groups are the groups that have a role on the vault's data, and no access policy.
func groups(ps []principal, there []assignment) []string {
	return strangers(ps, slices.DeleteFunc(slices.Clone(there), func(a assignment) bool {
		return !strings.HasSuffix(strings.ToLower(a.Properties.PrincipalType), "group")
	}))
}
