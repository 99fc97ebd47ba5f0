package main

import (
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"testing"
)

// installed is what a package puts on a machine, by its format.
func installed(format string) []string {
	files := []string{"/etc/fleetup", "/usr/bin/fleetup", "/usr/lib/systemd/system/fleetup-resume@.service",
		"/usr/lib/systemd/system/fleetup-resume@.timer", "/usr/lib/systemd/system/fleetup-run@.service",
		"/usr/lib/sysusers.d/fleetup.conf", "/usr/share/bash-completion/completions/fleetup",
		"/usr/share/doc/fleetup/CHANGELOG.md", "/usr/share/fish/vendor_completions.d/fleetup.fish",
		"/usr/share/fleetup/grafana.json",
		"/usr/share/man/man1/fleetup.1.gz"}
	if format == "rpm" {
		return append(files, "/usr/share/licenses/fleetup/LICENSE", "/usr/share/zsh/site-functions/_fleetup")
	}
	return append(files, "/usr/share/doc/fleetup/copyright", "/usr/share/zsh/vendor-completions/_fleetup")
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
}

// debHolds what it should, as dpkg reads it.
func debHolds(t *testing.T, path string) {
	needs(t, "dpkg-deb")
	var got []string
	for line := range strings.Lines(run(t, "dpkg-deb", "--contents", path)) {
		f := strings.Fields(line)
		if name := strings.TrimPrefix(f[5], "."); !strings.HasSuffix(name, "/") || name == "/etc/fleetup/" {
			got = append(got, strings.TrimSuffix(name, "/"))
		}
		if f[1] != "root/root" || f[3] != "2023-11-14" {
			t.Errorf("not root's, or of another time than the commit's: %s", line)
		}
	}
	same(t, got, installed("deb"))
	if v := run(t, "dpkg-deb", "--field", path, "Version"); strings.TrimSpace(v) != "1.2.3" {
		t.Errorf("version %s", v)
	}
}

// rpmHolds what it should, as rpm reads it.
func rpmHolds(t *testing.T, path string) {
	needs(t, "rpm")
	same(t, strings.Fields(run(t, "rpm", "--query", "--package", "--list", path)), installed("rpm"))
	got := run(t, "rpm", "--query", "--package", path, "--queryformat",
		"%{VERSION}-%{RELEASE} %{BUILDHOST} %{BUILDTIME}")
	if got != "1.2.3-1 localhost 1700000000" {
		t.Errorf("rpm says %q", got)
	}
	run(t, "rpm", "--checksig", "--nosignature", path)
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// installs: the package goes onto this machine and from it, the program is found
// and the units are such as systemd takes. A machine that has a fleetup keeps it.
func installs(t *testing.T, path string) {
	needs(t, "dpkg")
	needs(t, "systemd-analyze")
	needs(t, "systemd-sysusers")
	if os.Getuid() != 0 {
		t.Skip("not root")
	}
	if exec.Command("dpkg", "--status", "fleetup").Run() == nil {
		t.Skip("a package fleetup is installed here")
	}
	if _, err := user.Lookup("fleetup"); err != nil {
		t.Cleanup(func() { run(t, "userdel", "fleetup") })
	}
	t.Cleanup(func() { // also after a failure
		if _, err := os.Stat("/usr/bin/fleetup"); err == nil {
			run(t, "dpkg", "--purge", "fleetup")
		}
	})
	run(t, "dpkg", "--install", path)
	programSays(t, "/usr/bin/fleetup")
	if u, err := user.Lookup("fleetup"); err != nil || u.HomeDir != "/var/lib/fleetup" {
		t.Errorf("who runs the units: %v, %v", u, err)
	}
	if out := run(t, "systemd-analyze", "verify", "fleetup-run@contoso.service", "fleetup-resume@contoso.service",
		"fleetup-resume@contoso.timer"); strings.Contains(out, "fleetup") {
		t.Errorf("systemd says of the units:\n%s", out)
	}
	run(t, "dpkg", "--purge", "fleetup")
	for _, f := range installed("deb") {
		if _, err := os.Stat(f); err == nil {
			t.Errorf("%s is left behind", f)
		}
	}
}

// TestScriptsKeepNightsOverUpgrades: only the last removal of the package stops
// what runs, with dpkg's word for it and with rpm's.
func TestScriptsKeepNightsOverUpgrades(t *testing.T) {
	t.Parallel()
	needs(t, "sh")
	script := string(read(t, "packaging/preremove.sh"))
	// In place of systemctl, and of the folder that says that systemd runs.
	script = strings.ReplaceAll(strings.ReplaceAll(script, "/run/systemd/system", "/"), "systemctl", "echo")
	for _, d := range []struct {
		arg   string
		stops bool
	}{{"remove", true}, {"0", true}, {"upgrade", false}, {"1", false}, {"deconfigure", false}} {
		out, want := run(t, "sh", "-c", script, "preremove", d.arg), ""
		if d.stops {
			want = "stop fleetup-resume@*.timer fleetup-resume@*.service fleetup-run@*.service\n"
		}
		if out != want {
			t.Errorf("%s: %q, want %q", d.arg, out, want)
		}
	}
}
