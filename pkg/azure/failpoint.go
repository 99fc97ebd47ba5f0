package azure

import (
	"context"
	"net"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
)

// diesWhenWritten puts a failpoint behind the second write on a connection. A
// start leaves in two, its headers and its body, and over plain HTTP, as tests
// speak it, these are all. A trace's WroteRequest would come before the bytes
// have left their buffer.
func diesWhenWritten(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &writing{Conn: c}, nil
	}
}

type writing struct {
	net.Conn
	writes int // of one goroutine at a time
}

func (c *writing) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.writes++; err == nil && c.writes == 2 {
		failpoint.Hit(failpoint.SendWritten)
	}
	return n, err
}
