package rollout

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// sentences are those about a vault that are not the same for the classic
// kind, whose vendor decides about failures and whose upgraded vault is a new
// one, and for kinds that change vaults where they are.
type sentences struct {
	left       string // a vault that is gone while somebody else's upgrade goes on
	unseen     string // our operation is not to be found any more
	failed     string // what to do about a failed upgrade
	theirs     string // and about somebody else's, besides asking who started it
	unverified string // the upgrade is done, as the cloud says
	look       string // what to do about that
	doubt      string // what to do about a start that reading could not tell of
	vault      string // what is verified in the end
	unended    string // an accepted upgrade whose end could not be read
	notFound   string // the vault is there, and the operation is not
	itself     string // what reading shows where a start did nothing
	unchanged  string // what to do then
}

var (
	classicWords = sentences{
		left:       "the vault left the listing while somebody else's upgrade was under way",
		unseen:     "the listing no longer shows the vault's upgrade",
		failed:     "do not retry; send the support message and wait for an answer",
		theirs:     "; do not retry unless support says so",
		unverified: "the cloud reports the upgrade done, but the new vault could not be verified",
		look:       "look at the new vault; if it is good nothing else is needed",
		doubt:      "look at the vault in the portal, ask support, then fleetup reopen",
		vault:      "the new vault",
		unended:    "the upgrade was accepted, and how it ended could not be read",
		notFound:   "the listing shows another upgrade of the vault",
		itself:     "the vault",
		unchanged:  "Do not retry; send the support message and wait for an answer.",
	}
	todayWords = sentences{
		left:       "the vault was gone while somebody else's change was under way",
		unseen:     "the vault is gone, and the operation on it with it",
		failed:     "mend what made it fail; fleetup reopen permits another try",
		unverified: "the cloud reports the change done, but the vault could not be verified",
		look: "look at the vault in the portal, then fleetup refresh; if it is as it should be nothing else is " +
			"needed",
		doubt: "look at the vault in the portal, then fleetup refresh; if nothing was changed, fleetup reopen " +
			"permits another try",
		vault:     "the vault",
		unended:   "the change was accepted, and how it ended could not be read",
		notFound:  "the operation on the vault is not to be found any more",
		itself:    "the vault",
		unchanged: "Look whether the service has an incident; fleetup reopen permits another try.",
	}
)

// done says that the cloud has nothing left to do, as the cloud has it.
func (s *State) done() string {
	if d := s.Plan.Kind.Direction(); d != fleet.DirectionUpgrade {
		return "the cloud now says that the " + d.Words().Noun + " is done"
	}
	return "the cloud now says Upgraded"
}

// theirs is what somebody else does to a vault.
func (s *State) theirs() string { return s.direction().Theirs() }

// direction are the words of the plan's direction.
func (s *State) direction() *fleet.DirectionWords { return s.Plan.Kind.Direction().Words() }

// words are those of the plan's kind.
func (s *State) words() *sentences {
	if s.Plan.Upgrade == nil {
		return &classicWords
	}
	return &todayWords
}
