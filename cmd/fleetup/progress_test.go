package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What is written through an outlet that was turned comes line by line, however
// it was cut, and past it whatever is written past it.
func TestOutletTurnedIntoLines(t *testing.T) {
	t.Parallel()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o := &pipeSafeWriter{file: file}
	var said []string
	o.lines.Store(&lineSayer{say: func(l string) { said = append(said, l) }})
	fmt.Fprint(o, "fleet")
	fmt.Fprint(o, "up: no\nNext: ")
	fmt.Fprint(rawOutlet{o}, "{}\n")
	fmt.Fprint(o, "again\n")
	if want := []string{"fleetup: no", "Next: again"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if data, err := os.ReadFile(file.Name()); err != nil || string(data) != "{}\n" {
		t.Errorf("past it: %q, %v", data, err)
	}
	var many sync.WaitGroup
	for range 8 {
		many.Go(func() { fmt.Fprint(o, "one line\n") })
	}
	many.Wait()
	if n := strings.Count(strings.Join(said, "|"), "one line"); n != 8 {
		t.Errorf("%d lines of 8", n)
	}
}
