package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

var build = flag.Bool("build", false, "build this platform's program twice, as CI does")

// repository is a git repository of one commit.
func repository(t *testing.T) (root string, do func(args ...string)) {
	t.Helper()
	root = t.TempDir()
	do = func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@fleetup.example", "-c",
			"commit.gpgsign=false", "-c", "tag.gpgsign=false"}, args...)...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	do("init", "-q")
	if err := os.WriteFile(filepath.Join(root, "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	do("add", ".")
	do("commit", "-qm", "one")
	return root, do
}

// TestVersionFromTheTag: the version is the commit's own tag, or one that no
// other commit has.
func TestVersionFromTheTag(t *testing.T) {
	t.Parallel()
	root, do := repository(t)
	want := func(given, version, mistake string) {
		t.Helper()
		r, err := describe(root, given, "dist")
		switch {
		case mistake != "":
			if err == nil || !strings.Contains(err.Error(), mistake) {
				t.Errorf("%q: got %v, want %s", given, err, mistake)
			}
		case err != nil:
			t.Errorf("%q: %v", given, err)
		case r.version != version || len(r.commit) != 40 || r.at.IsZero():
			t.Errorf("%q: got %+v", given, r)
		}
	}
	want("", "", "the commit has 0 tags")
	want("v1.2.3", "v1.2.3", "")
	want("1.2.3", "", "no version such as")
	do("tag", "nightly")
	do("tag", "-a", "-m", "x", "v0.9.0-rc.1")
	want("", "v0.9.0-rc.1", "")
	do("commit", "-q", "--allow-empty", "-m", "two")
	want("v0.9.0-rc.1", "", "on another commit")
	want("", "", "the commit has 0 tags")
	if err := os.WriteFile(filepath.Join(root, "b"), []byte("b"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("v1.2.3", "", "not committed")
}

// TestBOM: each module of a build is in its bill, once, with its checksum.
func TestBOM(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "github.com/fleetup-dev/fleetup"},
		Deps: []*debug.Module{{Path: "go.etcd.io/bbolt", Version: "v1.5.0", Sum: "h1:abc="},
			{Path: "example.org/old", Version: "v1.0.0",
				Replace: &debug.Module{Path: "example.org/new", Version: "v2.0.0+incompatible"}}},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-ldflags", Value: "/home/somebody"}}}
	b, err := newBOM(info, "v1.2.3", "c0ffee", time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC), strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{`"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:abababab-abab-8bab-abab-abababababab"`,
		`"timestamp":"2026-03-16T00:00:00Z"`,
		`"purl":"pkg:golang/github.com/fleetup-dev/fleetup@v1.2.3","hashes":[{"alg":"SHA-256","content":"` +
			strings.Repeat("ab", 32),
		`"purl":"pkg:golang/std@1.26.8"`,
		`"purl":"pkg:golang/go.etcd.io/bbolt@v1.5.0","properties":[{"name":"go:sum","value":"h1:abc="}]`,
		`"purl":"pkg:golang/example.org/new@v2.0.0%2Bincompatible"`, `"name":"fleetup:build:GOOS","value":"linux"`} {
		if !bytes.Contains(out, []byte(s)) {
			t.Errorf("the bill lacks %s:\n%s", s, out)
		}
	}
	if bytes.Contains(out, []byte("somebody")) || bytes.Contains(out, []byte("example.org/old")) {
		t.Errorf("the bill holds what is not in the program: %s", out)
	}
	if n := len(b.Dependencies[0].DependsOn); n != len(b.Components) {
		t.Errorf("%d of %d components are depended on", n, len(b.Components))
	}
	if _, err := newBOM(info, "v1.2.3", "c0ffee", time.Time{}, "xyz"); err == nil {
		t.Error("a bill without a checksum")
	}
}

// TestBuildRefuses an output folder that holds something.
func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := &release{root: "../..", version: "v1.2.3", out: dir}
	if err := r.build(nil); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("got %v", err)
	}
	if got := string(sumLines(map[string]string{"b": "2", "a": "1"})); got != "1  a\n2  b\n" {
		t.Errorf("checksums %q", got)
	}
	if n := r.name(target{"windows", "arm64"}); n != "fleetup_1.2.3_windows_arm64.exe" {
		t.Errorf("name %q", n)
	}
}

// TestRelease builds this platform's program twice: the bytes are equal, and
// the program knows its version and commit. It takes a while: -build.
func TestRelease(t *testing.T) {
	t.Parallel()
	if !*build {
		t.Log("not built: go test ./internal/release -build")
		return
	}
	var sums [2][]byte
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	here := target{runtime.GOOS, runtime.GOARCH}
	for i := range sums {
		r := &release{root: "../..", version: "v1.2.3", commit: "c0ffee", at: time.Unix(1, 0).UTC(),
			out: filepath.Join(t.TempDir(), "dist")}
		if err := r.build([]target{here}); err != nil {
			t.Fatal(err)
		}
		binary := filepath.Join(r.out, r.name(here))
		out, err := exec.Command(binary, "--version").Output()
		if want := "fleetup v1.2.3 (commit c0ffee, "; err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("the program says %q, %v", out, err)
		}
		info, err := buildinfo.ReadFile(binary)
		if err != nil || len(info.Deps) < 10 {
			t.Errorf("the program knows nothing of its parts: %v, %v", info, err)
		}
		if data, err := os.ReadFile(binary); err != nil || bytes.Contains(data, []byte(root)) {
			t.Errorf("a path of this machine is in the program: %v", err)
		}
		if sums[i], err = os.ReadFile(filepath.Join(r.out, "SHA256SUMS")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(sums[0], sums[1]) {
		t.Errorf("two builds differ:\n%s\n%s", sums[0], sums[1])
	}
	t.Logf("%s", sums[0])
}
