package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestTheMorningMail: whoever is told by e-mail gets the report of the night with its end,
// and with nothing before it.
func TestTheMorningMail(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var messages []string
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				fmt.Fprint(conn, "220 mail.example\r\n")
				for {
					line, err := r.ReadString('\n')
					switch {
					case err != nil:
						return
					case strings.HasPrefix(line, "QUIT"):
						fmt.Fprint(conn, "221 bye\r\n")
						return
					case strings.HasPrefix(line, "DATA"):
						fmt.Fprint(conn, "354 go on\r\n")
						var m strings.Builder
						for err == nil && line != ".\r\n" {
							line, err = r.ReadString('\n')
							m.WriteString(line)
						}
						mu.Lock()
						messages = append(messages, m.String())
						mu.Unlock()
					}
					fmt.Fprint(conn, "250 fine\r\n")
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })

	dir := copyFleets(t)
	who := filepath.Join(dir, "who")
	target := "mail=smtp://" + l.Addr().String() + "/?from=night@fabrikam.example&to=ops@fabrikam.example\n"
	if err := os.WriteFile(who, []byte(target), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := try(t, "run", filepath.Join(dir, "mixed.yaml"), "--yes", "--notify-file", who)
	if code != fleet.ExitFailures || strings.Contains(errs, "Not delivered") {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(messages) < 2 {
		t.Fatalf("%d messages", len(messages))
	}
	for i, m := range messages {
		last, subject := i == len(messages)-1, strings.Contains(m, "Subject: fleetup: Run finished: failures")
		if strings.Contains(m, "filename=\"fleetup-") != last || last != subject {
			t.Errorf("message %d of %d: %.600s", i+1, len(messages), m)
		}
	}
}
