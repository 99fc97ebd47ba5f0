package azure

import (
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// maxSignIn is more than any answer of a token endpoint has.
const maxSignIn = 1 << 20

// signInTransport carries the requests of the sign-in libraries. Their own would
// follow a redirect with the secret in the body, and read an answer to its end
// whatever its length.
var signInTransport = sync.OnceValue(func() policy.Transporter { return newSignInTransport(NewReadTransport()) })

func newSignInTransport(t http.RoundTripper) policy.Transporter {
	return boundedClient{http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type boundedClient struct{ client http.Client }

func (c boundedClient) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.client.Do(r)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxSignIn}
	}
	return resp, err
}

// boundedBody ends with an error after so many bytes.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w (over %d bytes)", errTooLarge, maxSignIn)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
