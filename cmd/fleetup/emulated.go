package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// emulated starts the emulator of a plan in this process, on loopback, and
// returns its base URL. Where the truth file is there already, its cloud goes
// on: scenario, vaults and everything that was started.
func emulated(p *plan.Plan, base, truth string) (url string, stop func(), err error) {
	var c *emulator.Cloud
	err = fs.ErrNotExist
	if truth != "" {
		c, err = emulator.Reopen(truth, nil)
	}
	if errors.Is(err, fs.ErrNotExist) {
		var sc emulator.Scenario
		if p.Scenario != "" {
			if sc, err = scenario(scenarioPath(p, base)); err != nil {
				return "", nil, err
			}
		}
		c, err = emulator.New(emulator.Config{Scenario: sc, Vaults: emulatedVaults(p), TruthFile: truth})
	}
	if err != nil {
		return "", nil, &failure{fleet.ExitUsage, fmt.Errorf("the emulator cannot start: %w", err), "look into the scenario; or remove " + truth + " for a fresh emulated cloud"}
	}
	url, hangUp, err := serve("127.0.0.1:0", c)
	if err != nil {
		_ = c.Close() // it was never used
		return "", nil, err
	}
	return url, func() {
		_ = c.Close() // lets go of the requests that wait
		hangUp()
	}, nil
}

// serve serves a handler on a loopback address and returns its URL.
func serve(address string, h http.Handler) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("the emulator cannot listen: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with Shutdown or Close below
	}()
	return "http://" + l.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // what still runs is cut off
		}
		<-done
	}, nil
}

// emulatedVaults fills the emulated cloud from a plan.
func emulatedVaults(p *plan.Plan) []emulator.Vault {
	vs := make([]emulator.Vault, 0, len(p.Vaults))
	for i := range p.Vaults {
		v := &p.Vaults[i]
		vs = append(vs, emulator.Vault{SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName,
			Name: v.Name, Location: v.Location, ResourceType: string(v.ResourceType),
			TargetResourceGroup: v.TargetResourceGroup, CreateResourceGroup: v.CreateResourceGroup,
			ProtectedItems: v.ProtectedItems})
	}
	return vs
}

// scenarioPath is where the plan's scenario is: relative to the inventory's
// folder.
func scenarioPath(p *plan.Plan, base string) string {
	if filepath.IsAbs(p.Scenario) {
		return p.Scenario
	}
	return filepath.Join(base, p.Scenario)
}

// scenario reads a scenario file, strictly.
func scenario(path string) (emulator.Scenario, error) {
	var sc emulator.Scenario
	data, err := os.ReadFile(path)
	if err != nil {
		return sc, &failure{fleet.ExitUsage, fmt.Errorf("the scenario cannot be read: %w", err), "check emulator.scenario in the inventory, or --scenario"}
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&sc); err != nil && !errors.Is(err, io.EOF) {
		return sc, &failure{fleet.ExitUsage, fmt.Errorf("%s: %w", path, err), ""}
	}
	if err := sc.Validate(); err != nil {
		return sc, &failure{fleet.ExitUsage, fmt.Errorf("%s: %w", path, err), ""}
	}
	return sc, nil
}
