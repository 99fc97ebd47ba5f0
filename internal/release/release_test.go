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

var (
	build   = flag.Bool("build", false, "build what this platform is handed twice, as CI does")
	install = flag.Bool("install", false, "install the .deb that -build made on this machine, and take it away again")
)

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
	if n := r.name(target{"windows", "arm64"}); n != "fleetup_1.2.3_windows_arm64" {
		t.Errorf("name %q", n)
	}
}

// TestRelease builds what this platform is handed twice: the bytes are equal, the
// program knows its version and commit, and no path of this machine is in
// anything. It takes a while: -build.
func TestRelease(t *testing.T) {
	t.Parallel()
	if !*build {
		t.Log("not built: go test . -build")
		return
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	here := target{runtime.GOOS, runtime.GOARCH}
	var sums [2]string
	var r *release
	for i := range sums {
		r = &release{root: root, version: "v1.2.3", commit: "c0ffee", at: time.Unix(1_700_000_000, 0).UTC(),
			out: filepath.Join(t.TempDir(), "dist")}
		if err := r.build([]target{here}); err != nil {
			t.Fatal(err)
		}
		sums[i] = string(read(t, filepath.Join(r.out, "SHA256SUMS")))
	}
	if sums[0] != sums[1] {
		t.Errorf("two builds differ:\n%s\n%s", sums[0], sums[1])
	}
	t.Log(sums[0])
	name := r.name(here)
	t.Run("archive", func(t *testing.T) { programSays(t, unpacked(t, r, name, here)) })
	t.Run("provenance", func(t *testing.T) { hasSubjects(t, r, sums[0]) })
	if here.os != "linux" {
		return
	}
	t.Run("image", func(t *testing.T) { imageHolds(t, r) })
	t.Run("deb", func(t *testing.T) { debHolds(t, filepath.Join(r.out, name+".deb")) })
	t.Run("rpm", func(t *testing.T) { rpmHolds(t, filepath.Join(r.out, name+".rpm")) })
	if *install {
		t.Run("install", func(t *testing.T) { installs(t, filepath.Join(r.out, name+".deb")) })
	}
}

// unpacked is the program of an archive, with what stands beside it.
func unpacked(t *testing.T, r *release, name string, here target) string {
	t.Helper()
	folder := t.TempDir()
	archive, program := filepath.Join(r.out, name+".tar.gz"), "fleetup"
	if here.os == "windows" {
		archive, program = filepath.Join(r.out, name+".zip"), "fleetup.exe"
	}
	run(t, "tar", "-xf", archive, "-C", folder)
	for _, f := range []string{"LICENSE", "README.md", "CHANGELOG.md", "grafana.json"} {
		read(t, filepath.Join(folder, name, f))
	}
	return filepath.Join(folder, name, program)
}

// programSays its version, knows its parts and no path of this machine.
func programSays(t *testing.T, program string) {
	t.Helper()
	if out := run(t, program, "--version"); !strings.HasPrefix(out, "fleetup v1.2.3 (commit c0ffee, ") {
		t.Errorf("the program says %q", out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil || len(info.Deps) < 10 {
		t.Errorf("the program knows nothing of its parts: %v, %v", info, err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(read(t, program), []byte(root)) {
		t.Error("a path of this machine is in the program")
	}
}

// hasSubjects: the provenance names each other file, with the checksum that the
// list of checksums has for it.
func hasSubjects(t *testing.T, r *release, sums string) {
	t.Helper()
	var s statement
	if err := json.Unmarshal(read(t, filepath.Join(r.out, "fleetup_1.2.3"+provenanceEnding)), &s); err != nil {
		t.Fatal(err)
	}
	for _, a := range s.Subject {
		if line := a.Digest["sha256"] + "  " + a.Name + "\n"; !strings.Contains(sums, line) {
			t.Errorf("%s is not among the checksums", line)
		}
	}
	if n := strings.Count(sums, "\n"); len(s.Subject) != n-1 {
		t.Errorf("%d subjects for %d files", len(s.Subject), n)
	}
	if d := s.Predicate.BuildDefinition.ResolvedDependencies; len(d) != 1 || d[0].Digest["gitCommit"] != "c0ffee" {
		t.Errorf("made of %v", d)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
