package neterr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestWorded(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{context.DeadlineExceeded, "no answer in time (context deadline exceeded)"},
		{context.Canceled, "interrupted (context canceled)"},
		{io.EOF, "the other side closed the connection without an answer (EOF)"},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), "the answer broke off (read: unexpected EOF)"},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)},
			"the other side broke the connection off (read tcp: read: connection reset by peer)"},
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)),
			"the connection was refused (dial tcp: connect: connection refused)"},
		{dial(os.ErrDeadlineExceeded), "no connection in time (dial tcp: i/o timeout)"},
		{dial(&net.DNSError{Err: "no such host", Name: "x.example", IsNotFound: true}),
			"the name of its host is not known (dial tcp: lookup x.example: no such host)"},
		{errors.New("too large"), "too large"},
	} {
		got := Worded(c.err)
		if got.Error() != c.want || !errors.Is(got, c.err) {
			t.Errorf("%v reads %q, want %q", c.err, got, c.want)
		}
		if again := Worded(fmt.Errorf("list: %w", got)); again.Error() != "list: "+c.want {
			t.Errorf("worded again it reads %q", again)
		}
	}
	for err, want := range map[error]string{
		context.Canceled:           "interrupted while signing in (context canceled)",
		errors.New("told to stop"): "interrupted while signing in: told to stop",
	} {
		if got := Interrupted("signing in", err); got.Error() != want || !errors.Is(got, err) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if Worded(nil) != nil {
		t.Error("no error is one")
	}
}
