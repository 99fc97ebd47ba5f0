package session

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
	"strings"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// emulated starts the emulator of a plan in this process, on loopback, and
// returns its base URL. Where the state file is there already, its cloud goes
// on: scenario, vaults and everything that was started.
func emulated(p *plan.Plan, base, stateFile string) (url string, stop func(), err error) {
	var c *emulator.Cloud
	err = fs.ErrNotExist
	if stateFile != "" {
		c, err = emulator.Reopen(stateFile, nil)
	}
	if errors.Is(err, fs.ErrNotExist) {
		c, err = Fresh(p, base, stateFile)
	}
	if err != nil {
		return "", nil, unstartable(err, stateFile)
	}
	url, hangUp, err := Serve("127.0.0.1:0", c)
	if err != nil {
		_ = c.Close() // it was never used
		return "", nil, err
	}
	return url, func() {
		_ = c.Close() // lets go of the requests that wait
		hangUp()
	}, nil
}

// Fresh makes the emulated cloud of a plan as its scenario begins.
func Fresh(p *plan.Plan, base, stateFile string) (*emulator.Cloud, error) {
	cfg := emulator.Config{StateFile: stateFile}
	Fill(&cfg, p)
	if p.Scenario != "" {
		var err error
		if cfg.Scenario, err = Scenario(ScenarioPath(p, base)); err != nil {
			return nil, err
		}
	}
	return emulator.New(cfg)
}

// CheckScenario finds the mistakes of a plan's scenario while nothing is written
// yet.
func CheckScenario(src *Source) error {
	if src.Plan.Cloud.Name != fleet.Emulator || textfile.Exists(EmulatorPath(src.Ledger)) {
		return nil
	}
	c, err := Fresh(src.Plan, src.Folder, "")
	if err != nil {
		return unstartable(err, "")
	}
	return c.Close()
}

// Emulation is what is known of the emulated cloud of a ledger; nil where it has
// none.
func Emulation(ledger string) *report.Emulated {
	if info, err := os.Stat(EmulatorPath(ledger)); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	scale, err := emulator.TimeScale(EmulatorPath(ledger))
	if err != nil {
		return nil // whoever starts it is told
	}
	return &report.Emulated{TimeScale: scale}
}

// EmulationOf is that of a plan, which may not have begun.
func EmulationOf(src *Source) *report.Emulated {
	if src.Plan.Cloud.Name != fleet.Emulator {
		return nil
	}
	if e := Emulation(src.Ledger); e != nil {
		return e
	}
	if src.Plan.Scenario != "" {
		if sc, err := Scenario(ScenarioPath(src.Plan, src.Folder)); err == nil && sc.TimeScale > 0 {
			return &report.Emulated{TimeScale: sc.TimeScale}
		}
	}
	return &report.Emulated{TimeScale: 1}
}

// unstartable explains why the emulator does not start.
func unstartable(err error, stateFile string) error {
	if _, explained := errors.AsType[*failure.Error](err); explained {
		return err
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && stateFile != "" && !errors.Is(errno, fs.ErrExist) {
		return failure.New(fleet.ExitInternal,
			fmt.Errorf("the emulator cannot start: its file %s cannot be used: %w", stateFile, errno),
			"check its disk, and what this user may take of it")
	}
	next := "correct the scenario; docs/emulator.md lists what it may say"
	if stateFile != "" && textfile.Exists(stateFile) {
		next = "remove " + stateFile + " for a fresh emulated cloud"
	}
	return failure.New(fleet.ExitUsage, fmt.Errorf("the emulator cannot start: %w", err), next)
}

// Serve serves a handler on a loopback address and returns its URL.
func Serve(address string, h http.Handler) (url string, stop func(), err error) {
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

// Fill fills the emulated cloud from a plan: with classic vaults, or with those
// of today's Azure.
func Fill(cfg *emulator.Config, p *plan.Plan) {
	for i := range p.Vaults {
		v := &p.Vaults[i]
		if v.ResourceGroup != "" {
			cfg.Resources = append(cfg.Resources,
				emulator.Resource{SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName,
					ResourceGroup: v.ResourceGroup, Type: string(v.ResourceType), Name: v.Name, Location: v.Location,
					Tags:           v.Labels,
					ProtectedItems: v.ProtectedItems})
			continue
		}
		cfg.Vaults = append(cfg.Vaults, emulator.Vault{SubscriptionID: v.SubscriptionID,
			SubscriptionName: v.SubscriptionName,
			Name:             v.Name, Location: v.Location, ResourceType: string(v.ResourceType),
			TargetResourceGroup: v.TargetResourceGroup, CreateResourceGroup: v.CreateResourceGroup,
			ProtectedItems: v.ProtectedItems})
	}
}

// ScenarioPath is where the plan's scenario is: relative to the inventory's
// folder.
func ScenarioPath(p *plan.Plan, base string) string {
	if filepath.IsAbs(p.Scenario) {
		return p.Scenario
	}
	return filepath.Join(base, p.Scenario)
}

// Scenario reads a scenario file, strictly.
func Scenario(path string) (emulator.Scenario, error) {
	var sc emulator.Scenario
	const next = "correct the scenario; docs/emulator.md lists what it may say"
	data, err := textfile.ReadText(path)
	if err != nil {
		return sc, failure.New(fleet.ExitUsage,
			fmt.Errorf("the scenario %s cannot be read: %w", path, failure.Cause(err)),
			"correct emulator.scenario in the inventory, or --scenario")
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&sc); err != nil && !errors.Is(err, io.EOF) {
		return sc, failure.New(fleet.ExitUsage, errors.New(scenarioMistakes(path, err)), next)
	}
	if err := sc.Validate(); err != nil {
		return sc, failure.New(fleet.ExitUsage, fmt.Errorf("%s: %w", path, err), next)
	}
	return sc, nil
}

var (
	yamlLine   = lazyregexp.New(`^line (\d+): `)
	yamlFields = lazyregexp.New(`field (\S+) not found in type \S+`)
)

// scenarioMistakes puts what the YAML library found behind file and line.
func scenarioMistakes(path string, err error) string {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = te.Errors
	}
	for i, l := range lines {
		l = yamlFields().ReplaceAllString(l, `unknown key "$1"`)
		if m := yamlLine().FindStringSubmatch(l); m != nil {
			l = m[1] + ": " + strings.TrimPrefix(l, m[0])
		} else {
			l = " " + l
		}
		lines[i] = path + ":" + l
	}
	return strings.Join(lines, "\n")
}
