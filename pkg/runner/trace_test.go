package runner_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// trace is what happened in a night, in the order it happened: what the ledger
// was given and what went over the wire.
type trace struct {
	mu      sync.Mutex
	commits []commit
	calls   []*call
	steps   int // numbers commits and calls together

	answering sync.Mutex // held while a test answers, so that it need not lock
}

// commit is one transaction.
type commit struct {
	step    int // when it had returned
	at      time.Time
	process int
	events  []fleet.Event
	err     error
}

// call is one HTTP request.
type call struct {
	step, doneStep int // when it left, and when it was answered
	at, done       time.Time
	process        int
	run            string
	kind           string // list, prereqs, upgrade, result, target, assign or arm
	subscription   string
	vault          string // subscription/name; empty for list and arm
	id             string // x-ms-client-request-id
	status         int    // 0: no answer
	retryAfter     time.Duration
}

func (c *call) String() string {
	return fmt.Sprintf("%s %s%s in process %d (HTTP %d)", c.kind, c.subscription,
		strings.TrimPrefix(c.vault, c.subscription), c.process, c.status)
}

func (tr *trace) step() int { tr.steps++; return tr.steps }

// wire records what a process sends. answer, where set, may answer instead of
// the cloud. What a process sent that died at that moment is held for a while by
// something between, which knows nothing of its death.
type wire struct {
	http.RoundTripper
	tr      *trace
	process int
	run     string
	answer  func(req *http.Request, c *call) (*http.Response, error)
	doom    *doom
	hold    time.Duration
	held    *sync.WaitGroup // what is still on its way
}

func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.doom.hit() {
		return nil, errDead // it is not there to send anything
	}
	c := classify(req)
	w.tr.mu.Lock()
	c.process, c.run, c.at, c.step = w.process, w.run, time.Now(), w.tr.step()
	w.tr.calls = append(w.tr.calls, c)
	w.tr.mu.Unlock()
	var resp *http.Response
	err := errDead
	if c.kind == "upgrade" && w.doom.hit(failpoint.SendWritten) {
		w.deliverLate(req, c)
	} else {
		resp, err = w.deliver(req, c)
	}
	w.tr.mu.Lock()
	defer w.tr.mu.Unlock()
	c.done, c.doneStep = time.Now(), w.tr.step()
	if err == nil {
		c.status = resp.StatusCode
		s, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		c.retryAfter = time.Duration(s) * time.Second
	}
	return resp, err
}

func (w wire) deliver(req *http.Request, c *call) (resp *http.Response, err error) {
	if w.answer != nil {
		w.tr.answering.Lock()
		resp, err = w.answer(req, c)
		w.tr.answering.Unlock()
	}
	if resp == nil && err == nil {
		resp, err = w.RoundTripper.RoundTrip(req)
	}
	return resp, err
}

// deliverLate brings a dead process's request to the cloud, after all; nobody
// hears the answer.
func (w wire) deliverLate(req *http.Request, c *call) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), time.Hour)
	own := req.Clone(ctx)
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			cancel()
			return
		}
		own.Body = io.NopCloser(bytes.NewReader(body))
	}
	w.held.Go(func() {
		defer cancel()
		time.Sleep(w.hold)
		if resp, err := w.deliver(own, c); err == nil {
			_ = resp.Body.Close()
		}
	})
}

// classify reads a request's purpose from its path (classic-service.md#the-listing,
// #the-three-calls and #the-resource-manager-side).
func classify(req *http.Request) *call {
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	c := &call{kind: "arm", id: req.Header.Get("x-ms-client-request-id"), subscription: parts[0]}
	last := parts[len(parts)-1]
	switch {
	case parts[0] == "subscriptions" && len(parts) == 8 && parts[6] == "vaults":
		c.kind, c.subscription = "target", parts[1]
		if req.Method == http.MethodPatch {
			c.kind = "upgrade"
		}
		c.vault = c.subscription + "/" + last
	case parts[0] == "subscriptions" && len(parts) == 12 && parts[10] == "roleAssignments":
		c.kind, c.subscription, c.vault = "assign", parts[1], parts[1]+"/"+parts[7]
	case parts[0] == "subscriptions":
		c.subscription = parts[1]
	case last == "cloudservices":
		c.kind = "list"
	default:
		c.kind = map[string]string{"upgrade": "upgrade", "checkPrereqsForUpgrade": "prereqs",
			"upgradeOperationResult": "result"}[last]
		c.vault = c.subscription + "/" + parts[len(parts)-2]
	}
	return c
}

// written records what a process commits.
type written struct {
	runner.Store
	tr      *trace
	process int
}

func (w written) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	err := w.Store.Commit(events, vaults)
	w.tr.mu.Lock()
	defer w.tr.mu.Unlock()
	w.tr.commits = append(w.tr.commits, commit{step: w.tr.step(), at: time.Now(), process: w.process, events: events,
		err: err})
	return err
}

// of returns the calls of a kind about a vault or a subscription, in order.
func (tr *trace) of(kind, about string) (cs []*call) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, c := range tr.calls {
		if c.kind == kind && (c.vault == about || c.vault == "" && c.subscription == about) {
			cs = append(cs, c)
		}
	}
	return cs
}

// starts returns every start that was sent.
func (tr *trace) starts() (cs []*call) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, c := range tr.calls {
		if c.kind == "upgrade" {
			cs = append(cs, c)
		}
	}
	return cs
}

// name is a vault as the trace calls it.
func name(v *plan.Vault) string { return v.SubscriptionID + "/" + v.Name }
