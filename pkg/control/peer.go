package control

import (
	"context"
	"net"
	"os/user"
	"strconv"
	"syscall"
)

// Peer is who is at the other end of a connection, as the kernel says.
type Peer struct {
	User string // the user's name; its number where it has none
	PID  int    // 0 where the system does not tell
}

// unknownPeer stands where the system tells nothing; the socket's mode lets
// nobody in but its owner and the superuser.
var unknownPeer = Peer{User: "unknown"}

func named(uid, pid int) Peer {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil && u.Username != "" {
		return Peer{u.Username, pid}
	}
	return Peer{"uid " + id, pid}
}

// peerOf asks the kernel who opened a connection.
func peerOf(c net.Conn) Peer {
	u, ok := c.(interface {
		SyscallConn() (syscall.RawConn, error)
	})
	if !ok {
		return unknownPeer
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return unknownPeer
	}
	p := unknownPeer
	_ = raw.Control(func(fd uintptr) { p = credentials(int(fd)) }) // a closed connection asks for nothing any more
	return p
}

type peerKey struct{}

func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerOf(c))
}

func peerIn(ctx context.Context) Peer {
	p, ok := ctx.Value(peerKey{}).(Peer)
	if !ok {
		return unknownPeer
	}
	return p
}
