package web

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestThePageOfAWaitingRunHasAnEnd: who opens the page of a run that nobody has looked
// at since it began to wait sees when it is expected to end, and so does a program.
func TestThePageOfAWaitingRunHasAnEnd(t *testing.T) {
	t.Parallel()
	p := fleetPlan(3)
	p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalBefore, Expiry: time.Hour}
	st := rollout.NewState(p)
	if err := st.Apply(fleet.Event{At: began, Fact: fleet.RunOpened{RunID: "r"}}); err != nil {
		t.Fatal(err)
	}
	d := newLiveHub(Run{State: st}, "boot", func() time.Time { return began.Add(time.Minute) })
	var page, status bytes.Buffer
	if err := d.page(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "<dt>Expected end</dt>") ||
		!strings.Contains(page.String(), "if approvals come at once") {
		t.Error("the page has no expected end")
	}
	if err := d.status(&status); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(status.String(), `"if": "if approvals come at once"`) {
		t.Error("the status has no expected end")
	}
}

// TestTheEdgeOfAFinishedRun: green is for a run that left nothing to do.
func TestTheEdgeOfAFinishedRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status fleet.Status
		want   string
	}{{fleet.Upgraded, `class="card verdict v-finished">`}, {fleet.Blocked, `class="card verdict v-finished wanted">`},
		{fleet.Failed, `class="card verdict v-finished lost">`},
		{fleet.Unknown, `class="card verdict v-finished lost">`}} {
		v := troubledNight(1)
		v.Run.Status, v.Run.Suspended, v.Run.NextWindow, v.Next = "finished", nil, nil, nil
		v.Vaults[0].Status, v.Totals = c.status, map[fleet.Status]int{c.status: 1}
		if c.status == fleet.Blocked {
			v.Vaults[0].Findings = append(v.Vaults[0].Findings, problem("AgentTooOld", "an agent is old", "update it"))
		}
		if page := string(frozen(t, tasked(v))); !strings.Contains(page, c.want) {
			t.Errorf("%s: the page has no %s", c.status, c.want)
		}
	}
}
