package inventory

import (
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// The half of the JSON Schema that says how a rollout goes.

func (b *schemaBuilder) limits() keys {
	return about("how much at once", b.form(limitsSchema, nil, keys{
		"validations":       whole("validations at once", 1, maxLimit),
		"upgrades":          whole("upgrades at once, in the whole fleet", 1, maxLimit),
		"perSubscription":   whole("upgrades at once in a subscription", 1, maxLimit),
		"perLocation":       whole("upgrades at once in a location", 1, maxLimit),
		"requestsPerSecond": about("requests a second and subscription", keys{"type": "number", "minimum": minRate, "maximum": maxRate}),
	}))
}

func (b *schemaBuilder) wave() keys {
	upgrades, perSubscription, perLocation := whole("upgrades at once in this wave", 1, maxLimit),
		whole("upgrades at once in a subscription", 1, maxLimit), whole("upgrades at once in a location", 1, maxLimit)
	sides := asStrings([]plan.ApprovalWhen{plan.ApprovalBefore, plan.ApprovalAfter})
	return b.form(waveSchema, []string{"name"}, b.selector(keys{
		"name":            line("the wave's name"),
		"size":            share("how many vaults it takes at most: a count, or a percentage of the fleet", 1),
		"order":           oneWord("in which order they start", asStrings([]plan.Order{plan.OrderLongestFirst, plan.OrderName, plan.OrderInventory})...),
		"upgrades":        upgrades,
		"perSubscription": perSubscription,
		"perLocation":     perLocation,
		"limits": about("limits of this wave, in place of the three keys", b.form(waveLimitsSchema, nil, keys{
			"upgrades": upgrades, "perSubscription": perSubscription, "perLocation": perLocation})),
		"maxFailures": share("halt when more vaults of the wave have failed: a count, or a percentage", 0),
		"soak":        duration("how long it rests when it is done"),
		"approval": either2("a person must say go, before or after the wave", keys{"enum": sides}, b.form(approvalSchema, []string{"when"}, keys{
			"when": oneWord("on which side of the wave", sides...), "notBy": oneWord("who may not approve", plan.NotByStarter),
			"expiry": duration("how long an approval holds")})),
		"windows":   list("windows in place of the inventory's", b.window()),
		"blackouts": list("blackouts in place of the inventory's", b.blackout()),
	}))
}

func (b *schemaBuilder) failureBudget() keys {
	return either2("halt when more vaults have failed: a count, a percentage, or a mapping", share("of the run", 0), b.form(budgetSchema, nil, keys{
		"run":             share("of the run", 0),
		"perSubscription": share("of each subscription", 0),
		"ceiling":         oneWord("whether what is in flight may exceed it", asStrings([]plan.Ceiling{plan.CeilingSoft, plan.CeilingHard})...),
		"sameErrorHalt":   whole("halt after so many failures in a row with one code; 0: never", 0, maxBudget),
	}))
}

func (b *schemaBuilder) timings() keys {
	return about("how long, and how often; all have defaults", b.form(timingsSchema, nil, keys{
		"poll":              duration("how often a subscription is listed"),
		"validationMaxAge":  duration("how old a validation may be at the start"),
		"busyRetry":         duration("how often a busy vault is validated again"),
		"busyDeadline":      duration("after which a busy vault is blocked"),
		"startTimeout":      duration("how long the answer of a start is waited for"),
		"reconcileGrace":    duration("how far the two readings of an unknown start are apart"),
		"reconcileDeadline": duration("after which an unknown start stays unknown"),
		"overdue":           duration("after which an upgrade is flagged, and still followed"),
	}))
}

func (b *schemaBuilder) window() keys {
	return b.form(windowSchema, windowSchema.keys, keys{
		"days":     some("the days on which it begins", keys{"enum": dayNames}),
		"start":    about("the time of day, such as \"22:00\"", keys{"type": "string", "pattern": `^([01][0-9]|2[0-3]):[0-5][0-9]$`}),
		"end":      about("the time of day, on the next day where it is not after start", keys{"type": "string", "pattern": `^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`}),
		"timezone": line("an IANA name, such as Australia/Sydney"),
	})
}

func (b *schemaBuilder) blackout() keys {
	at := func(what string) keys {
		return about(what, keys{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?$`})
	}
	return b.form(blackoutSchema, blackoutSchema.keys, keys{
		"from": at("a local date or time"), "to": at("a local date or time; not part of it"), "timezone": line("an IANA name"),
	})
}
