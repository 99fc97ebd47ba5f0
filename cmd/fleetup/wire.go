package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

var (
	_ runner.Store = (*state.Ledger)(nil)
	_ runner.Store = (*state.Memory)(nil)
	_ azure.Pacer  = (*runner.Limiter)(nil)
)

// cloud is a connection to the cloud of a plan.
type cloud struct {
	upgrader
	limiter *runner.Limiter
	signIn  func(context.Context) error
	close   func()
}

// connect makes the connection. With cloud Emulator the emulator is started in
// this process; stateFile is where it remembers ("" for nowhere) and base the
// folder that the scenario's path is relative to. It makes no call.
func connect(c *cli.Context, p *plan.Plan, base, stateFile string) (*cloud, error) {
	credentials, err := credentials(c, p.Credentials)
	if err != nil {
		return nil, err
	}
	endpoints, closers := p.Cloud, []func(){}
	if p.Cloud.Name == fleet.Emulator {
		url, stop, err := emulated(p, base, stateFile)
		if err != nil {
			return nil, err
		}
		closers = append(closers, stop)
		endpoints.ServiceManagement, endpoints.ResourceManager = url, url
	}
	conn := &cloud{limiter: newLimiter(c, p), close: func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}}
	k, err := kindOf(p.Kind)
	if err == nil {
		var sides []*azure.APIClients
		conn.upgrader, sides, err = k.connect(c, p, azure.Options{Cloud: endpoints, Credentials: credentials,
			Version: versionString(), Log: azure.LogRequests(logOf(c)), Pacer: conn.limiter})
		conn.signIn = func(ctx context.Context) error {
			for _, side := range sides {
				if err := signIn(ctx, side, p.Subscriptions); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err != nil {
		conn.close()
		return nil, err
	}
	closers = append(closers, conn.Close)
	return conn, nil
}

// newLimiter returns the limiter of a plan, whose changes are logged.
func newLimiter(c *cli.Context, p *plan.Plan) *runner.Limiter {
	l := runner.NewLimiter(p.Limits.RequestsPerSecond)
	l.Changed = logPace(logOf(c))
	return l
}

// cloudIdentity is what a ledger is bound to: the cloud, or the endpoints of
// one's own.
func cloudIdentity(c fleet.Cloud) string {
	if c.Name == fleet.CustomCloud {
		return strings.TrimSpace(c.ServiceManagement + " " + c.ResourceManager)
	}
	return string(c.Name)
}

// emulatorPath is where the emulator of a ledger remembers.
func emulatorPath(ledger string) string { return ledger + ".emulator" }
