package azure

import (
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/proxy"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// sentToken is the token that a request carried; empty where it was the fixed
// one, which is no secret. A server can send back what it was sent (in an
// error's message, a request ID, a header that is no HTTP), and what it says is
// shown and journalled. So the token is taken out where the answer is read.
type sentToken string

// minToken is the length below which a token is not looked for: it would be
// found in ordinary words. Real ones have hundreds of characters.
const minToken = 8

// sentToken is the token of a header that this client sends.
func (c *Client) sentToken(header string) sentToken {
	t := strings.TrimPrefix(header, "Bearer ")
	if c.o.Endpoint.Plain() || len(t) < minToken {
		return ""
	}
	return sentToken(t)
}

// body returns a body without the token.
func (t sentToken) body(b []byte) []byte {
	return text.Remove(b, string(t))
}

// header takes the token out of an answer's headers.
func (t sentToken) header(h http.Header) {
	if t == "" {
		return
	}
	for _, values := range h {
		for i := range values {
			values[i] = string(t.body([]byte(values[i])))
		}
	}
}

// error returns an error that reads without the token, on one line and within
// bounds: net/http quotes what a server sent instead of HTTP.
func (t sentToken) error(err error) error {
	if err == nil {
		return nil
	}
	was := err.Error()
	says := text.Hide(string(t.body([]byte(was))), proxy.Secrets()...)
	if says = text.Clean(says, maxErrorText); says == was {
		return err
	}
	return &hiddenError{says, err}
}

// sentTokens are those of one request.
type sentTokens []sentToken

func (ts sentTokens) body(b []byte) []byte {
	for _, t := range ts {
		b = t.body(b)
	}
	return b
}

func (ts sentTokens) header(h http.Header) {
	for _, t := range ts {
		t.header(h)
	}
}

func (ts sentTokens) error(err error) error {
	for _, t := range ts {
		err = t.error(err)
	}
	return err
}

// maxErrorText is how much of an error of the network is kept.
const maxErrorText = 500

// hiddenError is an error with another text.
type hiddenError struct {
	says string
	err  error
}

func (e *hiddenError) Error() string { return e.says }
func (e *hiddenError) Unwrap() error { return e.err }

// Environment variables that hold secrets, of every kind of sign-in.
const (
	envPassword    = "AZURE_PASSWORD"
	envIdentity    = "IDENTITY_HEADER"
	envMSISecret   = "MSI_SECRET"
	envActionToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// maxTokenFile is how much a file with a token may hold.
const maxTokenFile = 64 << 10

// hideSignIn takes the secrets of the environment out of what a sign-in says:
// its errors quote the answers of token endpoints, and those may quote what they
// were sent, the token of a file and the proxy's password among it.
func hideSignIn(s string, getenv func(string) string) string {
	if getenv == nil {
		getenv = os.Getenv
	}
	var secrets []string
	for _, name := range []string{envSecret, envCertPassword, envPassword, envPipeToken, envIdentity, envMSISecret,
		envActionToken} {
		if v := getenv(name); v != "" {
			secrets = append(secrets, v)
		}
	}
	files := []string{getenv(envTokenFile)}
	for _, set := range os.Environ() { // those of single tenants
		switch name, value, _ := strings.Cut(set, "="); {
		case value == "":
		case strings.HasPrefix(name, envSecret+"_"), strings.HasPrefix(name, envCertPassword+"_"):
			secrets = append(secrets, value)
		case strings.HasPrefix(name, envTokenFile+"_"):
			files = append(files, value)
		}
	}
	for _, name := range files {
		if name == "" {
			continue
		}
		if token, err := readToken(name); err == nil {
			secrets = append(secrets, token)
		}
	}
	return text.Hide(s, append(secrets, proxy.Secrets()...)...)
}

// readToken reads a file that holds a token and nothing else. It waits for nothing.
func readToken(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTokenFile {
		return "", errors.New("no file with a token")
	}
	token, err := os.ReadFile(name)
	return strings.TrimSpace(string(token)), err
}
