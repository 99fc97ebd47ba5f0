package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Codes of the service that ask for something else than an error. They are not
// documented; they were seen in reports of users.
const (
	codeTooLarge = "ResponsePayloadTooLarge"            // a page over 16 MiB
	codeNoneSeen = "NoValidSubscriptionsInQueryRequest" // the identity sees no subscription of the scope
)

// errNoneSeen is what an error of codeNoneSeen wraps.
var errNoneSeen = errors.New("the identity sees no subscription of the scope")

// maxDetails bounds what is kept of a refusal.
const maxDetails = 10

// refusal is an error body. The service's own message only says whom to ask for
// support: what went wrong is in the details.
type refusal struct {
	Error struct {
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Details []detail `json:"details"`
	} `json:"error"`
}

type detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Of a query that cannot be read: -1 where it is not known.
	Line   int    `json:"line"`
	Column int    `json:"characterPositionInLine"`
	Token  string `json:"token"`
}

// readRefusal reads an error body as far as it is one.
func readRefusal(body []byte) refusal {
	var r refusal
	if err := json.Unmarshal(body, &r); err != nil {
		// A detail of another type leaves the others readable.
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return refusal{}
		}
	}
	return r
}

// says reports whether the refusal has a code.
func (r refusal) says(code string) bool {
	if strings.EqualFold(r.Error.Code, code) {
		return true
	}
	for _, d := range r.Error.Details {
		if strings.EqualFold(d.Code, code) {
			return true
		}
	}
	return false
}

// error is the refusal of an answer as an error.
func (r refusal) error(resp *azure.Response, op string) *fleet.CallError {
	code, message := r.Error.Code, r.Error.Message
	var words []string
	for i, d := range r.Error.Details {
		if i == maxDetails {
			words = append(words, fmt.Sprintf("and %d more", len(r.Error.Details)-i))
			break
		}
		said := d.Message
		if said == "" || said == d.Code {
			said = d.Code
		} else if i > 0 && d.Code != "" {
			said = d.Code + ": " + said
		}
		if d.Line > 0 {
			said += fmt.Sprintf(" (line %d, character %d)", d.Line, d.Column)
		}
		if d.Token != "" {
			said += fmt.Sprintf(" at %q", text.Clean(d.Token, text.MaxID))
		}
		if said != "" {
			words = append(words, said)
		}
	}
	if len(words) > 0 {
		code, message = r.Error.Details[0].Code, strings.Join(words, "; ")
	}
	e := resp.Error(op, text.Clean(code, text.MaxID), text.Clean(message, text.MaxMessage))
	if r.says(codeNoneSeen) {
		e.Class, e.Err = fleet.CallForbidden, errNoneSeen // it comes with status 400
	}
	return e
}
