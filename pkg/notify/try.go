package notify

import (
	"context"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report"
)

// Tried is how one attempt to reach a target ended.
type Tried struct {
	Target  Target
	Why     string // it was not delivered; "": it was
	Refused bool   // the target answered, and another attempt would end the same
	Took    time.Duration
}

// Try sends each target one notification of no run, all at once, each in one attempt
// of at most 10 seconds, and returns how they ended, in the order of the targets.
func Try(ctx context.Context, o Options, by string, at time.Time) []Tried {
	client, own := clientOf(o.Transport)
	if own != nil {
		defer own.CloseIdleConnections()
	}
	e := Event{ID: "test/" + at.UTC().Format(time.RFC3339Nano), Kind: Trial, At: at.UTC(), Subject: "test",
		Data: Data{SchemaVersion: 1, RunID: "test", Title: "Test", Waves: []Wave{}, Reports: []string{},
			Sentence: "This is a test: notifications of fleetup arrive here. No run is concerned.",
			By:       report.StringOrNull(by)}}
	all := make([]Tried, len(o.Targets))
	var wait sync.WaitGroup
	for i, t := range o.Targets {
		wait.Go(func() {
			l := &targetWorker{target: t, client: client, o: o}
			l.ctx, l.cancel = context.WithCancel(ctx)
			defer l.cancel()
			began := time.Now()
			send, err := l.prepared(e)
			if err != nil {
				all[i] = Tried{Target: t, Why: err.Error(), Refused: true}
				return
			}
			a := send()
			all[i] = Tried{t, a.why, a.final, time.Since(began)}
		})
	}
	wait.Wait()
	return all
}
