// Command release builds what a release hands out: for each platform an archive
// with the static binary, and its bill of materials; for Linux a .deb and an .rpm
// with manual, completions and systemd units, and one image for containers; what
// all was made of; and the checksums of all.
//
//	make release VERSION=v1.2.3
//
// The same commit, built with the same Go, gives the same bytes: no path, no
// time and no machine is in them. It builds what is committed, and nothing
// else. It is a module of its own: what packs the program is no part of it.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const program = "./cmd/fleetup"

// target is a platform.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// targets are the platforms of a release.
var targets = []target{
	{"darwin", "amd64"}, {"darwin", "arm64"}, {"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"},
	{"windows", "arm64"},
}

// release is what is built.
type release struct {
	root    string // of the repository
	version string
	commit  string
	at      time.Time // of the commit
	out     string
}

func main() {
	version := flag.String("version", "", "the `VERSION`, such as v1.2.3 (default: the tag of the commit)")
	out := flag.String("out", "dist", "the `FOLDER` to build into, seen from the root; it must be empty or not there")
	only := flag.String("only", "", "build for `OS/ARCH` alone")
	flag.Parse()
	if err := produce(*version, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func produce(version, out, only string) error {
	root, err := git(".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	if !filepath.IsAbs(out) { // make and CI start this elsewhere than in the root
		out = filepath.Join(root, out)
	}
	r, err := describe(root, version, out)
	if err != nil {
		return err
	}
	list := targets
	if only != "" {
		list = slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.String() != only })
		if len(list) == 0 {
			return fmt.Errorf("%s is none of the platforms %v", only, targets)
		}
	}
	return r.build(list)
}

var versionForm = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// describe finds out what is to be built. An empty version is the commit's tag.
func describe(root, version, out string) (*release, error) {
	changed, err := git(root, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if changed != "" {
		return nil, errors.New("there are changes that are not committed: nobody could build this release again")
	}
	tags, err := git(root, "tag", "--points-at", "HEAD")
	if err != nil {
		return nil, err
	}
	if version == "" {
		tagged := slices.DeleteFunc(strings.Fields(tags), func(t string) bool { return !versionForm.MatchString(t) })
		if len(tagged) != 1 {
			return nil, fmt.Errorf("the commit has %d tags of a version: name one, as in make release VERSION=v1.2.3",
				len(tagged))
		}
		version = tagged[0]
	}
	if !versionForm.MatchString(version) {
		return nil, fmt.Errorf("%q is no version such as v1.2.3", version)
	}
	if all, err := git(root, "tag", "--list", version); err != nil ||
		all != "" && !slices.Contains(strings.Fields(tags), version) {
		return nil, errors.Join(err, fmt.Errorf("the tag %s is on another commit: check it out first", version))
	}
	r := &release{root: root, version: version, out: out}
	if r.commit, err = git(root, "rev-parse", "HEAD"); err != nil {
		return nil, err
	}
	seconds, err := git(root, "show", "--no-patch", "--format=%ct", "HEAD")
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	r.at = time.Unix(n, 0).UTC()
	return r, err
}

func git(root string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// stage is a platform's program, built, with the folder that is its own.
type stage struct {
	target target
	folder string
	binary string
}

// build builds for some platforms, and writes the checksums of everything.
func (r *release) build(list []target) error {
	if files, err := os.ReadDir(r.out); err == nil && len(files) > 0 {
		return fmt.Errorf("%s is not empty: an old file must not pass for a new one", r.out)
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "fleetup-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	sums := map[string]string{}
	add := func(names ...string) (err error) {
		for _, n := range names {
			fmt.Println(n)
			if sums[n], err = checksum(filepath.Join(r.out, n)); err != nil {
				return err
			}
		}
		return nil
	}
	var linux []stage
	for _, t := range list {
		s, err := r.stage(work, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		names, err := r.filesOf(s)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		if err := add(names...); err != nil {
			return err
		}
		if t.os == "linux" {
			linux = append(linux, s)
		}
	}
	if len(linux) > 0 {
		name, err := r.image(linux)
		if err != nil {
			return fmt.Errorf("the image: %w", err)
		}
		if err := add(name); err != nil {
			return err
		}
	}
	name, err := r.provenance(sums)
	if err != nil {
		return err
	}
	if err := add(name); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), sumLines(sums), 0o644)
}

// stage builds a platform's program.
func (r *release) stage(work string, t target) (stage, error) {
	s := stage{target: t, folder: filepath.Join(work, t.os+"_"+t.arch)}
	s.binary = filepath.Join(s.folder, "fleetup")
	if t.os == "windows" {
		s.binary += ".exe"
	}
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		return s, err
	}
	return s, r.compile(t, s.binary)
}

// filesOf writes what is a platform's alone.
func (r *release) filesOf(s stage) ([]string, error) {
	archive, err := r.archive(s)
	if err != nil {
		return nil, err
	}
	bill, err := r.bill(s)
	if err != nil || s.target.os != "linux" {
		return []string{archive, bill}, err
	}
	packages, err := r.packages(s)
	return append([]string{archive, bill}, packages...), err
}

// name is what the files of a platform begin with.
func (r *release) name(t target) string {
	return fmt.Sprintf("fleetup_%s_%s_%s", strings.TrimPrefix(r.version, "v"), t.os, t.arch)
}

func (r *release) compile(t target, out string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -buildid= -X main.version="+r.version+" -X main.revision="+r.commit, "-o", out, program)
	cmd.Dir = r.root
	cmd.Stderr = os.Stderr
	// Nothing of this machine's settings may change what is built.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOFLAGS=", "GOEXPERIMENT=",
		"GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off")
	return cmd.Run()
}

func checksum(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// sumLines are lines that sha256sum -c reads.
func sumLines(sums map[string]string) []byte {
	var b strings.Builder
	for _, n := range sortedNames(sums) {
		fmt.Fprintf(&b, "%s  %s\n", sums[n], n)
	}
	return []byte(b.String())
}

func sortedNames(sums map[string]string) []string { return slices.Sorted(maps.Keys(sums)) }
