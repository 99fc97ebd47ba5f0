// Package inventory answers "what did the user write": it reads an inventory
// in YAML and makes a plan of it.
//
// It is strict. Unknown and duplicate keys, values of the wrong type, a second
// document, vaults listed twice and everything else that is probably a mistake
// is an error, and all mistakes are reported at once, each with its
// file:line:column. Bad input never panics. What later versions will add is
// refused as not supported yet, never ignored.
package inventory

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// maxSize is the largest inventory that is read, in bytes: some 200,000
// vaults. Anything bigger is the wrong file.
const maxSize = 64 << 20

// ErrTooBig says that a file is too big to be an inventory.
var ErrTooBig = errors.New("the file is too big for an inventory")

// Load reads the inventory at path and makes its plan. Holds that are over at
// now are none. What is wrong with the content comes as *Problems; a file that
// cannot be read as the error of package os.
func Load(path string, now time.Time) (*plan.Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	return Parse(path, data, now)
}

// Parse makes the plan of an inventory's text. name is what the plan and the
// problems call it. What is wrong with the text comes as *Problems.
func Parse(name string, data []byte, now time.Time) (*plan.Plan, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s: %w: more than %d MiB; split the fleet into several inventories",
			name, ErrTooBig, maxSize>>20)
	}
	r := &reader{file: name, pool: make(map[string]string)}
	root := r.document(data)
	if root == nil {
		return nil, r.failed()
	}
	d := &decoder{reader: r, sound: true}
	d.in.Inventory, d.in.Now = name, now
	d.inventory(root)
	p, issues := plan.Build(d.in)
	d.report(issues)
	if err := r.failed(); err != nil {
		return nil, err
	}
	return p, nil
}
