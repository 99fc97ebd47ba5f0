package control

import (
	"net"
	"os/user"
	"strconv"
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
func peerOf(c *net.UnixConn) Peer {
	raw, err := c.SyscallConn()
	if err != nil {
		return unknownPeer
	}
	p := unknownPeer
	_ = raw.Control(func(fd uintptr) { p = credentials(int(fd)) }) // a closed connection asks for nothing any more
	return p
}
