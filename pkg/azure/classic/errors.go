package classic

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Bounds of what is kept of an answer: all of it is journalled and shown.
const (
	maxDetails = 100  // reasons
	maxItems   = 1000 // entries of a reason's table
)

// serviceError is an error of the classic service, in any of the three shapes
// of classic-service.md#errors.
type serviceError struct {
	code, message, action string
	details               []fleet.Finding // shape 1
}

// parseServiceError reads an error body; false where it is none of the shapes.
func parseServiceError(body []byte) (serviceError, bool) {
	n, err := parse(body)
	if err != nil {
		return serviceError{}, false
	}
	return readServiceError(n)
}

func readServiceError(n *node) (serviceError, bool) {
	if n.isNil {
		return serviceError{}, false
	}
	if n.space == nsWars {
		e := serviceError{code: n.value("ErrorCode"), message: n.value("Message"), action: n.value("RecommendedAction")}
		return e, e.code != "" || e.message != ""
	}
	if n.space != nsAzure && n.space != "" {
		return serviceError{}, false
	}
	e := serviceError{code: n.value("Code"), message: n.value("Message"), action: n.value("RecommendedAction")}
	kids := n.child("Details").kids
	for i, d := range kids {
		if len(e.details) == maxDetails {
			e.details = append(e.details, fleet.Finding{Severity: fleet.SeverityError, Code: check.CodeNone,
				Message: fmt.Sprintf("the service gives %d reasons more, which are not kept", len(kids)-i)})
			break
		}
		if f, ok := detail(d, e.code); ok {
			e.details = append(e.details, f)
		}
	}
	// Other documents of the namespace have a Message too: only an Error may do
	// without a code and without details.
	return e, e.code != "" || len(e.details) > 0 || n.local == "Error" && e.message != ""
}

// detail reads one entry of Details. What is not marked a warning is an error,
// and an entry that says nothing still counts as one: it must not get lost.
func detail(n *node, code string) (fleet.Finding, bool) {
	if n.isNil {
		return fleet.Finding{}, false
	}
	f := fleet.Finding{Severity: fleet.SeverityError, Category: text.Clean(n.value("Category"), text.MaxID),
		Code:   text.Clean(n.value("Code"), text.MaxID),
		Action: text.Clean(n.value("RecommendedAction"), text.MaxMessage)}
	if strings.EqualFold(n.value("Type"), "Warning") {
		f.Severity = fleet.SeverityWarning
	}
	if f.Code == "" {
		f.Code = text.Clean(code, text.MaxID)
	}
	f.Message, f.Items = splitTable(n.child("Message").text)
	f.Message = cmp.Or(f.Message, "the service gave no text for this reason")
	return f, true
}

// findings returns every reason that the error gives. guide completes them.
func (e serviceError) findings(guide func(*fleet.Finding)) []fleet.Finding {
	fs := append([]fleet.Finding(nil), e.details...)
	if len(fs) == 0 {
		f := fleet.Finding{Severity: fleet.SeverityError, Code: text.Clean(e.code, text.MaxID),
			Action: text.Clean(e.action, text.MaxMessage)}
		f.Message, f.Items = splitTable(e.message)
		f.Message = cmp.Or(f.Message, "the service gave no text for this code")
		fs = append(fs, f)
	}
	for i := range fs {
		fs[i].Code = cmp.Or(fs[i].Code, check.CodeNone)
		guide(&fs[i])
	}
	return fs
}

// splitTable parts a message from the table it may hold: rows by '|', columns
// by ';' (classic-service.md#errors). The sentence before the table stays the message.
// Without a '|', a text is a row only where no space follows a ';', as prose
// would have.
func splitTable(s string) (message string, items []string) {
	oneRow := strings.Contains(s, ";") && !spaceAfterSemicolon(s)
	if !strings.Contains(s, "|") && !oneRow {
		return text.Clean(s, text.MaxMessage), nil
	}
	lead := ""
	rows := strings.Split(s, "|")
	head, _, _ := strings.Cut(rows[0], ";")
	// A colon counts only with space after it: names and times have bare ones.
	if i := max(strings.LastIndex(head, ": ")+1, strings.LastIndex(head, "\n")); i > 0 {
		lead, rows[0] = head[:i], rows[0][i:]
	}
	for _, row := range rows {
		var cols []string
		for col := range strings.SplitSeq(row, ";") {
			if col = text.Clean(col, text.MaxID); col != "" {
				cols = append(cols, col)
			}
		}
		if len(cols) > 0 {
			items = append(items, text.Clean(strings.Join(cols, fleet.ItemDot), text.MaxMessage))
		}
	}
	message = strings.TrimSuffix(text.Clean(lead, text.MaxMessage), ":")
	named := len(items)
	if fleet.Headed(items) {
		named--
	}
	switch {
	case message != "" || named == 0:
	case named == 1:
		message = "the check names 1 item"
	default:
		message = fmt.Sprintf("the check names %d items", named)
	}
	return message, bounded(items)
}

// bounded cuts a list that is too long, and says so at its end.
func bounded(items []string) []string {
	if len(items) <= maxItems {
		return items
	}
	return append(items[:maxItems:maxItems], fmt.Sprintf("and %d more, which are not kept", len(items)-maxItems))
}

func spaceAfterSemicolon(s string) bool {
	after := false
	for _, r := range s {
		if after && unicode.IsSpace(r) {
			return true
		}
		after = r == ';'
	}
	return after // a semicolon at the end is no column's
}

// The retention question (classic-service.md#the-operation): a vault whose gone machines' backups
// must be kept cannot be upgraded.
const retention = "Before a machine that no longer exists is unregistered, ask: must its backups be kept for " +
	"long-term retention? Then the vault cannot be upgraded: hold it."

// guide gives a finding of the service an action where the service gave none,
// and never lets an advice to unregister stand without the retention question.
func (u *Upgrader) guide(f *fleet.Finding) {
	switch {
	case f.Action == "" && len(f.Items) > 0:
		f.Action = "Correct this on each of the entries, then validate again."
		if u.o.AgentDownload != "" {
			f.Action += " The backup agent is at " + u.o.AgentDownload + " ."
		}
		f.Action += " " + retention
	case f.Action == "":
		f.Action = "Correct this, then validate again."
	}
	said := strings.ToLower(f.Action + " " + f.Message)
	if strings.Contains(said, "unregister") && !strings.Contains(said, "retention") {
		f.Action += " " + retention
	}
}

// callError is the error of a classic answer that was not wanted.
func callError(resp *azure.Response, op string) *fleet.CallError {
	e, ok := parseServiceError(resp.Body)
	if !ok {
		return resp.Error(op, "", "")
	}
	msg, items := splitTable(e.message)
	if len(items) > 0 {
		msg = text.Clean(msg+": "+strings.Join(items, ", "), text.MaxMessage)
	}
	return resp.Error(op, text.Clean(e.code, text.MaxID), msg)
}

// failed adds a check that did not give what was asked.
func (u *Upgrader) failed(r *check.Report, side *azure.APIClients, err error) {
	r.Failed(side, u.sidePermission(side), err)
}

// sidePermission says what a refused caller needs.
func (u *Upgrader) sidePermission(side *azure.APIClients) string {
	if side == u.o.ServiceManagement {
		return "The classic side needs a co-administrator of the subscription; being its owner is not enough. Have " +
			"one added, then validate again."
	}
	return "Grant the identity the Reader role on the subscription, then validate again."
}

// describe says in words what an unreadable answer was.
func describe(resp *azure.Response) string {
	return fmt.Sprintf("HTTP %d %s with %s", resp.Status, http.StatusText(resp.Status), text.Excerpt(resp.Body))
}
