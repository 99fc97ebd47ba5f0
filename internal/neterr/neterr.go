// Package neterr answers what an error of the network means, for people who do not know
// the words of the library that made it.
package neterr

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// worded is an error with what it means before it.
type worded struct {
	means string
	err   error
}

func (w *worded) Error() string { return w.means + " (" + w.err.Error() + ")" }
func (w *worded) Unwrap() error { return w.err }

// With is an error with what it means before it; the error itself stands behind, for
// whoever looks for it elsewhere.
func With(means string, err error) error { return &worded{means, err} }

// Worded is With where it is known what an error of the network means; another one, and
// one that says it already, is returned as it is.
func Worded(err error) error {
	if err == nil {
		return nil
	}
	if _, already := errors.AsType[*worded](err); already {
		return err
	}
	if means := meaning(err); means != "" {
		return With(means, err)
	}
	return err
}

// Interrupted says what an error interrupted, before its own words or, where they are a
// library's, in place of them.
func Interrupted(what string, err error) error {
	if meaning(err) != "" {
		return With("interrupted while "+what, err)
	}
	return fmt.Errorf("interrupted while %s: %w", what, err)
}

func meaning(err error) string {
	dns, _ := errors.AsType[*net.DNSError](err)
	op, _ := errors.AsType[*net.OpError](err)
	late, _ := errors.AsType[net.Error](err)
	untrusted, _ := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted != nil:
		return "its certificate is not trusted"
	case dns != nil && dns.IsNotFound:
		return "the name of its host is not known"
	case dns != nil:
		return "the name of its host could not be looked up"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case op != nil && op.Op == "dial" && op.Timeout():
		return "no connection in time"
	case errors.Is(err, context.DeadlineExceeded), late != nil && late.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return "the other side broke the connection off"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "the network does not reach it"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer broke off"
	case errors.Is(err, io.EOF):
		return "the other side closed the connection without an answer"
	case errors.Is(err, net.ErrClosed):
		return "the connection was closed"
	}
	return ""
}
