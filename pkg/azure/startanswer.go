package azure

import (
	"errors"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// NoStartAnswer is what is known of a start that no answer came to: that it was not
// sent, where that is certain, or else nothing.
func NoStartAnswer(err error, operationID string) fleet.StartAnswer {
	a := fleet.StartAnswer{Verdict: fleet.StartUnknown, Code: fleet.CodeAnswerLost,
		Message: Named(text.Clean(err.Error(), text.MaxMessage), "", operationID)}
	if se, ok := errors.AsType[*SendError](err); ok && se.NotSent {
		a.Verdict, a.Code = fleet.StartNotSent, fleet.CodeUnreachable
		if se.HeldBack {
			a.Code, a.Message = "", se.Why // nothing has failed
		}
	}
	return a
}

// Named adds to a message by which names the cloud can find the request: its own,
// and ours, which is the operation ID. The service's own words are shown as they
// came; there the names stand beside them, in the report's columns.
func Named(message, requestID, operationID string) string {
	if requestID != "" {
		message += " (request " + requestID + ")"
	}
	return message + " (client request " + operationID + ")"
}
