package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
)

// prod is a subscription of the demonstration that has workers of its own.
const prod = "53a3c692-5283-4f0a-baf6-49412f5ebefe"

// A night with everything that can be switched on: payloads and blobs are sealed, a
// subscription has a task queue of its own, the workers are a deployment to whose build the
// run stays pinned, and the server's list says how the run stands.
func TestEverySwitch(t *testing.T) {
	t.Parallel()
	n := stage(t)
	ctx := t.Context()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	n.keys = filepath.Join(n.dir, "keys")
	if err := os.WriteFile(n.keys, []byte(base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	n.queues = map[int]string{2: "prod"}
	n.extra = []string{"--deployment", "fleetup", "--build-id", "one", "--activities-per-second", "200"}
	if err := n.set(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.conn.addAttributes(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.conn.addAttributes(ctx); err != nil {
		t.Errorf("the search attributes cannot be made twice: %v", err)
	}
	deployment := n.conn.client.WorkerDeploymentClient().GetHandle("fleetup")
	eventually(t, "the deployment takes its build", func() bool {
		_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: "one"})
		return err == nil
	})
	n.shares(t, 0, 2) // and the third has a queue of its own
	n.shares(t, 1, 2)
	run, err := n.conn.begin(ctx, "demo", n.plan, false,
		protocol.Options{Heartbeat: 3 * time.Second, SearchAttributes: true, Queues: map[string]string{prod: "prod"}})
	if err != nil {
		t.Fatal(err)
	}
	var result protocol.Result
	if err := run.Get(ctx, &result); err != nil {
		t.Fatal(err)
	}
	if err := n.conclude(ctx, result); err != nil {
		t.Error(err)
	}
	d, err := n.conn.client.DescribeWorkflow(ctx, "demo", "")
	if err != nil {
		t.Fatal(err)
	}
	if v :=
		d.RawResponse.GetWorkflowExecutionInfo().GetVersioningInfo(); v.GetBehavior() != enumspb.VERSIONING_BEHAVIOR_PINNED || v.GetDeploymentVersion().GetBuildId() != "one" {
		t.Errorf("the run is pinned to %v", v)
	}
	eventually(t, "the list says that it has finished", func() bool {
		found, err := n.conn.client.ListWorkflow(ctx,
			&workflowservice.ListWorkflowExecutionsRequest{
				Query: `FleetupPhase = "finished" AND FleetupFailed = 2 AND FleetupWave = "rest"`})
		return err == nil && len(found.GetExecutions()) == 1
	})
	// What is done in the subscription is done by the workers of its queue, and no other is.
	queues := map[string]int{}
	events := n.conn.client.GetWorkflowHistory(ctx, "demo", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			queues[a.GetTaskQueue().GetName()]++
		}
	}
	if queues["prod"] < 14 || queues["fleetup"] < 26 || queues["fleetup-ledger"] == 0 || len(queues) != 3 {
		t.Errorf("the activities of the task queues: %v", queues)
	}
	// Nothing that the server or the store keeps names a vault.
	names := [][]byte{[]byte("store-north"), []byte("site-recovery-01"), []byte("UpgradeInternalError")}
	unreadable := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, name := range names {
			if bytes.Contains(data, name) {
				t.Errorf("%s has %s", path, name)
			}
		}
		return err
	}
	if err := filepath.WalkDir(filepath.Join(n.dir, "blobs"), unreadable); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(n.dir, "temporal.db-wal")); err != nil {
		t.Errorf("the server does not write ahead, which it waits longer without: %v", err)
	}
	n.kill(n.process)
	for _, file := range []string{"temporal.db", "temporal.db-wal", "temporal.db-journal"} {
		if info, err := os.Stat(filepath.Join(n.dir, file)); err == nil {
			if err := unreadable(filepath.Join(n.dir, file), fs.FileInfoToDirEntry(info), nil); err != nil {
				t.Error(err)
			}
		}
	}
}

// eventually waits for what the server does by and by.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after a minute: %s", what)
		}
	}
}

// The command line that a run needs: as fleetup run without a terminal.
func TestConsent(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	for name, c := range map[string]struct{ inventory, args, want string }{
		"nothing said": {"cloud: Emulator\n", "", "then give --yes"},
		"no plan":      {"cloud: AzurePublic\n", "--yes", "needs a saved plan"},
		"another kind": {"cloud: Emulator\n", "--yes --confirm-irreversible rsv-immutability-lock",
			"names \"rsv-immutability-lock\""},
		"a hold ended": {"cloud: Emulator\n", "--yes expired", "--accept-expired-holds"},
	} {
		vault := "{name: a}"
		if strings.Contains(c.args, "expired") {
			vault = "{name: a, hold: {reason: later, until: 2020-01-01}}"
		}
		text := "apiVersion: fleetup/v1\n" + c.inventory +
			"defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: " +
			"rg}\nsubscriptions: [{id: " + prod + ", name: dev, vaults: [" + vault + "]}]\nwaves: [{name: all}]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := runWith(t, append([]string{"run", "--ledger", "x", "--blobs", "file:///nowhere"},
			append(strings.Fields(strings.ReplaceAll(c.args, "expired", "")), file)...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := runWith(t, "resume", "--ledger", "x", "--blobs", "file:///nowhere", "--yes",
		"--accept-failures"); err == nil || !strings.Contains(err.Error(), "--reason") {
		t.Errorf("failures were accepted without a reason: %v", err)
	}
	if err := runWith(t, "worker", "--blobs", "file:///nowhere", "--build-id", "x"); err == nil ||
		!strings.Contains(err.Error(), "of a --deployment") {
		t.Errorf("a build without a deployment: %v", err)
	}
}

// runWith is a command line in this process.
func runWith(t *testing.T, args ...string) error {
	t.Helper()
	app := application()
	app.ExitErrHandler = func(*cli.Context, error) {}
	return app.RunContext(t.Context(), append([]string{"fleetup-temporal"}, args...))
}

func TestQueuesOf(t *testing.T) {
	t.Parallel()
	set := flag.NewFlagSet("", flag.ContinueOnError)
	for _, f := range runFlags() {
		if err := f.Apply(set); err != nil {
			t.Fatal(err)
		}
	}
	if err := set.Parse([]string{"--queue-of", "ABC=one", "--queue-of", "def=two"}); err != nil {
		t.Fatal(err)
	}
	o, err := optionsOf(cli.NewContext(nil, set, nil))
	if err != nil || o.Queues["abc"] != "one" || o.Queues["def"] != "two" {
		t.Errorf("%+v, %v", o, err)
	}
}

// The examples of deployments name flags that a worker has.
func TestDeployments(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range workerCommand().Flags {
		for _, name := range f.Names() {
			known["--"+name] = true
		}
	}
	files, err := filepath.Glob("../../deploy/*")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := flagWord.FindAllString(string(data), -1)
		if len(found) < 4 {
			t.Errorf("%s names the flags %v", file, found)
		}
		for _, name := range found {
			if !known[name] && name != "--now" {
				t.Errorf("%s: a worker has no flag %s", file, name)
			}
		}
	}
}

// systemd has nothing to say against the unit.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd here")
	}
	unit, err := os.ReadFile("../../deploy/fleetup-worker@.service")
	if err != nil {
		t.Fatal(err)
	}
	// It looks whether the program is there, and whether the user is.
	text := strings.NewReplacer("/usr/local/bin/fleetup-temporal", "/bin/true", "User=fleetup", "User=root").
		Replace(string(unit))
	file := filepath.Join(t.TempDir(), "fleetup-worker@contoso.service")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), filepath.Dir(file)) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

var flagWord = regexp.MustCompile(`--[a-z][a-z-]+`)
