package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// Cloud is a connection to the cloud of a plan.
type Cloud struct {
	Upgrader
	Limiter    *runner.Limiter
	SignIn     func(context.Context) error
	Disconnect func()
}

// ConnectOptions is how a plan's cloud is spoken to.
type ConnectOptions struct {
	Credentials   fleet.Credentials
	Folder        string // what the path of the emulator's scenario is relative to
	StateFile     string // where the emulator remembers; "" for nowhere
	AllowCSP      bool   // classic: vaults of CSP subscriptions are not blocked
	AgentDownload string // classic: shown to people who must update backup agents
	// Limiter paces what is asked of the cloud; nil for one of the plan's rate.
	Limiter *runner.Limiter
}

// Connect makes the connection. With cloud Emulator the emulator is started in this
// process. It makes no call.
func (pr Process) Connect(p *plan.Plan, o ConnectOptions) (*Cloud, error) {
	endpoints, closers := p.Cloud, []func(){}
	if p.Cloud.Name == fleet.Emulator {
		url, stop, err := emulated(p, o.Folder, o.StateFile)
		if err != nil {
			return nil, err
		}
		closers = append(closers, stop)
		endpoints.ServiceManagement, endpoints.ResourceManager = url, url
	}
	conn := &Cloud{Limiter: o.Limiter, Disconnect: func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}}
	if conn.Limiter == nil {
		conn.Limiter = runner.NewLimiter(p.Limits.RequestsPerSecond)
	}
	conn.Limiter.Changed = pr.Pace
	k, err := KindOfPlan(p)
	if err == nil {
		var sides []*azure.APIClients
		conn.Upgrader, sides, err = k.Connect(p, o, azure.Options{Cloud: endpoints, Credentials: o.Credentials,
			Version: pr.Version, Log: pr.Requests, Pacer: conn.Limiter})
		conn.SignIn = func(ctx context.Context) error {
			for _, side := range sides {
				if err := signIn(ctx, side, p.Subscriptions); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err != nil {
		conn.Disconnect()
		return nil, err
	}
	closers = append(closers, conn.Close)
	return conn, nil
}

// CloudIdentity is what a ledger is bound to: the cloud, or the endpoints of
// one's own.
func CloudIdentity(c fleet.Cloud) string {
	if c.Name == fleet.CustomCloud {
		return strings.TrimSpace(c.ServiceManagement + " " + c.ResourceManager)
	}
	return string(c.Name)
}

// EmulatorPath is where the emulator of a ledger remembers.
func EmulatorPath(ledger string) string { return ledger + ".emulator" }

// signIn gets a token for each tenant of some subscriptions from one side. It
// fails only where no tenant gives any: a single one must not keep the others
// from being upgraded. The tokens are kept for the calls that follow.
func signIn(ctx context.Context, side *azure.APIClients, subscriptions []fleet.Subscription) error {
	var refused error
	tried := map[string]bool{}
	for i := range subscriptions {
		tenant := subscriptions[i].Tenant
		if tried[tenant] {
			continue
		}
		tried[tenant] = true
		client, err := side.Client(tenant)
		if err == nil {
			err = client.Once(nil).Prepare(ctx, "sign in", "")
		}
		if err == nil {
			return nil
		}
		if e, ok := errors.AsType[*azure.SignInError](err); ok {
			err = e // the call it was for says nothing more
		}
		if refused == nil {
			refused = fmt.Errorf("the %s side: %w", side.Name(), err)
		}
	}
	return refused
}
