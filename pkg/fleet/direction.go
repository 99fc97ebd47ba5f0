package fleet

import "strings"

// Direction is which way a kind takes its vaults.
type Direction string

// The directions. Programs read these; what people read is [Direction.Words].
const (
	DirectionUpgrade  Direction = "upgrade"  // to what the kind is for
	DirectionRollback Direction = "rollback" // back to what a ledger recorded before
)

// Direction is which way the kind takes its vaults.
func (k Kind) Direction() Direction {
	if _, undoes := k.Undoes(); undoes {
		return DirectionRollback
	}
	return DirectionUpgrade
}

// Direction is that of the kind of a key.
func (k Key) Direction() Direction {
	kind, _ := k.Parts()
	return kind.Direction()
}

// DirectionWords are what people read for what is done to one vault. Every
// sentence about a vault of a plan takes them from here, so that a rollback is
// nowhere called an upgrade. What programs read, such as [Upgraded], is the same both
// ways.
type DirectionWords struct {
	Verb  string // "Resume to roll back what is left"
	Done  string // of a vault: "3 rolled back"
	Doing string // of a vault: "2 rolling back"
	Noun  string // "the rollback was accepted"
	Nouns string // "2 rollbacks are in flight"
	A     string // the noun with its article
	Other string // the noun of what somebody else does to the vault meanwhile
}

var directionWords = map[Direction]*DirectionWords{
	DirectionUpgrade: {Verb: "upgrade", Done: "upgraded", Doing: "upgrading", Noun: "upgrade", Nouns: "upgrades",
		A:     "an upgrade",
		Other: "upgrade"},
	DirectionRollback: {Verb: "roll back", Done: "rolled back", Doing: "rolling back", Noun: "rollback",
		Nouns: "rollbacks",
		A:     "a rollback", Other: "change"},
}

// Words are what people read for a direction; those of an upgrade where it is not
// known.
func (d Direction) Words() *DirectionWords {
	if w := directionWords[d]; w != nil {
		return w
	}
	return directionWords[DirectionUpgrade]
}

// Theirs is what somebody else does to a vault meanwhile.
func (w *DirectionWords) Theirs() string { return "somebody else's " + w.Other }

// Capital is one of the words at the beginning of a line.
func Capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// Status is what people read for a status: one word or two, everywhere the same.
// JSON, CSV and selections keep the status' own name.
func (w *DirectionWords) Status(s Status) string {
	switch s {
	case Upgraded:
		return w.Done
	case Upgrading:
		return w.Doing
	case Excluded:
		return "held" // by the inventory, or by a person
	}
	return string(s)
}
