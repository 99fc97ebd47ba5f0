package main

import (
	"context"
	"log/slog"

	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// logPace returns a function that writes a line at level debug when a cloud is
// asked more slowly than planned, or as planned again; nil where nobody would
// read it. It is for runner.Limiter.
func logPace(l *slog.Logger) func(runner.PaceChange) {
	if !l.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return func(c runner.PaceChange) {
		l.LogAttrs(context.Background(), slog.LevelDebug, "pace", slog.String("subscription", c.Subscription), slog.String("lane", string(c.Class)),
			slog.Float64("requestsPerSecond", c.PerSecond), slog.Float64("planned", c.Planned))
	}
}
