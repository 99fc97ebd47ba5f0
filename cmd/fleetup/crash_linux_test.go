package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestACrashIsNoExitCode: what ends the program in Go's own way is told from every code of
// the table, and leaves no image of its memory.
func TestACrashIsNoExitCode(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("fleetup")
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program, "emulate", filepath.Join(copyFleets(t), "fast.yaml"))
	c.Dir, c.Stderr = t.TempDir(), &errs
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it is up
		t.Fatal(err)
	}
	limits, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.Process.Pid), "limits"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	status := c.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGABRT || status.CoreDump() {
		t.Errorf("it ended with %v:\n%.500s", c.ProcessState, errs.String())
	}
	for line := range strings.Lines(string(limits)) {
		if f := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && f[4] != "0" {
			t.Errorf("it may leave a core: %s", line)
		}
	}
}
