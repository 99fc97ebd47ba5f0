package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/classic"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Adapters satisfy the runner's ports structurally; here the compiler is asked.
var (
	_ runner.Upgrader = (*classic.Upgrader)(nil)
	_ runner.Store    = (*state.Ledger)(nil)
	_ runner.Store    = (*state.Memory)(nil)
	_ classic.Limiter = (*runner.Limiter)(nil)
	_ preflighter     = (*classic.Upgrader)(nil)
)

// roles are what the upgrade kinds need of the Resource Manager.
var roles = map[fleet.Kind]func() fleet.Role{fleet.KindClassic: classic.Role}

// cloud is a connection to the cloud of a plan.
type cloud struct {
	runner.Upgrader
	limiter *runner.Limiter
	signIn  func(context.Context) error
	close   func()
}

// connect makes the connection. With cloud Emulator the emulator is started in
// this process; truth is where it remembers ("" for nowhere) and base the
// folder that the scenario's path is relative to. It makes no call.
func connect(c *cli.Context, p *plan.Plan, base, truth string) (*cloud, error) {
	credentials, err := credentials(c, p.Credentials)
	if err != nil {
		return nil, err
	}
	endpoints, closers := p.Cloud, []func(){}
	if p.Cloud.Name == fleet.Emulator {
		url, stop, err := emulated(p, base, truth)
		if err != nil {
			return nil, err
		}
		closers = append(closers, stop)
		endpoints.ServiceManagement, endpoints.ResourceManager = url, url
	}
	conn := &cloud{limiter: runner.NewLimiter(p.Limits.RequestsPerSecond), close: func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}}
	switch p.Kind {
	case fleet.KindClassic:
		err = func() error {
			classicSide, armSide, err := azure.NewSides(azure.Options{Cloud: endpoints, Credentials: credentials,
				Version: versionString(), Log: azure.LogRequests(logOf(c))})
			if err != nil {
				return err
			}
			up, err := classic.New(classic.Options{ServiceManagement: classicSide, ResourceManager: armSide,
				Subscriptions: p.Subscriptions, Limiter: conn.limiter, AllowCSP: c.Bool("allow-csp"),
				AgentDownload: c.String("agent-download")})
			if err != nil {
				return err
			}
			conn.Upgrader = up
			conn.signIn = func(ctx context.Context) error {
				if err := signIn(ctx, classicSide, p.Subscriptions); err != nil {
					return err
				}
				return signIn(ctx, armSide, p.Subscriptions)
			}
			closers = append(closers, up.Close)
			return nil
		}()
	default:
		err = usage("", "this version does not know the upgrade kind %q", p.Kind)
	}
	if err != nil {
		conn.close()
		return nil, err
	}
	return conn, nil
}

// cloudIdentity is what a ledger is bound to: the cloud, or the endpoints of
// one's own.
func cloudIdentity(c fleet.Cloud) string {
	if c.Name == fleet.CustomCloud {
		return fmt.Sprintf("%s %s", c.ServiceManagement, c.ResourceManager)
	}
	return string(c.Name)
}

// truthPath is where the emulator of a ledger remembers.
func truthPath(ledger string) string { return ledger + ".emulator" }
