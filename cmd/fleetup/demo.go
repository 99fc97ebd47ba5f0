package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/examples"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

// scripted is how the quickstart's night ends.
var scripted = []struct {
	status fleet.Status
	n      int
	words  string
}{
	{fleet.Upgraded, 33, "upgraded"},
	{fleet.Failed, 2, "failed, as scripted"},
	{fleet.Blocked, 3, "blocked"},
	{fleet.Excluded, 1, "held"},
	{fleet.Already, 1, "already"},
}

// killAfter is how many accepted starts the demo waits for before the kill: by
// then the last wave is under way, with all that is hard to be sure of.
const killAfter = 19

func (e *environment) demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "upgrade 40 vaults on the emulator, killed half-way and resumed",
		Flags: []cli.Flag{flagDir.is(cli.StringFlag{Value: "fleetup-demo", Usage: "the `FOLDER` it works in"})},
		Action: func(c *cli.Context) error {
			return e.demo(flagDir.of(c))
		},
	}
}

func (e *environment) demo(dir string) error {
	defer e.ends.watch()()
	d := &demo{environment: e, dir: dir, db: filepath.Join(dir, "fleet.db"), began: time.Now()}
	if err := d.prepare(); err != nil {
		return err
	}
	say(e.stdout, "A fleet of 40 vaults in 4 subscriptions, on the emulator (the classic service itself is retired).")
	if err := d.killedRun(); err != nil {
		return err
	}
	killed, ok, err := session.ReadLatest(d.db)
	if err != nil || !ok {
		return errors.Join(errors.New("the killed run left no ledger to resume from"), err)
	}
	inDoubt := killed.State.InFlight()
	say(e.stdout, "killed with SIGKILL after %s, %s in flight or in doubt", lexicon.Span(time.Since(d.began)),
		words.Count(inDoubt, "upgrade"))
	resume, err := d.child("resume", "--state", d.db, "--yes")
	if err != nil {
		return err
	}
	if err := resume.Start(); err != nil {
		return err
	}
	if err := d.wait(resume); err != nil {
		return err
	}
	select {
	case <-d.interrupt: // it came at the very end, and the child had it too
		return outcome(fleet.ExitInterrupted)
	default:
	}
	return d.conclude(killed.State)
}

// demo is one demonstration.
type demo struct {
	*environment
	dir, db string
	began   time.Time
}

// prepare makes the folder, and clears what an earlier demonstration left.
func (d *demo) prepare() error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("the demo needs a folder: %w", err)
	}
	if err := d.mayClear(); err != nil {
		return err
	}
	for _, name := range []string{"fleet.yaml", "scenario.yaml"} {
		data, err := fs.ReadFile(examples.Quickstart, "quickstart/"+name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(d.dir, name), data, 0o600); err != nil {
			return fmt.Errorf("the demo cannot write its files: %w", err)
		}
	}
	for _, old := range []string{d.db, session.EmulatorPath(d.db), filepath.Join(d.dir, "report.html")} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the demo cannot clear an earlier one: %w", err)
		}
	}
	return nil
}

// mayClear makes sure that the folder holds an earlier demonstration, or
// nothing that this one would overwrite or remove.
func (d *demo) mayClear() error {
	if _, live, err := state.ReadHolder(d.db); err != nil {
		return err
	} else if live {
		return failure.New(fleet.ExitInUse, fmt.Errorf("another process works in %s", d.dir),
			lexicon.Command("demo", "--dir", "FOLDER"))
	}
	own := false
	for _, name := range []string{"fleet.yaml", "scenario.yaml", "fleet.db", "report.html"} {
		data, err := os.ReadFile(filepath.Join(d.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if example, none := fs.ReadFile(examples.Quickstart, "quickstart/"+name); none == nil {
			own = bytes.Equal(data, example)
		}
		if err != nil || !own {
			return failure.Usage(lexicon.Command("demo", "--dir", "FOLDER"),
				"%s holds a %s that is no demo's: it is not overwritten", d.dir, name)
		}
	}
	return nil
}

// child is this program with another command, sharing the terminal. What it
// would print at its end is not shown twice.
func (d *demo) child(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("the demo cannot find its own program: %w", err)
	}
	cmd := exec.Command(self, args...)
	cmd.Stderr = d.messages
	return cmd, nil
}

// killedRun runs the quickstart and kills it, without a warning, when half
// of the fleet has been started.
func (d *demo) killedRun() error {
	cmd, err := d.child("run", filepath.Join(d.dir, "fleet.yaml"), "--state", d.db, "--yes")
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	over, err := d.follow(cmd, func() bool { return d.accepted() >= killAfter })
	if err != nil {
		return err
	}
	if over {
		return fmt.Errorf("the run ended before it could be killed (%s): %w", cmd.ProcessState, errUnscripted)
	}
	return nil
}

var errUnscripted = errors.New("that is not as scripted")

// follow lets a started process go on until it is over, or until enough, which is
// asked again and again: then it is killed, without a warning. The error is why neither
// is so.
func (d *demo) follow(cmd *exec.Cmd, enough func() bool) (over bool, err error) {
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // its exit code tells
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ended:
			return true, nil
		case <-d.interrupt:
			_ = cmd.Process.Signal(os.Interrupt) // it has had the terminal's own signal already
			<-ended
			return false, outcome(fleet.ExitInterrupted)
		case <-look.C:
			if enough() {
				err := cmd.Process.Kill()
				<-ended
				return false, err
			}
		}
	}
}

// accepted counts the starts that the emulated cloud has accepted so far.
func (d *demo) accepted() int {
	data, err := os.ReadFile(session.EmulatorPath(d.db))
	if err != nil {
		return 0
	}
	return bytes.Count(data, []byte(`"start":{`))
}

// wait lets the resumed run end. Its exit code is part of the script.
func (d *demo) wait(cmd *exec.Cmd) error {
	if _, err := d.follow(cmd, func() bool { return false }); err != nil {
		return err
	}
	if code := cmd.ProcessState.ExitCode(); code != int(fleet.ExitFailures) {
		return fmt.Errorf("the resumed run exited %d, not %d: %w", code, fleet.ExitFailures, errUnscripted)
	}
	return nil
}

// conclude compares the night with its script, and with what the cloud saw.
func (d *demo) conclude(killed *rollout.State) error {
	run, ok, err := session.ReadLatest(d.db)
	if err != nil || !ok {
		return errors.Join(errors.New("the ledger cannot be read"), err)
	}
	cloud, err := emulator.Reopen(session.EmulatorPath(d.db), nil)
	if err != nil {
		return fmt.Errorf("the emulated cloud cannot be asked: %w", err)
	}
	truth := cloud.Summary()
	if err := cloud.Close(); err != nil {
		return err
	}
	followed, again := 0, truth.SentAgain+truth.DoubleAccepted
	for i := range killed.Vaults {
		if !killed.Vaults[i].InFlight() {
			continue
		}
		v := &run.State.Vaults[i]
		if v.OperationID == killed.Vaults[i].OperationID {
			followed++
		}
	}
	say(d.stdout, "resumed: %d of %d followed by their operation IDs, %d sent twice", followed, killed.InFlight(),
		again)
	file := filepath.Join(d.dir, "report.html")
	o := report.Options{Zone: localZone(), State: d.db}
	if err := textfile.Replace(file, func(w io.Writer) error { return web.WriteReport(w, view(run), o) }); err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	line, good := fmt.Sprintf("%d vaults", run.State.Totals.All()), again == 0
	for _, s := range scripted {
		n := run.State.Totals.Of(s.status)
		line += fmt.Sprintf(" · %d %s", n, s.words)
		good = good && n == s.n
	}
	say(d.stdout, "%s · %d sent twice · %s", line, again, lexicon.Span(time.Since(d.began)))
	say(d.stdout, "Report: %s      %s", file, layout.KeepTogether("Ledger: fleetup status --state "+d.db))
	say(d.stdout, "Next: fleetup plan %s", filepath.Join(d.dir, "fleet.yaml"))
	if !good {
		return errors.New("the night did not end as scripted")
	}
	return nil
}
