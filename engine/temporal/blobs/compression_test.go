package blobs_test

import (
	"strings"
	"testing"

	"go.temporal.io/sdk/converter"

	"github.com/fleetup-dev/fleetup/engine/temporal/blobs"
	"github.com/fleetup-dev/fleetup/engine/temporal/seal"
)

// What is large is compressed, what is small can be read in the server's pages, and what
// was never compressed is read as well.
func TestCompression(t *testing.T) {
	t.Parallel()
	c := (*seal.Keys)(nil).Converter(blobs.Compression())
	for _, text := range []string{"small", strings.Repeat("the same vault again ", 10_000)} {
		p, err := c.ToPayload(text)
		if err != nil {
			t.Fatal(err)
		}
		encoding := string(p.GetMetadata()[converter.MetadataEncoding])
		if (encoding == converter.MetadataEncodingJSON) != (text == "small") {
			t.Errorf("%d bytes are %s", len(text), encoding)
		}
		if len(p.GetData()) > 4096 {
			t.Errorf("%d bytes became %d", len(text), len(p.GetData()))
		}
		before, err := converter.GetDefaultDataConverter().ToPayload(text)
		if err != nil {
			t.Fatal(err)
		}
		var again, old string
		if err := c.FromPayload(p, &again); err != nil || again != text {
			t.Errorf("%d bytes come back as %d: %v", len(text), len(again), err)
		}
		if err := c.FromPayload(before, &old); err != nil || old != text {
			t.Errorf("%d bytes of before come back as %d: %v", len(text), len(old), err)
		}
	}
}
