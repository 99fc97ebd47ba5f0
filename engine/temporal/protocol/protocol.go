// Package protocol answers "what crosses between the client, the workflow and the
// workers": the names by which the server knows them, and what each is given and
// answers. All of it is JSON and may be read by a later build: fields are added and
// never renamed.
//
// No secret is in any of it. What signs the address of an operation stays with the
// worker that was given it (fleet.Operation.Seal).
package protocol

import (
	"encoding/json"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// The names by which the server knows what there is.
const (
	Rollout = "fleetup.rollout" // the workflow of one run

	Check  = "fleetup.check"  // checks vaults of one subscription
	Call   = "fleetup.call"   // carries another action out that only reads, or may be done twice
	Send   = "fleetup.send"   // sends a start, once
	Watch  = "fleetup.watch"  // reads a subscription until something is seen
	Open   = "fleetup.open"   // begins a run in the ledger's file
	Record = "fleetup.record" // writes facts to the ledger's file

	Order    = "order"    // the update by which people speak to a run
	Standing = "standing" // the query for how a run stands
)

// LedgerQueue is the task queue of the worker that keeps the ledgers' files.
func LedgerQueue(queue string) string { return queue + "-ledger" }

// PlanRef names a plan in the store that all workers share.
type PlanRef struct {
	Fingerprint string `json:"fingerprint"`
	Key         string `json:"key"` // in the store of blobs
}

// Input begins a run, or goes on with one where Carried is set.
type Input struct {
	Ledger  string          `json:"ledger"` // its name, which is the workflow's ID
	Opened  fleet.RunOpened `json:"opened"` // but for what earlier runs on the ledger left
	Ref     PlanRef         `json:"ref"`
	Plan    json.RawMessage `json:"plan"`  // as plan.Encode writes it
	Scope   fleet.Scope     `json:"scope"` // how much one reading of the plan's kind takes in
	Options Options         `json:"options"`
	Carried *Carried        `json:"carried,omitempty"`
	// Resume goes on with the run that the ledger has: Opened, Ref, Plan and Scope come
	// from there.
	Resume *Resume `json:"resume,omitempty"`
	// Previous is the last segment of the workflow before this one on the ledger, empty
	// for none that the server knows: the ledger's file must know all that it decided.
	Previous string `json:"previous,omitempty"`
}

// Resume is how a run is gone on with.
type Resume struct {
	By             fleet.Actor `json:"by"`
	Version        string      `json:"version"`
	AcceptFailures bool        `json:"acceptFailures,omitempty"` // of a halted run
	Reason         string      `json:"reason,omitempty"`         // why they are
	Engine         string      `json:"engine,omitempty"`         // what goes on with it: fleet.EngineTemporal
}

// Options are how a run is carried out.
type Options struct {
	// MaxEvents is how many events a segment's history may have before the next
	// segment takes over; 0: 10,000. A server that finds it too large suggests so before.
	MaxEvents int `json:"maxEvents,omitempty"`
	// Heartbeat is after how long without a sign of life a worker counts as gone.
	Heartbeat time.Duration `json:"heartbeatNs,omitempty"`
	// Queues are task queues of tenants' own, by the tenant's ID or a subscription's: what
	// is done in their subscriptions is done by workers of these.
	Queues map[string]string `json:"queues,omitempty"`
	// SearchAttributes has the run say how it stands in attributes that the server's list
	// can be searched by; the namespace must have them.
	SearchAttributes bool `json:"searchAttributes,omitempty"`
}

// The search attributes of a run.
const (
	AttributePhase   = "FleetupPhase"   // Keyword: running, paused, waiting, halted …
	AttributeWave    = "FleetupWave"    // Keyword: the wave that is open
	AttributeRun     = "FleetupRun"     // Keyword: the run's ID
	AttributeFailed  = "FleetupFailed"  // Int: vaults that failed, or of which is not known what became of them
	AttributeTenants = "FleetupTenants" // KeywordList
)

// Carried is what a segment leaves to the next: all that the brain knows, and what it
// asked for and nobody has begun.
type Carried struct {
	Segment  int               `json:"segment"`
	Facts    uint64            `json:"facts"` // of the run so far
	Snapshot []byte            `json:"snapshot"`
	Wake     time.Time         `json:"wake,omitzero"`
	Actions  []json.RawMessage `json:"actions,omitempty"`
	Watched  []json.RawMessage `json:"watched,omitempty"`
	// Unwritten are facts that are on their way to the ledger's file.
	Unwritten []Facts        `json:"unwritten,omitempty"`
	Moment    rollout.Moment `json:"moment"`
}

// Result is how a run ended.
type Result struct {
	ExitCode fleet.ExitCode `json:"exitCode"`
	Facts    uint64         `json:"facts"`
	Segments int            `json:"segments"`
}

// Action is what an activity is to carry out.
type Action struct {
	Ref     PlanRef         `json:"ref"`
	Action  json.RawMessage `json:"action"`
	Decided rollout.Moment  `json:"decided"` // when the brain decided it
	// Quiet is until when the vault's subscription asked to be left alone, whichever worker
	// was told so.
	Quiet time.Time `json:"quiet,omitzero"`
	Vault fleet.Key `json:"vault,omitempty"` // of a start
}

// Checks are checks of vaults of one subscription that are decided in one step.
type Checks struct {
	Ref          PlanRef           `json:"ref"`
	Subscription string            `json:"subscription"`
	Actions      []json.RawMessage `json:"actions"` // rollout.Validate, of each vault
	Decided      rollout.Moment    `json:"decided"` // when the brain decided them
	Quiet        time.Time         `json:"quiet,omitzero"`
}

// Watched is what is to be read of a subscription.
type Watched struct {
	Ref          PlanRef           `json:"ref"`
	Subscription string            `json:"subscription"`
	Actions      []json.RawMessage `json:"actions"` // rollout.Watch, of each vault
	Told         string            `json:"told"`    // what was told last, as Told.Told said it
	Quiet        time.Time         `json:"quiet,omitzero"`
}

// Told is what came of an activity, in the order in which it was seen.
type Told struct {
	Observations []json.RawMessage `json:"observations,omitempty"`
	Told         string            `json:"told,omitempty"`
}

// Opening begins a run in the ledger's file, or goes on with the one that is there.
type Opening struct {
	Ledger   string          `json:"ledger"`
	At       time.Time       `json:"at"`
	Opened   fleet.RunOpened `json:"opened"`
	Ref      PlanRef         `json:"ref"`
	Resume   *Resume         `json:"resume,omitempty"`
	Previous string          `json:"previous,omitempty"`
}

// Begun is what a workflow begins with.
type Begun struct {
	RunID  string          `json:"runId"`
	Base   string          `json:"base"`             // the blob of the ledger as it was before
	Facts  uint64          `json:"facts"`            // of the run, in the file
	Opened json.RawMessage `json:"opened,omitempty"` // the fact that opens a new run, empty where one is gone on with

	// Of a run that is gone on with.
	Ref      PlanRef         `json:"ref,omitzero"`
	Plan     json.RawMessage `json:"plan,omitempty"`
	Scope    fleet.Scope     `json:"scope,omitempty"`
	Snapshot []byte          `json:"snapshot,omitempty"` // of a brain that has heard all facts
}

// Facts are facts of a run for the ledger's file.
type Facts struct {
	Ledger string            `json:"ledger"`
	RunID  string            `json:"runId"`
	Ref    PlanRef           `json:"ref"`
	First  uint64            `json:"first"` // the number of the first of them in the run, from 1
	Events []json.RawMessage `json:"events"`
}

// Ask is what a person says to a run.
type Ask struct {
	Order rollout.Order `json:"order"`
	By    fleet.Actor   `json:"by"`
}

// Stands is how a run stands, in short.
type Stands struct {
	RunID    string         `json:"runId"`
	Segment  int            `json:"segment"`
	Facts    uint64         `json:"facts"`
	Statuses map[string]int `json:"statuses"` // vaults by their status
	Calls    int            `json:"calls"`    // activities that are out
	Closed   bool           `json:"closed"`
}

// ScopeOf is how much one reading of a plan's kind takes in: classic vaults are listed,
// today's are read one by one.
func ScopeOf(p *plan.Plan) fleet.Scope {
	if p.Kind == fleet.KindClassic {
		return fleet.ScopeSubscription
	}
	return fleet.ScopeVault
}
