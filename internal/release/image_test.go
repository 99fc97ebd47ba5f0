package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// imageHolds the program and whom to trust, and is a valid layout: every digest
// and size is right.
func imageHolds(t *testing.T, r *release) {
	folder := t.TempDir()
	run(t, "tar", "-xf", filepath.Join(r.out, "fleetup_1.2.3_oci.tar"), "-C", folder)
	path, err := layout.FromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(outer); err != nil {
		t.Error(err)
	}
	names, err := outer.IndexManifest()
	if err != nil || len(names.Manifests) != 1 ||
		names.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2.3" {
		t.Fatalf("the layout's index: %v, %v", names, err)
	}
	index, err := outer.ImageIndex(names.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.Manifests {
		img, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if m.Platform.String() != config.OS+"/"+config.Architecture {
			t.Errorf("%s is said to be of %s", config.Architecture, m.Platform)
		}
		if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/fleetup"}) ||
			config.Config.StopSignal != "SIGINT" {
			t.Errorf("it runs as %+v", config.Config)
		}
		hasLayer(t, img)
	}
}

func hasLayer(t *testing.T, img v1.Image) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	data, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	var names []string
	for in := tar.NewReader(data); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if (h.Uid == nobody) != (h.Name == "state/") || !h.ModTime.Equal(config.Created.Time) {
			t.Errorf("%s is %d's, of %s", h.Name, h.Uid, h.ModTime)
		}
	}
	if want := []string{"etc/", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "fleetup",
		"state/"}; !slices.Equal(names, want) {
		t.Errorf("the image holds %q, want %q", names, want)
	}
}

// TestAuthorities: an image trusts who signs for Azure, and everybody whom it
// trusts is one who may sign for others. The names are those of "Azure Certificate
// Authority details"
// (https://learn.microsoft.com/azure/security/fundamentals/azure-certificate-authority-details).
func TestAuthorities(t *testing.T) {
	t.Parallel()
	missing := []string{"DigiCert Global Root G2", "DigiCert Global Root G3",
		"Microsoft ECC Root Certificate Authority 2017", "Microsoft RSA Root Certificate Authority 2017"}
	all := 0
	for rest := authorities(); len(bytes.TrimSpace(rest)) > 0; all++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatal("no certificate in PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !c.IsCA {
			t.Fatalf("%v: %v", c, err)
		}
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == c.Subject.CommonName })
	}
	if len(missing) > 0 || all < 100 {
		t.Errorf("%d authorities, without %q", all, missing)
	}
}
