// Package zones answers "how does a zone's clock go". It has the time zone database in the
// program: what it says is the same on every machine, whatever that has installed or its
// environment says, so that a plan's windows are the same hours wherever the plan is run.
//
// The data are those of the Go release that the program is built with, the archive
// lib/time/zoneinfo.zip of it, which is made of the IANA's database (public domain).
package zones

//go:generate cp $GOROOT/lib/time/zoneinfo.zip zoneinfo.zip

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"sync"
	"time"
)

//go:embed zoneinfo.zip
var database []byte

var files = sync.OnceValues(func() (*zip.Reader, error) {
	return zip.NewReader(bytes.NewReader(database), int64(len(database)))
})

// Load returns the zone of an IANA name. An error means that there is none. It is safe
// for concurrent use.
func Load(name string) (*time.Location, error) {
	zip, err := files()
	if err != nil {
		return nil, fmt.Errorf("the time zone database cannot be read: %w", err)
	}
	for _, f := range zip.File {
		if f.Name != name || name == "" || name[len(name)-1] == '/' {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("the time zone database cannot be read: %w", err)
		}
		data, err := io.ReadAll(r) // it is in memory
		_ = r.Close()
		if err != nil {
			return nil, fmt.Errorf("the time zone database cannot be read: %w", err)
		}
		return time.LoadLocationFromTZData(name, data)
	}
	return nil, fmt.Errorf("no time zone has the name %q", name)
}
