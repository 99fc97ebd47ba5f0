package plan

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// PartBudgets are the failure budgets that each part of a run may have besides the
// run's and its waves': exceeded in one part, it halts the run. nil: there is none.
type PartBudgets struct {
	SubscriptionBudget *Budget `json:"subscriptionBudget,omitempty"`
}

// BudgetScope is a way to part a run's vaults of which each part has a failure budget.
// A scope is one entry of BudgetScopes and its field of PartBudgets: inventory, schema,
// plan, brain, dry run and words go through the table.
type BudgetScope struct {
	Name  string                        // what people call a part; RunHalted has it
	Field string                        // of failureBudget in an inventory
	Key   func(*Vault) string           // tells the parts apart
	Title func(*Vault) string           // of the part that a vault is in, for people
	Of    func(p *PartBudgets) **Budget // where the budget is kept
}

// BudgetScopes are all of them, in the order in which they halt.
var BudgetScopes = []BudgetScope{
	{Name: fleet.PartSubscription, Field: "perSubscription",
		Key:   func(v *Vault) string { return v.SubscriptionID },
		Title: func(v *Vault) string { return v.SubscriptionName },
		Of:    func(p *PartBudgets) **Budget { return &p.SubscriptionBudget }},
}

// TitleOf is what people call a part of the plan, its key where it has no other name.
func (s *BudgetScope) TitleOf(p *Plan, key string) string {
	for i := range p.Vaults {
		if v := &p.Vaults[i]; s.Key(v) == key && s.Title(v) != "" {
			return s.Title(v)
		}
	}
	return key
}

// HaltedPart is the scope whose budget a fact says was exceeded in a part; nil: it was
// another budget.
func HaltedPart(h *fleet.RunHalted) *BudgetScope {
	for i := range BudgetScopes {
		if BudgetScopes[i].Name == h.PartName() {
			return &BudgetScopes[i]
		}
	}
	return nil
}
