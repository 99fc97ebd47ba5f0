package fleet

import "time"

// SignIn is what one side of a cloud gave for a sign-in to a tenant.
type SignIn struct {
	Side       string         // for people
	Tenant     string         // that was asked for; empty: the credential's own
	Credential CredentialKind // what signed in
	Identity   Identity
	Findings   []Finding // an error: there is no token
}

// Identity is who a token says that we are. Nobody has verified it: it is read
// to be shown and warned of, and what is allowed is the cloud's to say. Its
// texts are the token's, cleaned and bounded.
type Identity struct {
	Fixed         bool // plain HTTP to loopback: a fixed token and no sign-in; the rest is empty
	Type          IdentityType
	Name          string // of a user
	ObjectID      string
	ApplicationID string
	Tenant        string
	ValidUntil    time.Time // of this token; zero: not known
	Renewal       string    // what is known of the tokens after it, as a sentence
	Renews        bool      // it is known that there will be others without anybody's doing
}

// IdentityType tells users from everything else that can sign in.
type IdentityType string

// A service principal and a managed identity are apps.
const (
	IdentityUnknown IdentityType = ""
	IdentityUser    IdentityType = "user"
	IdentityApp     IdentityType = "app"
)

// Check is one thing that was asked of a subscription before a rollout.
type Check struct {
	Name     string
	State    CheckState
	Detail   string    // what was seen; may be empty
	Findings []Finding // what is wrong, or worth to know
}

// CheckState is how a check ended.
type CheckState string

// The ends of a check.
const (
	CheckGood    CheckState = "good"
	CheckDenied  CheckState = "denied"  // no sign-in, no permission, or not to be seen
	CheckMissing CheckState = "missing" // a person must mend it
	CheckWaiting CheckState = "waiting" // no answer, or one that changes by itself
	CheckSkipped CheckState = "skipped" // not asked, as an earlier check would have to be good
)

// Codes of what a preflight finds about a sign-in.
const (
	CodeNotUser     = "not-a-user"
	CodeOtherTenant = "other-tenant"
	CodeSignInEnds  = "sign-in-ends"
)
