package blobs

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// compressed is from which size on a payload is compressed: what is smaller stays as it is
// in the server's own pages.
const compressed = 16 << 10

// Compression makes large payloads smaller, before they are sealed or stored. What is not
// compressed is read as it is.
func Compression() converter.PayloadCodec {
	return compression{converter.NewZlibCodec(converter.ZlibCodecOptions{})}
}

type compression struct{ converter.PayloadCodec }

func (c compression) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		out[i] = p
		if len(p.GetData()) < compressed {
			continue
		}
		smaller, err := c.PayloadCodec.Encode([]*commonpb.Payload{p})
		if err != nil {
			return nil, err
		}
		out[i] = smaller[0]
	}
	return out, nil
}
