package fleet

import "encoding/json"

// The facts of this file are a person's word to a run that is under way, or that is to
// be resumed. Each is journalled before the person is answered.

// RunOrder is a person's word about the run as a whole.
type RunOrder interface {
	Fact
	runOrder()
}

func (Paused) runOrder()        {}
func (Stopped) runOrder()       {}
func (LimitsChanged) runOrder() {}
func (Noted) runOrder()         {}

// orderDecoders decode these facts by the names that the journal stores.
var orderDecoders = map[string]func(json.RawMessage) (Fact, error){
	"Paused":        decode[Paused],
	"Stopped":       decode[Stopped],
	"Held":          decode[Held],
	"LimitsChanged": decode[LimitsChanged],
	"Noted":         decode[Noted],
}

// Paused lets nothing new start until a Paused with Off set. What is in flight
// is followed, checks go on. It outlives the process.
type Paused struct {
	Off    bool   `json:"off,omitempty"` // the pause is over
	By     Actor  `json:"by"`
	Reason string `json:"reason"`
}

// Stopped makes the process leave as a first signal does: nothing new starts,
// the starts that are out are answered. With Close nothing new starts any more
// in this run: what is in flight is followed to its end, and then the run is
// closed for good.
type Stopped struct {
	Close  bool   `json:"close,omitempty"`
	By     Actor  `json:"by"`
	Reason string `json:"reason"`
}

// Held keeps a vault that has not started out of the run until a Held with Off
// set.
type Held struct {
	Vault  Key    `json:"vault"`
	Off    bool   `json:"off,omitempty"` // released
	By     Actor  `json:"by"`
	Reason string `json:"reason"`
}

// AsPlanned, in LimitsChanged, gives a limit back to the plan.
const AsPlanned = -1

// LimitsChanged lowers limits of the run, or lifts them again, at most to what
// the plan allows. A limit that is 0 is left as it was.
type LimitsChanged struct {
	Upgrades        int    `json:"upgrades,omitempty"`
	PerSubscription int    `json:"perSubscription,omitempty"`
	PerLocation     int    `json:"perLocation,omitempty"`
	By              Actor  `json:"by"`
	Reason          string `json:"reason"`
}

// Noted is a remark for whoever reads the journal: a handover, above all. It
// changes nothing.
type Noted struct {
	By   Actor  `json:"by"`
	Text string `json:"text"`
}

// Name implements Fact.
func (Paused) Name() string        { return "Paused" }
func (Stopped) Name() string       { return "Stopped" }
func (Held) Name() string          { return "Held" }
func (LimitsChanged) Name() string { return "LimitsChanged" }
func (Noted) Name() string         { return "Noted" }

// VaultKey implements VaultFact.
func (f Held) VaultKey() Key { return f.Vault }
