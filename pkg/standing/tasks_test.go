package standing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestTasks: what there is to do about a run, and what to type for it, as data.
func TestTasks(t *testing.T) {
	t.Parallel()
	by := fleet.Actor{User: "sam"}
	found := func(code string) []fleet.Finding {
		return []fleet.Finding{{Severity: fleet.SeverityError, Code: code, Message: "it is " + code}}
	}
	ended := func(st *rollout.State) { st.Run.Closed = &fleet.RunClosed{} }
	kind := func(k fleet.Kind) func(*rollout.State) { return func(st *rollout.State) { st.Plan.Kind = k } }
	gated := func(st *rollout.State) { st.Plan.Waves[0].Approval = &plan.Approval{When: plan.ApprovalBefore} }
	flying := func(st *rollout.State) {
		for _, f := range []fleet.Fact{fleet.Validated{Vault: st.Plan.Vaults[0].Key, Verdict: fleet.VerdictReady},
			fleet.StartIntended{Vault: st.Plan.Vaults[0].Key, OperationID: "op", Attempt: 1}} {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		set  []func(*rollout.State)
		opts TaskOptions
		want string // a task a line, and behind it what is to be typed next
	}{
		"a crash": {nil, TaskOptions{}, "resume! []: resume --yes (now)\n" +
			"wait [0 1] deferred\n→ resume --yes (now)"},
		"with what the process was given": {[]func(*rollout.State){func(st *rollout.State) {
			st.Run.Given = []string{"--report", "night.md"}
		}}, TaskOptions{}, "resume! []: resume --yes --report night.md (now)\n" +
			"wait [0 1] deferred\n→ resume --yes --report night.md (now)"},
		"a halt that is looked at live": {[]func(*rollout.State){func(st *rollout.State) {
			st.Run.Halt = &fleet.RunHalted{}
		}}, TaskOptions{Live: true}, "accept-failures! []: resume --accept-failures --reason TEXT --yes (left)\n" +
			"wait [0 1] deferred\n→ status --watch (now) → resume --accept-failures --reason TEXT --yes (left)"},
		"a failure that support decides about": {[]func(*rollout.State){ended, func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Findings = fleet.Failed, found("Boom")
			st.Vaults[1].Status = fleet.Upgraded
		}}, TaskOptions{}, "support! [0] Boom: reopen s/web --reason TEXT --case ID (allowed)\n" +
			"→ reopen s/web --reason TEXT --case ID (allowed)"},
		"failures that a person mends": {[]func(*rollout.State){ended, kind("rsv-alerts"), func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Findings = fleet.Failed, found("Boom")
			st.Vaults[1].Status, st.Vaults[1].Findings, st.Vaults[1].Carried = fleet.Failed, found("Boom"), true
		}}, TaskOptions{}, "reopen! [0] Boom: reopen s/web --reason TEXT (mended)\n" +
			"reopen! [1] Boom: reopen s/sql --reason TEXT (mended)\n" +
			"→ reopen s/web s/sql --reason TEXT (mended)"},
		"one that reading could not tell": {[]func(*rollout.State){ended, func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Final = fleet.Unknown, true
			st.Vaults[1].Status = fleet.Unknown
		}}, TaskOptions{}, "decide! [0] answer-lost: refresh s/web (read)\n" +
			"→ reopen s/web --reason TEXT --case ID (allowed)"},
		"one in doubt beside one that was accepted": {[]func(*rollout.State){ended, func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Final = fleet.Unknown, true
			st.Vaults[1].Status, st.Vaults[1].Final = fleet.Unknown, true
			st.Vaults[1].Findings = append(found(fleet.CodeAnswerLost), found(fleet.CodeUnconfirmed)...)
		}}, TaskOptions{}, "decide! [1] not-confirmed: refresh s/sql (read)\n" +
			"decide! [0] answer-lost: refresh s/web (read)\n" +
			"→ reopen s/web s/sql --reason TEXT --case ID (allowed)"},
		"what blocks, what comes back and what is held": {[]func(*rollout.State){ended, func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Findings = fleet.Blocked, append(found("Old"), found(fleet.CodeBusy)...)
			st.Vaults[1].Status, st.Vaults[1].Reason = fleet.Excluded, "a freeze"
		}}, TaskOptions{}, "mend! [0] Old: plan fleet.yaml --validate (unblocked)\n" +
			"wait [0] operation-in-progress: plan fleet.yaml --validate (see)\nrelease [1] excluded\n" +
			"→ plan fleet.yaml --validate (unblocked)"},
		"paused before a gate": {[]func(*rollout.State){gated, func(st *rollout.State) {
			st.Run.Paused = &fleet.Paused{By: by}
		}}, TaskOptions{Live: true}, "approve! []: approve --wave canary --reason TEXT (now)\n" +
			"unpause! []: pause --off --reason TEXT (now)\n" +
			"→ approve --wave canary --reason TEXT (now) → pause --off --reason TEXT (now)"},
		"a failure of a live run": {[]func(*rollout.State){func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Findings = fleet.Failed, found("Boom")
			st.Vaults[1].Status, st.Vaults[1].Final = fleet.Unknown, true
		}}, TaskOptions{Live: true}, "support! [0] Boom\ndecide! [1] answer-lost\n→ status --watch (now)"},
		"paused, and told to leave": {[]func(*rollout.State){func(st *rollout.State) {
			st.Run.Stopped, st.Run.Suspended = &fleet.Stopped{}, &fleet.RunSuspended{Why: fleet.SuspendedStop}
			st.Run.Paused = &fleet.Paused{By: by}
		}}, TaskOptions{}, "unpause! []: pause --off --reason TEXT (now) → resume --yes (now)\n" +
			"wait [0 1] deferred\n→ pause --off --reason TEXT (now) → resume --yes (now)"},
		"paused, and killed": {[]func(*rollout.State){func(st *rollout.State) {
			st.Run.Paused = &fleet.Paused{By: by}
		}, flying}, TaskOptions{}, "resume! []: resume --yes (now)\n" +
			"unpause! []: pause --off --reason TEXT (now)\n" +
			"wait [1] deferred\n→ resume --yes (now) → pause --off --reason TEXT (now)"},
		"one that is re-opened for the next run": {[]func(*rollout.State){ended, func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Permit = fleet.Failed, &fleet.Reopened{By: by, Reason: "mended"}
			st.Vaults[1].Status = fleet.Already
		}}, TaskOptions{}, "wait [0] deferred: run fleet.yaml --yes (retry)\n→ run fleet.yaml --yes (retry)"},
		"one that a later run has": {[]func(*rollout.State){ended, func(st *rollout.State) {
			st.Vaults[0].Status, st.Vaults[0].Permit = fleet.Failed, &fleet.Reopened{By: by, Reason: "mended"}
			st.Vaults[0].Findings = found("Boom")
			st.Vaults[1].Status, st.Vaults[1].Findings = fleet.Failed, found("Boom")
		}}, TaskOptions{Later: true, TakenUp: map[fleet.Key]bool{onePerWave().Vaults[0].Key: true}},
			"support! [1] Boom: plan fleet.yaml (again)\nwait [0] Boom\n→ report (newest)"},
	} {
		p := onePerWave()
		p.Cloud.Name, p.Inventory = fleet.Emulator, "fleet.yaml"
		for i := range p.Vaults {
			p.Vaults[i].SubscriptionName = "s"
		}
		st := rollout.NewState(p)
		if err := st.Apply(fleet.Event{At: t0, Fact: fleet.RunOpened{RunID: "r", By: by}}); err != nil {
			t.Fatal(err)
		}
		for _, set := range c.set {
			set(st)
		}
		c.opts.Now, c.opts.Vaults = t0, EveryVault(st)
		tasks := Tasks(st, c.opts)
		var lines []string
		for _, k := range tasks {
			line := string(k.Kind)
			if k.Person {
				line += "!"
			}
			line = strings.TrimSpace(fmt.Sprint(line, " ", k.Vaults, " ", k.Code))
			for i, s := range k.Steps {
				line += map[bool]string{true: ": ", false: " → "}[i == 0] + said(s)
			}
			lines = append(lines, line)
		}
		next := ""
		for _, s := range Following(st, tasks, c.opts) {
			next += "→ " + said(s) + " "
		}
		if got := strings.Join(append(lines, strings.TrimSpace(next)), "\n"); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func said(s Step) string {
	purpose := string(s.For)
	if purpose == "" {
		purpose = "now"
	}
	return strings.Join(s.Args, " ") + " (" + purpose + ")"
}

// TestStepsNameNoMoreThanALineHolds: of more vaults than that none is named.
func TestStepsNameNoMoreThanALineHolds(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{{Name: "all"}}}
	for i := range VaultsInStep + 1 {
		v := plan.Vault{}
		v.SubscriptionID, v.Name = "s", fmt.Sprint("v", i)
		v.Key = fleet.KeyOf(fleet.KindClassic, "s", fleet.BackupVault, "", v.Name)
		p.Vaults = append(p.Vaults, v)
	}
	st := rollout.NewState(p)
	st.Run.Closed = &fleet.RunClosed{}
	for i := range st.Vaults {
		st.Vaults[i].Status, st.Vaults[i].Final = fleet.Unknown, true
	}
	look := TaskOptions{Vaults: EveryVault(st)}
	tasks := Tasks(st, look)
	if len(tasks) != 1 || !slices.Equal(tasks[0].Steps[0].Args, []string{"refresh"}) {
		t.Errorf("%+v", tasks)
	}
	if next := Following(st, tasks, look); next[0].For != ToTable || !next[0].OfReport {
		t.Errorf("%+v", next)
	}
	if need := ForPerson(tasks); len(need) != len(p.Vaults) {
		t.Errorf("%d need a person", len(need))
	}
}
