package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/notify"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

func (e *environment) notifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "notify",
		Usage: "try who is told of a run",
		Subcommands: []*cli.Command{{
			Name:  "test",
			Usage: "send everybody who would be told of a run one test message",
			Description: "Each target gets one message, in one attempt. That it was delivered means that the other " +
				"side took it:\n" +
				"look whether it is shown, too.",
			Flags:  append(outputFlags("table", "json"), notifyFlags()...),
			Action: e.notifyTest,
		}},
	}
}

// triedDocument is how one target answered.
type triedDocument struct {
	Format    notify.Format `json:"format"`
	Host      string        `json:"host"`
	Delivered bool          `json:"delivered"`
	Why       *string       `json:"why"` // it was not
	Took      float64       `json:"tookSeconds"`
}

func (e *environment) notifyTest(c *cli.Context) error {
	if err := e.readTargets(c); err != nil {
		return err
	}
	if len(e.targets) == 0 {
		return failure.Usage("--notify-file FILE, with FORMAT=URL a line; docs/notifications.md",
			"nobody to tell: neither --notify-file nor --notify nor %s names a target", targetsVariable)
	}
	tried := notify.Try(c.Context, notify.Options{Targets: e.targets, Secret: []byte(os.Getenv(secretVariable)),
		UserAgent: "fleetup/" + versionString()}, session.Actor(fleet.Credentials{}).User, session.Now())
	docs, lost := make([]triedDocument, 0, len(tried)), 0
	var hook, mailbox bool // one was refused
	g := layout.Grid{Head: []string{"RESULT", "TARGET", "TOOK", "WHY"}}
	for i := range tried {
		t := &tried[i]
		docs = append(docs, triedDocument{t.Target.Format, t.Target.Host(), t.Why == "", report.StringOrNull(t.Why),
			t.Took.Seconds()})
		result, why := "delivered", "-"
		if t.Why != "" {
			result, why = "NOT DELIVERED", t.Why
			lost++
			hook = hook || t.Refused && t.Target.Format != notify.Mail
			mailbox = mailbox || t.Refused && t.Target.Format == notify.Mail
		}
		g.Rows = append(g.Rows, []string{result, t.Target.String(), t.Took.Round(10 * time.Millisecond).String(), why})
	}
	var err error
	if flagOutput.of(c) == "json" {
		err = writeJSON(e.stdout, map[string]any{"schemaVersion": 1, "targets": docs})
	} else {
		p := &layout.Page{}
		p.Table(g)
		err = p.WriteTerminal(e.stdout, e.columns)
	}
	if err != nil || lost == 0 {
		return err
	}
	next := "look at the address, the proxy and the network between, then try again"
	const again = "make a new webhook where the old one was refused, and put its URL in place of the old one"
	const signIn = "correct the sign-in, the addresses or the port of the mailbox that was refused"
	switch {
	case hook && mailbox:
		next = failure.Lines(again, signIn)
	case hook:
		next = again
	case mailbox:
		next = signIn
	}
	return failure.New(fleet.ExitInternal, errors.New(words.Count(lost, "target")+
		fmt.Sprintf(" of %d %s not told", len(tried), map[bool]string{true: "was", false: "were"}[lost == 1])), next)
}
