package activities

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.temporal.io/sdk/testsuite"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// A worker that does not know the plan's kind sends nothing, and says so of a start rather
// than leave it in doubt; what only reads goes back to the queue, for another worker.
func TestAWorkerWithoutTheKind(t *testing.T) {
	t.Parallel()
	w := &Worker{
		Plan: func(context.Context, protocol.PlanRef) ([]byte, error) {
			return []byte(`{"fingerprint":"f","vaults":[{}]}`), nil
		},
		Connect: func(*plan.Plan) (*session.Cloud, error) { return nil, errors.New("the kind rsv-next is not known") },
	}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(w.Send)
	env.RegisterActivity(w.Call)
	in := func(a rollout.Action) protocol.Action {
		data, err := rollout.EncodeAction(a)
		if err != nil {
			t.Fatal(err)
		}
		return protocol.Action{Ref: protocol.PlanRef{Fingerprint: "f"}, Action: data, Vault: "v"}
	}
	v, err := env.ExecuteActivity(w.Send, in(rollout.Send{Start: fleet.PreparedStart{OperationID: "op"}}))
	if err != nil {
		t.Fatal(err)
	}
	var told protocol.Told
	if err := v.Get(&told); err != nil || len(told.Observations) != 1 {
		t.Fatal(told, err)
	}
	o, err := rollout.DecodeObservation(told.Observations[0])
	if err != nil {
		t.Fatal(err)
	}
	if done, ok := o.(rollout.SendDone); !ok || done.Vault != "v" || done.OperationID != "op" ||
		done.Answer.Verdict != fleet.StartNotSent ||
		!strings.Contains(done.Answer.Message, "rsv-next") {
		t.Errorf("it said %+v", o)
	}
	if _, err := env.ExecuteActivity(w.Call, in(rollout.Verify{})); err == nil ||
		!strings.Contains(err.Error(), "rsv-next") {
		t.Errorf("a reading was carried out: %v", err)
	}
	// An action of a newer build cannot even be read: it is in doubt.
	if _, err := env.ExecuteActivity(w.Send,
		protocol.Action{Action: json.RawMessage(`{"type":"Next","data":{}}`), Vault: "v"}); err == nil {
		t.Error("an action that is not known was carried out")
	}
}
