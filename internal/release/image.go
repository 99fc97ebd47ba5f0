package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is who an image runs as: nobody in particular, and not root.
const nobody = 65532

// image writes the image of all Linux platforms as one archive of an OCI image
// layout: what examples/deploy/container/Containerfile makes, without an engine
// of containers.
func (r *release) image(stages []stage) (string, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, s := range stages {
		img, err := r.platformImage(s)
		if err != nil {
			return "", err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: s.target.os, Architecture: s.target.arch}}})
	}
	folder, err := os.MkdirTemp("", "fleetup-image-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	// An index of one index, which has the name: what "load" and "copy" look for.
	path, err := layout.Write(folder, mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	if err != nil {
		return "", err
	}
	version := strings.TrimPrefix(r.version, "v")
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": version, "io.containerd.image.name": "fleetup:" + version})); err != nil {
		return "", err
	}
	files, err := tree(folder)
	if err != nil {
		return "", err
	}
	name := "fleetup_" + version + "_oci.tar"
	return name, r.create(name, func(w io.Writer) error { return writeTar(w, files, r.at) })
}

// tree are the files below a folder, by name.
func tree(folder string) (files []file, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			files = append(files, file{name: filepath.ToSlash(name) + "/", mode: 0o755})
			return nil
		}
		files = append(files, file{name: filepath.ToSlash(name), from: path, mode: 0o644})
		return nil
	})
	return files, err
}

// platformImage is the image of one platform.
func (r *release) platformImage(s stage) (v1.Image, error) {
	var layer bytes.Buffer
	if err := writeTar(&layer, []file{{name: "etc/", mode: 0o755}, {name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", data: authorities(), mode: 0o644},
		{name: "fleetup", from: s.binary, mode: 0o755}, {name: "state/", mode: 0o700, user: nobody},
	}, r.at); err != nil {
		return nil, err
	}
	packed, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.Append(base, mutate.Addendum{Layer: packed,
		History: v1.History{Created: v1.Time{Time: r.at}, CreatedBy: "fleetup's release"}})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = s.target.os, s.target.arch, v1.Time{Time: r.at}
	config.Config = v1.Config{Entrypoint: []string{"/fleetup"}, Cmd: []string{"help"}, User: "65532:65532",
		WorkingDir: "/state", Volumes: map[string]struct{}{"/state": {}}, StopSignal: "SIGINT",
		Env: []string{"USER=fleetup", "HOME=/state"},
		Labels: map[string]string{"org.opencontainers.image.title": "fleetup",
			"org.opencontainers.image.source":   repositoryURL,
			"org.opencontainers.image.version":  strings.TrimPrefix(r.version, "v"),
			"org.opencontainers.image.revision": r.commit, "org.opencontainers.image.licenses": "MIT"}}
	return mutate.ConfigFile(img, config)
}

// authorities are the certificates that an image trusts, as PEM: those of the NSS
// trust store, as Go's own fallback has them. One that is trusted only under a
// condition is left out: a file of certificates cannot say the condition.
func authorities() []byte {
	var list []string
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			list = append(list, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})))
		}
	}
	slices.Sort(list)
	return []byte(strings.Join(list, ""))
}
