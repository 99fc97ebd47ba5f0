package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// say prints a message of one line or more. What in it could steer a terminal
// is escaped, wherever it comes from.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "%s\n", fitted(w, cleanLines(fmt.Sprintf(format, args...))))
}

// cleanLines escapes what came from outside, line by line.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = lexicon.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

func writeJSON(w io.Writer, v any) error {
	data, err := layout.JSON(v)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// maybe is a value for JSON, null where there is none.
func maybe[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// inWords is a warning for people.
func inWords(w inventory.Problem) string {
	w.Message = "warning: " + w.Message
	return w.String()
}
