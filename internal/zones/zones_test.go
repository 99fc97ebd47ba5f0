package zones

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Every zone that the archive has can be loaded, and goes as the toolchain's own copy of
// the database says.
func TestEveryZone(t *testing.T) {
	t.Parallel()
	zip, err := files()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range zip.File {
		if f.FileInfo().IsDir() {
			continue
		}
		zone, err := Load(f.Name)
		if err != nil || zone.String() != f.Name {
			t.Errorf("%s: %v, %v", f.Name, zone, err)
		}
		n++
	}
	if n < 500 {
		t.Errorf("there are %d zones", n)
	}
	for _, name := range []string{"", "Local", "Australia/", "Australia/Atlantis", "../zones.go"} {
		if zone, err := Load(name); err == nil {
			t.Errorf("%q is %v", name, zone)
		}
	}
}

// TestTheMachinesZonesDecideNothing: on a machine whose database calls UTC Sydney, Sydney's
// clock goes as ever. The environment is read once in a process, so it is another one's.
func TestTheMachinesZonesDecideNothing(t *testing.T) {
	t.Parallel()
	const name, child = "Australia/Sydney", "FLEETUP_TEST_ZONES"
	january := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	zone, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := january.In(zone).Zone(); got != "AEDT" {
		t.Errorf("Sydney's clock shows %s in January", got)
	}
	if os.Getenv(child) != "" {
		if wrong, err := time.LoadLocation(name); err != nil || !january.In(wrong).Equal(january) ||
			january.In(wrong).Hour() != 12 {
			t.Errorf("the machine's Sydney is not UTC: %v, %v", wrong, err)
		}
		return
	}
	if runtime.GOOS == "windows" {
		return // there is no other file of a zone to be had
	}
	utc, dir := []byte("TZif\x00"), t.TempDir()
	utc = append(utc, make([]byte, 15)...)
	utc = append(utc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4) // one zone, four letters
	utc = append(utc, 0, 0, 0, 0, 0, 0)
	utc = append(utc, "UTC\x00"...)
	if err := os.MkdirAll(filepath.Join(dir, "Australia"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), utc, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheMachinesZonesDecideNothing$", "-test.v")
	cmd.Env = append(os.Environ(), "ZONEINFO="+dir, child+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
