package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var devserver = flag.String("devserver", "", "the development server's program; the demo is not tried without")

// TestMain lets the test's program be a worker: the demo starts itself as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		main()
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

// The demonstration ends as scripted, with a worker and the server killed half-way.
func TestDemo(t *testing.T) {
	if *devserver == "" {
		t.Skip("no -devserver")
	}
	program, err := filepath.Abs(*devserver)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := &night{dir: dir, server: program, began: time.Now(), address: "127.0.0.1:0"}
	defer n.killAll()
	if err := n.play(t.Context()); err != nil {
		t.Fatal(err)
	}
}
