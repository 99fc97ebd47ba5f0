package session

import (
	"os"
	"os/user"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Actor says who gives the commands of this process.
func Actor(c fleet.Credentials) fleet.Actor {
	a := fleet.Actor{User: "unknown", Host: "unknown", PID: os.Getpid()}
	if u, err := user.Current(); err == nil {
		a.User = u.Username
	} else if n := os.Getenv("USER"); n != "" {
		a.User = n
	}
	if h, err := os.Hostname(); err == nil {
		a.Host = h
	}
	kind := func(k fleet.CredentialKind) string {
		if k == "" {
			k = fleet.CredentialDefault
		}
		return string(k)
	}
	a.Credential = kind(c.ServiceManagement) + "/" + kind(c.ResourceManager)
	return a
}

// Now is the time as journals have it.
func Now() time.Time { return time.Now().UTC().Round(0) }
