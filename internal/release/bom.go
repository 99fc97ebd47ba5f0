package main

import (
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// bomEnding is that of a bill of materials beside its binary.
const bomEnding = ".cdx.json"

// bom is a bill of materials in the form CycloneDX 1.6. It is read from the
// binary itself: what is linked into it, not what a file of the source says.
type bom struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// bill writes the bill of materials of a platform's program.
func (r *release) bill(s stage) (string, error) {
	info, err := buildinfo.ReadFile(s.binary)
	if err != nil {
		return "", err
	}
	sum, err := checksum(s.binary)
	if err != nil {
		return "", err
	}
	b, err := newBOM(info, r.version, r.commit, r.at, sum)
	if err != nil {
		return "", err
	}
	out, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return "", err
	}
	name := r.name(s.target) + bomEnding
	return name, r.create(name, func(w io.Writer) error {
		_, err := w.Write(append(out, '\n'))
		return err
	})
}

// newBOM makes the bill of a build. The same build has the same bill.
func newBOM(info *debug.BuildInfo, version, commit string, at time.Time, sha256 string) (*bom, error) {
	raw, err := hex.DecodeString(sha256)
	if err != nil || len(raw) < 16 {
		return nil, fmt.Errorf("%q is no checksum", sha256)
	}
	main := module("application", info.Main.Path, version)
	main.Hashes = []hash{{"SHA-256", sha256}}
	main.Properties = []property{{"fleetup:commit", commit}}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "-trimpath":
			main.Properties = append(main.Properties, property{"fleetup:build:" + s.Key, s.Value})
		}
	}
	b := &bom{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX",
		SpecVersion: "1.6", Version: 1,
		SerialNumber: "urn:uuid:" + uuidOf(raw), Metadata: metadata{at.Format(time.RFC3339), main}}
	b.Components = []component{module("library", "std", strings.TrimPrefix(info.GoVersion, "go"))}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		c := module("library", d.Path, d.Version)
		if d.Sum != "" {
			c.Properties = []property{{"go:sum", d.Sum}} // of the module's tree: no hash of a file
		}
		b.Components = append(b.Components, c)
	}
	all := dependency{Ref: main.Ref}
	for _, c := range b.Components {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	b.Dependencies = []dependency{all}
	return b, nil
}

func module(kind, path, version string) component {
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(url.PathEscape(version), "+", "%2B")
	return component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
}

// uuidOf makes a UUID (version 8: one's own bits) of a hash.
func uuidOf(sum []byte) string {
	var u [16]byte
	copy(u[:], sum)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
