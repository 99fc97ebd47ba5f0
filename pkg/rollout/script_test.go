package rollout

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var rewrite = flag.Bool("rewrite", false,
	"write what the machine says into testdata/*.txt; read the difference before keeping it")

// TestScripts holds conversations with the machine, one behaviour a file. A
// line that starts in the first column is a command or a comment; the indented
// lines under a command are what the machine answered.
//
// A leading +30s moves the clock before the command. Commands joined by ";"
// are observed in one Step. VAULTS is v000, v000,v002 or v000-v003.
//
//	plan KEY=VALUE…                    a plan; see scriptPlan
//	open [VAULT=failed|unknown|accepted|done|errorbody|told|reopened|upgraded:20m…]
//	                                   the first process, with what earlier runs left
//	step                               time passes, nothing is seen
//	validated VAULTS VERDICT|unreachable|error=CLASS [op=ID] [retry=30s] [mode=WORD]
//	prepared VAULTS [gone | STATE@ID | mode=WORD | version=WORD]
//	                                   the fresh read shows no record, no vault, this record, these settings, or this
//	                                   version
//	unprepared VAULTS CLASS [30s] [learned=WORD]
//	answer VAULTS accepted|done|followed [10s]|untold|yes|unknown|errorbody|busy [20m]|429 [30s]|403|
//	                                   forbidden|denied-by|
//	                                   blocked|failed|notsent|unsent
//	list SUB [only=VAULT] [VAULT=STATE[?][@ID]|none|gone…] [asof=-10s]
//	                                   vaults not named are in progress if upgrading, else without record; only one
//	                                   of them was read; a state with a ? is only presumed to be ours
//	                                   of it, or +WORD of scriptReadings says what was read besides
//	listfail SUB CLASS [VAULT]
//	reconciled VAULTS absent[=VERSION]|foreign|unreadable|ours[=STATE]
//	verified VAULTS ok|notyet|differs|error
//	explained VAULTS [CODE]
//	slowdown SUB 10m
//	interrupt
//	crash [nothing|facts]              a new process, Resumed; of the last Step all was committed,
//	                                   or nothing, or its facts but not its intents
//	accept-failures                    a new process, Resumed and FailuresAccepted
//	pause|stop|hold|release|limit|note WORD…
//	                                   an order to the process; see person. give ORDER WORD… is any order, and
//	                                   leave ORDER WORD… leaves it in the ledger while no process runs
//	next-run [KEY=VALUE…]              another run of the same ledger, of the same plan or of another
//	resume [accept]                    a new process, where the run may go on; accept: with its failures
//	reopen VAULTS [case=ID] [because=WORD]
//	refresh VAULTS READING[=STATE[@ID]] [verified|differs]
//	                                   what a person does while no process runs
//	consent [yes] [terminal] [saved] [expired] [holds=N] [kind=NAME]
//	                                   what is missing before the plan starts
//	leaves VAULT [+10s] [wall=10s] [told]
//	                                   whether the vault's newest start may still leave so much later
//	goes-out [try=N] [made=MODE@ADDRESS] [newest=MODE@ADDRESS] [age=5m] [same] [running]
//	                                   whether a start that was made ready goes out on a newer reading
//	show
//	fields                             all that the facts have left, field by field, and from here on what each step
//	                                   changes
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := runScript(string(want))
			if err != nil {
				t.Fatalf("%s:%v", file, err)
			}
			if got == string(want) {
				return
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			n, w, g := firstDifference(string(want), got)
			t.Errorf("%s:%d: the script says\n  %s\nbut the machine says\n  %s\n(after reading the difference: go "+
				"test -run TestScripts -rewrite)", file, n, w, g)
		})
	}
}

// firstDifference returns the first line, counted from 1, in which two texts
// differ.
func firstDifference(a, b string) (n int, la, lb string) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	line := func(ls []string, n int) string {
		if n < len(ls) {
			return ls[n]
		}
		return "(the end)"
	}
	for n := 0; ; n++ {
		if la, lb := line(as, n), line(bs, n); la != lb {
			return n + 1, la, lb
		}
	}
}

// runScript carries out a script's commands and returns the script with the
// machine's answers.
func runScript(text string) (string, error) {
	var out strings.Builder
	s := &script{now: scriptStart, sends: map[string]sent{}}
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, " ") {
			continue // an old answer
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		answer, err := s.command(line)
		if err != nil {
			return "", fmt.Errorf("%d: %s: %w", n+1, line, err)
		}
		for _, l := range answer {
			out.WriteString("  " + l + "\n")
		}
	}
	return out.String(), nil
}

var scriptStart = time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)

// script is a conversation under way.
type script struct {
	plan    *plan.Plan
	m       *Machine
	now     time.Time
	journal []fleet.Event
	last    Output          // of the newest Step
	ops     map[string]int  // operation IDs given, by vault
	kept    fields          // what was kept after the newest answer, from fields on
	past    []pastRun       // the ledger's runs before
	sends   map[string]sent // the newest start of each vault
}

// step feeds the machine and keeps its facts, as a runner would.
func (s *script) step(obs ...Observation) ([]string, error) {
	if s.m == nil {
		return nil, fmt.Errorf("no process runs: open first")
	}
	if s.m.exited {
		return nil, fmt.Errorf("the process has left: crash or accept-failures starts a new one")
	}
	s.last = s.m.Step(s.now, obs)
	if s.last.Err != nil {
		return []string{"ERROR " + s.last.Err.Error()}, nil
	}
	for _, a := range s.last.Actions {
		if start, ok := a.(Send); ok {
			s.sends[s.plan.Vaults[start.Vault].Name] = sent{start, Moment{s.now, s.now}}
		}
	}
	s.journal = append(append(s.journal, s.last.Facts...), s.last.Intents...)
	if newest := s.journal[len(s.journal)-1].At; !s.m.Run.LastAt.Equal(newest) {
		return nil, fmt.Errorf("the newest fact is of %s, and the run says %s", at(newest), at(s.m.Run.LastAt))
	}
	lines := s.print(s.last)
	if s.kept != nil {
		lines = append(lines, s.changes()...)
	}
	return lines, nil
}

// restart replays the journal into a new machine.
func (s *script) restart(commands ...fleet.Fact) ([]string, error) {
	if s.m == nil {
		return nil, fmt.Errorf("no process has run: open first")
	}
	events, err := reread(s.journal)
	if err != nil {
		return nil, err
	}
	s.m = New(s.plan)
	if err := s.m.Replay(events); err != nil {
		return nil, err
	}
	var obs []Observation
	for _, f := range commands {
		obs = append(obs, Commanded{f})
	}
	return s.step(obs...)
}

// reread sends events through their JSON form, as a ledger does.
func reread(events []fleet.Event) ([]fleet.Event, error) {
	data, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	var back []fleet.Event
	d := json.NewDecoder(bytes.NewReader(data))
	return back, d.Decode(&back)
}
