package main

import (
	"context"
	"log/slog"
	"reflect"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// factFields are the fields of facts that a log line shows, where a fact has
// them: identifiers, codes and verdicts, never a text that a person or the cloud
// wrote.
var factFields = []struct{ field, key string }{
	{"RunID", "run"}, {"OperationID", "operationId"}, {"Attempt", "attempt"}, {"Verdict", "verdict"}, {"Wave", "wave"},
	{"When", "gate"}, {"Deadline", "deadline"}, {"Reading", "reading"}, {"Scope", "scope"}, {"Failures", "failures"},
	{"Budget", "budget"}, {"Why", "why"}, {"Code", "exit"}, {"Subscription", "subscription"}, {"Until", "until"},
	{"Foreign", "foreign"}, {"Vanished", "vanished"}, {"RequestIDs", "requestIds"},
}

// logFacts returns a function that writes one line for each fact that is on
// disk; nil where nobody would read them. It is for state.Ledger.
func logFacts(l *slog.Logger) func([]fleet.Event) {
	if !l.Enabled(context.Background(), slog.LevelWarn) {
		return nil
	}
	return func(events []fleet.Event) {
		for _, e := range events {
			if level := factLevel(e.Fact); l.Enabled(context.Background(), level) {
				l.LogAttrs(context.Background(), level, "fact", factAttrs(e)...)
			}
		}
	}
}

// factLevel makes warnings of what somebody may have to look at.
func factLevel(f fleet.Fact) slog.Level {
	switch f := f.(type) {
	case fleet.RunHalted, fleet.RunSuspended, fleet.DeadlinePassed:
		return slog.LevelWarn
	case fleet.StartAnswered:
		switch f.Answer.Verdict {
		case fleet.StartUnknown, fleet.StartDenied, fleet.StartFailed:
			return slog.LevelWarn
		}
	}
	return slog.LevelInfo
}

// factAttrs reads a fact's fields by their names, so that a fact of a later
// version is logged like the others.
func factAttrs(e fleet.Event) []slog.Attr {
	as := []slog.Attr{slog.String("fact", e.Fact.Name()), slog.Time("at", e.At.UTC())}
	if v, ok := e.Fact.(fleet.VaultFact); ok {
		as = append(as, slog.String("vault", string(v.VaultKey())))
	}
	fact := reflect.Indirect(reflect.ValueOf(e.Fact))
	for _, f := range factFields {
		if v := fact.FieldByName(f.field); v.IsValid() && !v.IsZero() {
			as = append(as, slog.Any(f.key, v.Interface()))
		}
	}
	if v := fact.FieldByName("By"); v.IsValid() {
		if by, ok := v.Interface().(fleet.Actor); ok {
			as = append(as, slog.String("by", by.User+"@"+by.Host))
		}
	}
	switch f := e.Fact.(type) {
	case fleet.StartAnswered:
		a := f.Answer
		as = append(as, slog.String("verdict", string(a.Verdict)), slog.Int("status", a.HTTPStatus),
			slog.String("code", a.Code),
			slog.String("requestId", a.RequestID))
	case fleet.Inspected:
		as = append(as, slog.String("reading", f.Reading.Dated()))
	case fleet.DeadlinePassed:
		if f.Reading != nil {
			as = append(as, slog.String("reading", f.Reading.Dated()))
		}
	case fleet.Observed:
		if f.Record != nil {
			as = append(as, slog.String("state", string(f.Record.State)))
		}
	}
	return as
}

// logPace returns a function that writes a line at level debug when a cloud is
// asked more slowly than planned, or as planned again; nil where nobody would
// read it. It is for runner.Limiter.
func logPace(l *slog.Logger) func(runner.PaceChange) {
	if !l.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return func(c runner.PaceChange) {
		l.LogAttrs(context.Background(), slog.LevelDebug, "pace", slog.String("subscription", c.Subscription),
			slog.String("lane", string(c.Class)),
			slog.Float64("requestsPerSecond", c.PerSecond), slog.Float64("planned", c.Planned))
	}
}
