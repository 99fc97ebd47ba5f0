package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Chapter is one thing that happened to a vault.
type Chapter struct {
	Seq  uint64  `json:"seq"` // of its event in the ledger's journal
	At   *Time   `json:"at"`
	Run  string  `json:"run"`
	Fact string  `json:"fact"`
	What string  `json:"what"`
	By   *string `json:"by"`
	Why  *string `json:"why"`
}

// Story is everything the ledger knows of one vault, over all its runs.
type Story struct {
	SchemaVersion  int       `json:"schemaVersion"`
	Vault          *Vault    `json:"vault"`          // as the newest run has it
	SupportMessage *Message  `json:"supportMessage"` // null where the vendor does not decide about failures
	Chapters       []Chapter `json:"story"`
	Told

	words *wording
}

// Told is what the journal has of a vault besides its story.
type Told struct {
	Before  json.RawMessage `json:"before"`  // what the newest run that started it found of what it was about to change; null: nothing was recorded
	Request *plannedRequest `json:"request"` // that changes it; null: it was not started, or nobody knows
}

// Changing is what is told of a vault that was to be changed by a request. before
// may be nil.
func Changing(before json.RawMessage, r fleet.Request) Told {
	if len(before) == 0 {
		return Told{}
	}
	return Told{before, requestOf(r)}
}

// StoryOf tells of a vault of a view; nil when the view does not show it.
func (v *View) StoryOf(name string, chapters []Chapter, told Told, o Options) *Story {
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Vault != name {
			continue
		}
		s := &Story{SchemaVersion: SchemaVersion, Vault: x, Chapters: chapters, Told: told, words: v.words()}
		if x.Status == fleet.Failed && s.words.classic {
			s.SupportMessage = SupportMessage(o.SupportAddress, x)
		}
		return s
	}
	return nil
}

// WriteJSON writes the story as JSON.
func (s *Story) WriteJSON(w io.Writer) error { return writeJSON(w, s) }

// Write writes the story for people.
func (s *Story) Write(w io.Writer, o Options) error {
	p, c, v := &page{}, clockIn(o.Zone), s.Vault
	p.title("VAULT %s%s%s%stimes %s", v.Vault, dot, StatusWord(v.Status), dot, c)
	if why := v.why(); why != noReason {
		p.line("%s", why)
	} else if v.Status == fleet.Already {
		p.line("%s", or(v.noted(), s.words.before))
	}
	if v.HeldBy != nil {
		p.pair("Held by", "%s", *v.HeldBy)
	}
	if v.HeldUntil != nil {
		p.pair("Held until", "%s", c.full(v.HeldUntil.Time))
	}
	p.pair("Subscription", "%s (%s)", v.SubscriptionName, v.SubscriptionID)
	p.pair("Vault", "%s, %s in %s", v.Name, v.ResourceType, v.Location)
	if v.ResourceID == nil {
		p.pair("Target", "resource group %s", str(v.TargetResourceGroup))
	} else {
		p.pair("Resource ID", "%s", *v.ResourceID)
	}
	p.pair("Wave", "%s", v.Wave)
	if v.OperationID != nil {
		p.pair("Operation", "%s", *v.OperationID)
	}
	if v.StartedAt != nil {
		p.pair("Started", "%s", c.full(v.StartedAt.Time))
	}
	if v.EndedAt != nil {
		p.pair("Ended", "%s%s", c.full(v.EndedAt.Time), after(v))
	}
	if v.UpgradedResourceID != nil && s.words.classic {
		p.pair("New vault", "%s", *v.UpgradedResourceID)
	}
	if s.Request != nil {
		p.pair("Before", "%s", spaced(s.Before))
		p.pair("Sent", "%s", s.Request.shown())
	}
	for _, id := range v.RequestIDs {
		p.pair("Request", "%s", id)
	}
	if r := v.LastReading; r != nil {
		p.section("LAST READING: %s", c.full(r.At.value()))
		p.item("%s", r.What)
		for _, d := range r.Differs {
			p.sub("%s", d)
		}
		if r.Poll != nil {
			p.item("the operation's address answers %s", *r.Poll)
		}
		if r.Action != nil {
			p.sub("%s", *r.Action)
		}
	}
	if len(v.Findings) > 0 {
		p.section("FINDINGS: %d", len(v.Findings))
		for _, f := range v.Findings {
			p.item("%s %s: %s", f.Severity, or(str(f.Code), "without a code"), str(f.Message))
			if f.Action != nil {
				p.sub("%s", *f.Action)
			}
			for _, item := range f.Items {
				p.sub("%s", item)
			}
		}
	}
	p.section("STORY: %s", plural(len(s.Chapters), "event", "events"))
	run := ""
	for _, ch := range s.Chapters {
		if ch.Run != run {
			run = ch.Run
			p.group("run %s", run)
		}
		line := c.full(ch.At.value()) + "  " + ch.What
		if ch.By != nil {
			line += ", by " + *ch.By
		}
		if ch.Why != nil {
			line += ": " + *ch.Why
		}
		p.item("%s", line)
	}
	if s.SupportMessage != nil {
		p.section("DO NOT RETRY unless support says so. The message to send:")
		p.verbatim(s.SupportMessage.String())
	} else if v.Status == fleet.Failed {
		p.command("When it is mended", command("reopen", v.Vault, "--reason", "TEXT", o.State))
	}
	return p.writeTerminal(w, o.Width)
}

// after says how long an upgrade took, where that is known.
func after(v *Vault) string {
	if d := v.Took(); d > 0 {
		return fmt.Sprintf(" (after %s)", span(d))
	}
	return ""
}
