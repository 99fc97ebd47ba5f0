package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// What no command would have said never reaches the run, and what is refused tells
// what to do.
func TestObeyHearsWholeOrdersAlone(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`null`, `{"do":"pause","state":"x.db"}`,
		`{"do":"note","do":"stop","state":"x.db","reason":"r"}`} {
		l := &controlListener{asks: make(chan runner.Ask), over: make(chan struct{})}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, err := l.obey(ctx, control.Peer{User: "ops"}, json.RawMessage(raw)) // nobody takes an order here
		cancel()
		refusal, ok := errors.AsType[*control.Refusal](err)
		if !ok || refusal.ExitCode != fleet.ExitUsage || refusal.Next == "" {
			t.Errorf("%s: %v", raw, err)
		}
	}
	l := &controlListener{asks: make(chan runner.Ask), over: make(chan struct{})}
	heard := make(chan runner.Ask, 1)
	go func() { ask := <-l.asks; heard <- ask; ask.Done(rollout.Said{}, errOver) }()
	_, err := l.obey(context.Background(), control.Peer{User: "ops"},
		json.RawMessage(`{"do":"pause","state":"x.db","reason":" r "}`))
	if ask := <-heard; err == nil || ask.Order.Reason != "r" || ask.By.User != "ops" {
		t.Errorf("heard %+v, answered with %v", ask, err)
	}
}
