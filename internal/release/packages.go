package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers "deb"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers "rpm"
)

// What goes beside the program, as the repository has it.
const (
	manual           = "docs/man/fleetup.1"
	dashboard        = "examples/grafana/fleetup.json" // packages.yaml names it too
	completionFolder = "cmd/fleetup/completion"
	unitFolder       = "examples/deploy/systemd"
	packagingFolder  = "internal/release/packaging"
)

// completion is a shell's script, by the name that the shell looks for.
type completion struct{ name, source string }

var completions = []completion{{"fleetup.bash", "fleetup.bash"}, {"_fleetup", "fleetup.zsh"},
	{"fleetup.fish", "fleetup.fish"}}

//go:embed packages.yaml
var packageConfig []byte

// packages writes a Linux platform's .deb and .rpm.
func (r *release) packages(s stage) ([]string, error) {
	if err := r.fill(s); err != nil {
		return nil, err
	}
	config, err := nfpm.ParseWithEnvMapping(bytes.NewReader(packageConfig), func(name string) string {
		switch name {
		case "ARCH":
			return s.target.arch
		case "VERSION":
			return r.version
		case "STAGE":
			return s.folder
		case "ROOT":
			return r.root
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, format := range []string{"deb", "rpm"} {
		info, err := config.Get(format)
		if err != nil {
			return nil, err
		}
		info.MTime = r.at
		info.Scripts = nfpm.Scripts{PostInstall: r.script("postinstall.sh"), PreRemove: r.script("preremove.sh"),
			PostRemove: r.script("postremove.sh")}
		info = nfpm.WithDefaults(info)
		packager, err := nfpm.Get(format)
		if err != nil {
			return nil, err
		}
		name := r.name(s.target) + "." + format
		if err := r.create(name, func(w io.Writer) error { return packager.Package(info, w) }); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func (r *release) script(name string) string { return filepath.Join(r.root, packagingFolder, name) }

// fill puts beside a stage's program what a package has in another form than the
// repository.
func (r *release) fill(s stage) error {
	page, err := os.ReadFile(filepath.Join(r.root, manual))
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(page); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.folder, "fleetup.1.gz"), packed.Bytes(), 0o600); err != nil {
		return err
	}
	folder := filepath.Join(s.folder, "completion")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	for _, c := range completions {
		data, err := os.ReadFile(filepath.Join(r.root, completionFolder, c.source))
		if err != nil {
			return fmt.Errorf("the completion of %s: %w", c.name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, c.name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
