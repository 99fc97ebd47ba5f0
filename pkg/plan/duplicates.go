package plan

import (
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// findDuplicates reports what is there twice. What lacks a part that would
// tell it from others is reported as incomplete, and compared with nothing.
func (b *builder) findDuplicates() {
	b.findDuplicateSubscriptions()
	byKey := make(map[fleet.Key]int, len(b.vaults))
	byTarget := make(map[target]int, len(b.vaults))
	for i := range b.vaults {
		v := &b.vaults[i]
		self := Subject{SubjectVault, i}
		if missing := b.missingFields(&v.Vault); len(missing) > 0 {
			b.issue(Issue{Code: IssueIncomplete, Subject: self,
				Message: fmt.Sprintf("vault %q lacks: %s", v.Ref(), strings.Join(missing, ", "))})
		}
		if v.SubscriptionID == "" || v.Name == "" {
			continue
		}
		if v.ResourceType != "" && v.Location != "" {
			if first, dup := byKey[v.Key]; dup {
				b.issue(Issue{Code: IssueDuplicate, Subject: self, Other: &Subject{SubjectVault, first},
					Message: fmt.Sprintf("vault %q is listed twice", v.Ref()),
					Hint:    "remove one of the two (capitals and small letters are the same here)"})
				continue
			}
			byKey[v.Key] = i
		}
		if b.in.Upgrade != nil || v.TargetResourceGroup == "" {
			continue // a vault that stays where it is takes nobody's place
		}
		path := targetOf(&v.Vault)
		if first, dup := byTarget[path]; dup {
			b.issue(Issue{Code: IssueSameTarget, Subject: self, Other: &Subject{SubjectVault, first},
				Message: fmt.Sprintf("vault %q would get the same target as another: resource group %q, name %q",
					v.Ref(), v.TargetResourceGroup, v.Name),
				Hint: "give one of the two another targetResourceGroup"})
			continue
		}
		byTarget[path] = i
	}
}

// target is a place in the Resource Manager as Azure tells one from another: each part
// is folded. Classic vaults, which become one type, have none.
type target struct{ subscription, group, resourceType, name string }

func targetOf(v *fleet.Vault) target {
	t := target{fleet.FoldName(v.SubscriptionID), fleet.FoldName(v.ResourceGroup),
		fleet.FoldName(string(v.ResourceType)), fleet.FoldName(v.Name)}
	if v.ResourceGroup == "" {
		t.group, t.resourceType = fleet.FoldName(v.TargetResourceGroup), ""
	}
	return t
}

func (b *builder) missingFields(v *fleet.Vault) []string {
	var m []string
	group := struct{ name, value string }{"targetResourceGroup", v.TargetResourceGroup}
	if b.in.Upgrade != nil {
		group.name, group.value = "resourceGroup", v.ResourceGroup
	}
	for _, f := range []struct{ name, value string }{
		{"subscription", v.SubscriptionID},
		{"name", v.Name},
		{"location", v.Location},
		{"resourceType", string(v.ResourceType)},
		group,
	} {
		if f.value == "" {
			m = append(m, f.name)
		}
	}
	return m
}

// findDuplicateSubscriptions compares IDs with IDs, and names with names and
// IDs: people address a vault by either.
func (b *builder) findDuplicateSubscriptions() {
	byID, byName := make(map[string]int), make(map[string]int)
	for i, s := range b.subscriptions {
		if s.ID == "" {
			continue
		}
		if first, dup := byID[s.ID]; dup {
			b.issue(Issue{Code: IssueDuplicate, Subject: Subject{SubjectSubscription, i}, Field: "id",
				Other:   &Subject{SubjectSubscription, first},
				Message: fmt.Sprintf("subscription %s is listed twice", s.ID),
				Hint:    "put all its vaults under one entry"})
			continue
		}
		byID[s.ID] = i
	}
	for i, s := range b.subscriptions {
		if s.Name == "" || s.ID == "" || byID[s.ID] != i {
			continue
		}
		name := strings.ToLower(s.Name)
		if other, isID := byID[name]; isID && other != i {
			b.issue(Issue{Code: IssueDuplicate, Subject: Subject{SubjectSubscription, i}, Field: "name",
				Other:   &Subject{SubjectSubscription, other},
				Message: fmt.Sprintf("subscription name %q is the ID of another subscription", s.Name),
				Hint:    "vaults are addressed as subscription/name, by either: give it another name"})
			continue
		}
		if first, dup := byName[name]; dup {
			b.issue(Issue{Code: IssueDuplicate, Subject: Subject{SubjectSubscription, i}, Field: "name",
				Other:   &Subject{SubjectSubscription, first},
				Message: fmt.Sprintf("subscription name %q is used twice", s.Name),
				Hint:    "vaults are addressed as subscription/name: give each subscription a name of its own"})
			continue
		}
		byName[name] = i
	}
}
