package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// DefaultSupportAddress is where the service's team answers (classic-service.md#the-operation).
const DefaultSupportAddress = "rsvaultupgrade@service.microsoft.com"

// Message is a message to send, ready to paste or mail.
type Message struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Body    string `json:"body"`
}

// mailWidth is how wide the sentences of a message are: it shows well in a
// terminal and in any mail, wherever it is made.
const mailWidth = 76

// String is the message as it is pasted.
func (m *Message) String() string {
	return fmt.Sprintf("To: %s\nSubject: %s\n\n%s", m.To, m.Subject, m.Body)
}

// SupportMessage is the message to send for failed vaults that share an error
// code, ready to paste: of each what the service's team asks for (subscription
// ID, vault, OperationId) and what they would ask next. Times are UTC. An empty
// address is the default. Every line is clean.
func SupportMessage(address string, vs ...*Vault) *Message {
	m := &Message{To: readable(lexicon.Or(address, DefaultSupportAddress))}
	if len(vs) == 0 {
		return m
	}
	m.Subject = readable(fmt.Sprintf("Vault upgrade failed: %s, OperationId %s", vs[0].Name, operation(vs[0])))
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(readable(fmt.Sprintf(format, args...)) + "\n") }
	text := func(format string, args ...any) {
		for _, l := range strings.Split(layout.Wrap(readable(fmt.Sprintf(format, args...)), mailWidth), "\n") {
			line("%s", l)
		}
	}
	again := "It has not been tried again"
	if len(vs) > 1 {
		again = "None has been tried again"
	}
	if slices.ContainsFunc(vs, func(v *Vault) bool { return len(v.EarlierOperations) > 0 }) {
		again = "Where an earlier OperationId is named, that operation had failed before, and a person let the vault " +
			"be started once more; nothing was tried again otherwise"
	}
	if len(vs) > 1 {
		m.Subject = readable(fmt.Sprintf("%d vault upgrades failed with the code %s", len(vs), vs[0].errorCode()))
		text("The upgrades of these %d classic vaults to Recovery Services vaults failed with the same code, %s. %s. "+
			"Please tell us the cause, and whether and when they may be tried again.", len(vs), vs[0].errorCode(),
			again)
	} else {
		text("The upgrade of this classic vault to a Recovery Services vault failed. %s. Please tell us the cause, "+
			"and whether and when it may be tried again.", again)
	}
	field := func(name, value string) { line("%-20s%s", name+": ", value) }
	for i, v := range vs {
		line("")
		if len(vs) > 1 {
			line("Vault %d of %d", i+1, len(vs))
		}
		field("Subscription ID", v.SubscriptionID)
		field("Vault name", v.Name)
		field("Location", v.Location)
		field("Resource type", string(v.ResourceType))
		field("Target group", ValueOf(v.TargetResourceGroup))
		field("OperationId", operation(v))
		for _, id := range v.EarlierOperations {
			field("Earlier OperationId", id)
		}
		field("Started", lexicon.UTC(v.StartedAt.Value()))
		field("Ended", lexicon.UTC(v.EndedAt.Value())+v.OrBefore())
		errs := v.Errors()
		for _, f := range errs {
			code, message := ValueOf(f.Code), ValueOf(f.Message)
			if f.said != "" { // the code, too, is ours
				code, message = "none in the service's record", f.said
			}
			field("Error code", lexicon.Or(code, "none"))
			field("Error message", lexicon.Or(message, "none"))
			heading, rows := fleet.Columns(f.besides())
			if heading != "" {
				field("  Details of", heading)
			}
			for _, item := range rows {
				field("  Detail", item)
			}
		}
		if len(errs) == 0 {
			field("Error code", "none")
			field("Error message", lexicon.Or(ValueOf(v.Reason), "none"))
		}
		field("Request IDs", lexicon.Or(strings.Join(v.RequestIDs, ", "), "none"))
	}
	m.Body = b.String()
	return m
}

// readable is clean text that stays the same when it has been through JSON,
// which knows no bytes that are not UTF-8.
func readable(s string) string { return lexicon.Clean(strings.ToValidUTF8(s, "\ufffd")) }

func operation(v *Vault) string { return lexicon.Or(ValueOf(v.OperationID), "none was returned") }

// errorCode is the code that a failed vault's support message is about: of
// several errors the newest.
func (v *Vault) errorCode() string {
	if v.settled() {
		return standing.NoCode
	}
	return standing.ErrorCode(v.facts())
}
