package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// HistoryEntry is one thing that happened to a vault.
type HistoryEntry struct {
	Seq  uint64  `json:"seq"` // of its event in the ledger's journal
	At   *Time   `json:"at"`
	Run  string  `json:"run"`
	Fact string  `json:"fact"`
	What string  `json:"what"`
	By   *string `json:"by"`
	Why  *string `json:"why"`
}

// VaultHistory is everything the ledger knows of one vault, over all its runs.
type VaultHistory struct {
	SchemaVersion  int            `json:"schemaVersion"`
	Vault          *Vault         `json:"vault"`          // as the newest run has it
	SupportMessage *Message       `json:"supportMessage"` // null where the vendor does not decide about failures
	Entries        []HistoryEntry `json:"story"`
	RecordedChange

	Run   string        `json:"runId"`    // the newest that has it, which the vault's standing is of
	Next  []NextCommand `json:"next"`     // what to type next; empty: nothing is left to do for it
	Later *string       `json:"laterRun"` // the ledger's newest run, which does not have it; null: it has

	words *lexicon.Wording
	now   time.Time
	past  string // of a vault that was as wanted: since when
	steps []Step
}

// RecordedChange is what the journal has of a vault besides its story.
type RecordedChange struct {
	// what the newest run that started it found of what it was about to change; null: nothing was recorded
	Before  json.RawMessage `json:"before"`
	Request *PlannedRequest `json:"request"` // that changes it; null: it was not started, or nobody knows
}

// Changing is what is told of a vault that was to be changed by a request. before
// may be nil.
func Changing(before json.RawMessage, r fleet.Request) RecordedChange {
	if len(before) == 0 {
		return RecordedChange{}
	}
	return RecordedChange{before, RequestOf(r)}
}

// HistoryOf tells of a vault of a view; nil when the view does not show it.
func (v *View) HistoryOf(name string, chapters []HistoryEntry, told RecordedChange, o Options) *VaultHistory {
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Vault != name {
			continue
		}
		s := &VaultHistory{SchemaVersion: SchemaVersion, Vault: x, Entries: chapters, RecordedChange: told,
			Run: v.Run.ID, Later: v.Run.Later, words: v.words(), now: v.Run.GeneratedAt.Value(), past: v.pastOf(x)}
		if x.Status == fleet.Failed && !x.Permitted && s.words.Classic {
			s.SupportMessage = SupportMessage(o.SupportAddress, x)
		}
		s.steps = v.stepsFor(i, o)
		s.Next = NextCommands(s.steps, o.State, o.Along)
		return s
	}
	return nil
}

// stepsFor are what to type next about one of the vaults.
func (v *View) stepsFor(at int, o Options) (steps []Step) {
	for i := range v.Tasks {
		t := &v.Tasks[i]
		if !slices.Contains(t.Vaults, at) {
			continue
		}
		switch {
		case t.Kind == standing.TaskReopen && v.Run.Later == nil && !v.Run.Live:
			alone := standing.Step{Args: standing.Reopen(v.Run.Kind, v.Vaults[at].Vault), For: standing.WhenMended}
			steps = append(steps, v.worded([]standing.Step{alone}, o)...)
		case t.Permitted, v.Run.Later != nil && t.Kind != standing.TaskSupport:
			steps = append(steps, v.worded(t.Steps, o)...)
		}
	}
	return steps
}

// WriteJSON writes the story as JSON.
func (s *VaultHistory) WriteJSON(w io.Writer) error { return layout.WriteJSON(w, s) }

// Write writes the story for people.
func (s *VaultHistory) Write(w io.Writer, o Options) error {
	p, c, v := &layout.Page{}, lexicon.ClockIn(o.Zone), s.Vault
	status := s.words.Status(v.Status)
	byWhom := v.Status == fleet.Already && (v.Earlier || v.Meanwhile)
	if byWhom {
		status = s.past
	}
	if v.Permitted {
		status += ", re-opened for the next run"
	}
	p.Title("VAULT %s%s%s%stimes %s", v.Vault, lexicon.Dot, status, lexicon.Dot, c)
	told := func(text string) string { return layout.Zoned(text, c.Zone, s.now) }
	head := v.why()
	if head == noReason {
		head = ""
	}
	if head == "" && v.Status == fleet.Already {
		if head = v.Noted(); head == "" && !byWhom {
			head = s.past
		}
	}
	if head != "" {
		p.Line("%s", told(head))
	}
	if s.Later != nil {
		p.Line("As run %s left it, the newest that has it; run %s came after that one, without it.", s.Run, *s.Later)
	}
	if v.HeldBy != nil {
		p.Pair("Held by", "%s", *v.HeldBy)
	}
	if v.HeldUntil != nil {
		p.Pair("Held until", "%s", c.Full(v.HeldUntil.Time))
	}
	p.Pair("Subscription", "%s (%s)", v.SubscriptionName, v.SubscriptionID)
	p.Pair("Vault", "%s, %s in %s", v.Name, v.ResourceType, v.Location)
	if v.ResourceID == nil {
		p.Pair("Target", "resource group %s", ValueOf(v.TargetResourceGroup))
	} else {
		p.Pair("Resource ID", "%s", *v.ResourceID)
	}
	p.Pair("Wave", "%s", v.Wave)
	if v.OperationID != nil {
		p.Pair("Operation", "%s", *v.OperationID)
	}
	if v.StartedAt != nil {
		p.Pair("Started", "%s", c.Full(v.StartedAt.Time))
	}
	if v.EndedAt != nil {
		p.Pair("Ended", "%s%s%s", c.Full(v.EndedAt.Time), v.OrBefore(), after(v))
	}
	if v.UpgradedResourceID != nil && s.words.Classic {
		p.Pair("New vault", "%s", *v.UpgradedResourceID)
	}
	if s.Request != nil {
		p.Pair("Before", "%s", spaced(s.Before))
		p.Pair("Sent", "%s", s.Request.Shown())
	}
	for _, id := range v.RequestIDs {
		p.Pair("Request", "%s", id)
	}
	if r := v.LastReading; r != nil {
		p.Section("LAST READING: %s", c.Full(r.At.Value()))
		p.Item("%s", told(r.What))
		for _, d := range r.Differs {
			p.Sub("%s", d)
		}
		if r.Poll != nil {
			p.Item("the operation's address answers %s", *r.Poll)
		}
		if r.Action != nil {
			p.Sub("%s", *r.Action)
		}
	}
	if found := v.unsettled(); len(found) > 0 {
		p.Section("FINDINGS: %d", len(found))
		for _, f := range found {
			message := ValueOf(f.Message)
			if f.saidIn(head) {
				message = "as above"
			}
			p.Item("%s %s: %s", f.Severity, lexicon.Or(ValueOf(f.Code), "without a code"), told(message))
			if f.Action != nil {
				p.Sub("%s", *f.Action)
			}
			p.SubList(fleet.Columns(f.besides()))
		}
	}
	p.Section("STORY: %s", lexicon.Plural(len(s.Entries), "event", "events"))
	run := ""
	for _, ch := range s.Entries {
		if ch.Run != run {
			run = ch.Run
			p.Group("run %s", run)
		}
		line := c.Full(ch.At.Value()) + "  " + told(v.withoutMessages(ch.What))
		if ch.By != nil {
			line += ", by " + *ch.By
		}
		if ch.Why != nil {
			line += ": " + *ch.Why
		}
		p.Item("%s", line)
	}
	if s.SupportMessage != nil {
		p.Section("DO NOT RETRY unless support says so. The message to send:")
		p.Verbatim(s.SupportMessage.String())
	}
	NextLines(p, s.steps, o.State)
	return p.WriteTerminal(w, o.Width)
}

// saidIn reports whether a line above says the finding's message in full.
func (f *Finding) saidIn(line string) bool {
	return ValueOf(f.Message) != "" && strings.Contains(line, *f.Message)
}

// besides are the finding's items without the cells that only repeat its message.
func (f *Finding) besides() (out []string) {
	for _, item := range f.Items {
		cells := slices.DeleteFunc(strings.Split(item, lexicon.Dot),
			func(s string) bool { return ValueOf(f.Message) != "" && s == *f.Message })
		if len(cells) > 0 {
			out = append(out, strings.Join(cells, lexicon.Dot))
		}
	}
	return out
}

// withoutMessages is a sentence of the journal that ends with the message of one of the
// vault's findings, without that: it stands above.
func (v *Vault) withoutMessages(s string) string {
	for _, f := range v.unsettled() {
		if m := ValueOf(f.Message); m != "" {
			s = strings.TrimSuffix(s, ": "+m)
		}
	}
	return s
}

// after says how long an upgrade took, where that is known.
func after(v *Vault) string {
	if d := v.Took(); d > 0 {
		return fmt.Sprintf(" (after %s)", lexicon.Took(d, v.EndedLate))
	}
	return ""
}
