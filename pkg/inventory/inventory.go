// Package inventory answers "what did the user write": it reads an inventory
// in YAML, with the files it includes, and makes a plan of it.
//
// It is strict. Unknown and duplicate keys, values of the wrong type, a second
// document, vaults listed twice, rules and waves that match nothing and
// everything else that is probably a mistake is an error, and all mistakes are
// reported at once, each with its file:line:column. Bad input never panics. What only the
// whole can tell, such as a vault that is listed twice, plan.Build finds; decoder.report
// gives it its place.
package inventory

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// maxSize is the largest inventory that is read, in bytes: some 200,000
// vaults. Anything bigger is the wrong file.
const maxSize = 64 << 20

// ErrTooBig says that a file is too big to be an inventory.
var ErrTooBig = errors.New("the file is too big for an inventory")

// Load reads the inventory at path, with the files that it includes, and makes
// its plan. Holds that are over at now are none. What is wrong with the content
// comes as *Problems; a file that cannot be read as the error of package os.
//
// kinds are those that an inventory may name besides the classic one.
func Load(path string, now time.Time, kinds ...fleet.KindSpec) (*plan.Plan, error) {
	p, _, err := load(path, now, kinds, false, nil)
	return p, err
}

// Explain is Load that also tells where each value of a vault came from.
func Explain(path string, now time.Time, kinds ...fleet.KindSpec) (*plan.Plan, *Provenance, error) {
	return load(path, now, kinds, true, nil)
}

func load(path string, now time.Time, kinds []fleet.KindSpec, explain bool, warnings *[]Problem) (*plan.Plan,
	*Provenance, error) {
	data, err := readFile(path, maxSize)
	if err != nil {
		return nil, nil, fmt.Errorf("read the inventory: %w", err)
	}
	return parse(path, data, now, kinds, partsOf(path, data), explain, warnings)
}

// readFile reads at most most bytes of a regular file and one more, which tells
// that it is too big. A pipe or a device may have no end.
func readFile(path string, most int64) ([]byte, error) {
	f, err := textfile.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// Parse makes the plan of an inventory's text. name is what the plan and the
// problems call it. What is wrong with the text comes as *Problems. It reads
// no file: an inventory that includes others is for Load.
func Parse(name string, data []byte, now time.Time, kinds ...fleet.KindSpec) (*plan.Plan, error) {
	p, _, err := parse(name, data, now, kinds, nil, false, nil)
	return p, err
}

func parse(name string, data []byte, now time.Time, kinds []fleet.KindSpec, parts *parts, explain bool,
	warnings *[]Problem,
) (*plan.Plan, *Provenance, error) {
	d := &decoder{reader: newReader(name), sound: true, parts: parts, explain: explain, kinds: kinds}
	d.consumes = true
	if _, err := d.decode(data, now); err != nil {
		return nil, nil, err
	}
	if warnings != nil {
		d.warnNames()
	}
	p, issues := plan.Build(d.handOver())
	d.report(issues)
	if len(d.problems) > 0 {
		found := &Problems{List: d.sorted(d.problems)}
		if warnings != nil {
			found.Warnings = d.certain()
		}
		return nil, nil, found
	}
	if warnings != nil {
		*warnings = d.warned(p)
	}
	return p, d.provenance(), nil
}

// handOver is what was read, whose vaults are in memory for the plan alone.
func (d *decoder) handOver() plan.Input {
	in := d.in
	d.in.Subscriptions = slices.Clone(in.Subscriptions)
	for i := range d.in.Subscriptions {
		d.in.Subscriptions[i].Vaults = nil
	}
	return in
}

// decode reads an inventory's text and returns its mapping. The error is for text
// that has no vaults at all; what else is wrong is in the decoder.
func (d *decoder) decode(data []byte, now time.Time) (*yaml.Node, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s: %w: more than %d MiB; split the fleet into several inventories",
			d.main, ErrTooBig, maxSize>>20)
	}
	root := d.document(data)
	if root == nil {
		return nil, d.failed()
	}
	d.in.Inventory, d.in.Now = d.main, now
	d.inventory(root)
	d.pool = nil
	return root, nil
}
