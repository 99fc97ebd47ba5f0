package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/examples"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// When the demo kills: after so many accepted starts.
const (
	killWorkerAfter = 8
	killServerAfter = 16
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "upgrade 40 vaults on the emulator, with a worker and the server killed half-way",
		Description: "It builds the development server where it is not given, which takes some minutes the first " +
			"time. Run it from the\n" +
			"engine's folder in a clone.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Value: "fleetup-temporal-demo",
				Usage: "the `FOLDER` it works in, which must not exist"},
			&cli.StringFlag{Name: "devserver", Usage: "the development server's `PROGRAM`"}},
		Action: demo,
	}
}

// night is one demonstration.
type night struct {
	dir, server, address, emulator, keys string
	began                                time.Time
	folder                               string         // with the inventory; empty: the demonstration's own
	extra                                []string       // flags of every worker
	queues                               map[int]string // of workers that carry actions out for a tenant
	children, workers                    []*exec.Cmd
	process                              *exec.Cmd // the server
	plan                                 *plan.Plan
	cloud                                *emulator.Cloud
	conn                                 *connection
	close                                []func()
	before                               func(url string) string // what stands before the emulator
}

func demo(c *cli.Context) error {
	n := &night{dir: c.String("dir"), server: c.String("devserver"), began: time.Now(), address: "127.0.0.1:0"}
	if err := os.Mkdir(n.dir, 0o700); err != nil {
		return fmt.Errorf("the demo needs a folder of its own: %w", err)
	}
	dir, err := filepath.Abs(n.dir)
	if err != nil {
		return err
	}
	n.dir = dir
	defer n.over()
	return n.play(c.Context)
}

func (n *night) play(ctx context.Context) error {
	if err := n.build(ctx); err != nil {
		return err
	}
	if err := n.set(ctx); err != nil {
		return err
	}
	run, err := n.conn.begin(ctx, "demo", n.plan, false, protocol.Options{Heartbeat: 3 * time.Second})
	if err != nil {
		return err
	}
	n.say("the run of 40 vaults has begun")
	ended := make(chan error, 1)
	var result protocol.Result
	go func() {
		var err error
		result, err = outcome(ctx, run)
		ended <- err
	}()
	if err := n.until(ctx, killWorkerAfter, ended); err != nil {
		return err
	}
	n.kill(n.workers[2])
	n.say("killed a worker with SIGKILL")
	if err := n.until(ctx, killServerAfter, ended); err != nil {
		return err
	}
	n.kill(n.process)
	n.say("killed the server with SIGKILL")
	if err := n.startServer(); err != nil {
		return err
	}
	n.say("the server is back")
	if err := <-ended; err != nil {
		return err
	}
	return n.conclude(ctx, result)
}

// set sets the stage: the emulated cloud, the server, three workers.
func (n *night) set(ctx context.Context) error {
	if n.folder == "" {
		n.folder = n.dir
		for _, name := range []string{"fleet.yaml", "scenario.yaml"} {
			data, err := fs.ReadFile(examples.Quickstart, "quickstart/"+name)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(n.dir, name), data, 0o600); err != nil {
				return err
			}
		}
	}
	var err error
	loaded, err := session.Load(filepath.Join(n.folder, "fleet.yaml"), false)
	if err != nil {
		return err
	}
	n.plan = loaded.Plan
	if n.cloud, err = session.Fresh(n.plan, n.folder, ""); err != nil {
		return err
	}
	url, hangUp, err := session.Serve("127.0.0.1:0", n.cloud)
	if err != nil {
		return err
	}
	n.close = append(n.close, hangUp)
	if n.before != nil {
		url = n.before(url)
	}
	n.emulator = url
	return n.people(ctx)
}

// people starts the server and three workers, and connects to the server.
func (n *night) people(ctx context.Context) error {
	for _, sub := range []string{"blobs", "ledgers"} {
		if err := os.Mkdir(filepath.Join(n.dir, sub), 0o700); err != nil {
			return err
		}
	}
	if err := n.startServer(); err != nil {
		return err
	}
	n.say("the server listens on %s", n.address)
	for i := range 3 {
		w, err := n.startWorker(i)
		if err != nil {
			return err
		}
		n.workers = append(n.workers, w)
	}
	n.say("three workers are there")
	var err error
	if n.conn, err = dial(ctx, settings{address: n.address, namespace: "default", queue: "fleetup", blobs: n.blobs(),
		keys: n.keys}); err != nil {
		return err
	}
	n.close = append(n.close, n.conn.Close)
	return nil
}

func (n *night) blobs() string { return "file://" + filepath.Join(n.dir, "blobs") }

// build finds the development server, or makes it.
func (n *night) build(ctx context.Context) error {
	if n.server != "" {
		return nil
	}
	n.server = filepath.Join(n.dir, "devserver")
	n.say("building the development server: some minutes the first time")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", "devserver", "-o", n.server, ".")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the development server cannot be built: run the demo from the folder engine/temporal of a "+
			"clone, or give --devserver: %w", err)
	}
	return nil
}

func (n *night) startServer() error {
	cmd := exec.Command(n.server, "--db", filepath.Join(n.dir, "temporal.db"), "--address", n.address)
	line, err := n.start(cmd, "server.log")
	if err != nil {
		return err
	}
	if _, rest, ok := strings.Cut(line, "listening on "); ok {
		n.address, _, _ = strings.Cut(rest, ",")
	}
	n.process = cmd
	return nil
}

func (n *night) startWorker(i int) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"worker", "--address", n.address, "--namespace", "default", "--blobs", n.blobs(), "--emulator",
		n.emulator}
	if n.keys != "" {
		args = append(args, "--encryption-keys", n.keys)
	}
	args = append(args, n.extra...)
	if q := n.queues[i]; q != "" {
		args = append(args, "--task-queue", q, "--activities-only")
	}
	if i == 0 {
		args = append(args, "--ledgers", filepath.Join(n.dir, "ledgers"))
	}
	cmd := exec.Command(self, args...)
	_, err = n.start(cmd, fmt.Sprintf("worker%d.log", i))
	return cmd, err
}

// start starts a process and returns its first line, which says that it is there.
func (n *night) start(cmd *exec.Cmd, log string) (string, error) {
	f, err := os.OpenFile(filepath.Join(n.dir, log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	cmd.Stderr = f
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	n.children = append(n.children, cmd)
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		said, _ := os.ReadFile(f.Name())
		return "", fmt.Errorf("%s did not begin; %s has\n%s", filepath.Base(cmd.Path), f.Name(),
			said[max(0, len(said)-2000):])
	}
	go io.Copy(io.Discard, lines)
	return line, nil
}

func (n *night) kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// over ends what was begun, the last first.
func (n *night) over() {
	for _, end := range slices.Backward(n.close) {
		end()
	}
	for _, cmd := range n.children {
		if cmd.ProcessState == nil {
			n.kill(cmd)
		}
	}
	if n.cloud != nil {
		n.cloud.Close()
	}
}

// until waits for so many accepted starts.
func (n *night) until(ctx context.Context, starts int, ended <-chan error) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			return errors.Join(errors.New("the run ended before anything was killed: that is not as scripted"), err)
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
			if n.cloud.Summary().Accepted >= starts {
				return nil
			}
		}
	}
}

// scripted is how the night ends.
var scripted = map[fleet.Status]int{fleet.Upgraded: 33, fleet.Failed: 2, fleet.Blocked: 3, fleet.Excluded: 1,
	fleet.Already: 1}

// conclude compares what the ledger says with what the cloud saw, and with the script.
func (n *night) conclude(ctx context.Context, result protocol.Result) error {
	ledger := filepath.Join(n.dir, "ledgers", "demo.db")
	run, ok, err := session.ReadLatest(ledger)
	if err != nil || !ok {
		return errors.Join(errors.New("the ledger cannot be read"), err)
	}
	truth := n.cloud.Summary()
	again := truth.SentAgain + truth.DoubleAccepted
	n.say("ended with exit code %d: %d facts in %d segments, %d sent twice", result.ExitCode, result.Facts,
		result.Segments, again)
	v := report.FromState(run.State, report.ViewOptions{Now: session.Now(), Timeline: run.Told})
	if err := report.Status(os.Stdout, v, report.Options{State: ledger}); err != nil {
		return err
	}
	for status, want := range scripted {
		if got := run.State.Totals.Of(status); got != want {
			return fmt.Errorf("%d vaults are %s, and not %d: that is not as scripted", got, status, want)
		}
	}
	if again > 0 || run.Evidence.Events != result.Facts {
		return fmt.Errorf("%d starts were sent twice, and the ledger has %d of %d facts: that is not as scripted",
			again, run.Evidence.Events, result.Facts)
	}
	made := filepath.Join(n.dir, "exported.db")
	seq, head, err := n.conn.export(ctx, "demo", made)
	if err != nil {
		return err
	}
	if seq != run.Evidence.Events || head != run.Evidence.JournalHead {
		return fmt.Errorf("the histories alone make a ledger of %d events with head %s, and the one that was written "+
			"along has %d and %s: that is not as scripted", seq, head, run.Evidence.Events, run.Evidence.JournalHead)
	}
	n.say("%s, made again from the server's histories alone, is the same ledger: head %s", made, head)
	return nil
}

func (n *night) say(format string, args ...any) {
	fmt.Printf("%5.1fs  %s\n", time.Since(n.began).Seconds(), fmt.Sprintf(format, args...))
}
