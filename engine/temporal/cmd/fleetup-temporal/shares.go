package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// shareEvery is how often a worker looks how many there are, and the longest that the
// requests of all are more than planned after one has come.
const shareEvery = 5 * time.Second

// shares keeps what a worker asks of a cloud at its part of each plan's rate. It is safe
// for concurrent use.
type shares struct {
	mu       sync.Mutex
	sharers  int
	limiters []limited
}

// limited is the limiter of one plan.
type limited struct {
	limiter *runner.Limiter
	planned float64
}

func newShares(sharers int) *shares { return &shares{sharers: sharers} }

// limiter returns one that gives a worker its part of a plan's rate.
func (s *shares) limiter(planned float64) *runner.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := runner.NewLimiter(planned / float64(s.sharers))
	s.limiters = append(s.limiters, limited{l, planned})
	return l
}

// among divides every rate anew.
func (s *shares) among(sharers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sharers == s.sharers {
		return
	}
	slog.Info("the request rate is shared", "workers", sharers)
	s.sharers = sharers
	for _, l := range s.limiters {
		l.limiter.Plan(l.planned / float64(sharers))
	}
}

// pollers is how many workers the server has seen at a task queue's actions in the last
// minutes (Temporal, DescribeTaskQueue), the one of that identity among them. One that died
// counts until it is forgotten: meanwhile the others ask for less than they may.
func pollers(ctx context.Context, cl client.Client, queue, self string) (int, error) {
	found, err := cl.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return 0, err
	}
	all := map[string]bool{self: true}
	for _, p := range found.GetPollers() {
		all[p.GetIdentity()] = true
	}
	return len(all), nil
}

// follow divides the rates by as many workers as there are, until the context is done.
// Where the server does not tell, they stay as they are.
func (s *shares) follow(ctx context.Context, cl client.Client, queue, self string) {
	tick := time.NewTicker(shareEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if n, err := pollers(ctx, cl, queue, self); err == nil {
				s.among(n)
			}
		case <-ctx.Done():
			return
		}
	}
}
