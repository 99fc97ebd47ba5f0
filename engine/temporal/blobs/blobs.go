// Package blobs answers "where are things that are too large for the server": in a
// store that all workers share, a folder or a container of a cloud. Plans stand there
// by their fingerprints; the payloads of histories that are larger than Threshold by
// the hash of what they hold (claim check). What is stored is never changed, so it may
// be read at any time and by everybody with the same result.
package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:// for a folder
	"gocloud.dev/gcerrors"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/fleetup-dev/fleetup/engine/temporal/seal"
)

// Threshold is from which size on a payload is stored here: the server takes at most
// 2 MiB each, and keeps what it takes for each event.
const Threshold = 128 << 10

// Store is a store of blobs. It is safe for concurrent use.
type Store struct {
	bucket *blob.Bucket
	// Keys seal plans, and what is kept of ledgers; nil: they can be read by who can read
	// the store. Payloads are sealed, or not, before they come here. Set it first of all.
	Keys *seal.Keys
}

// Open opens the store at a URL of gocloud.dev/blob, file:///var/lib/fleetup/blobs for
// one.
func Open(ctx context.Context, url string) (*Store, error) {
	bucket, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("the store of blobs %s cannot be opened: %w", url, err)
	}
	return &Store{bucket: bucket}, nil
}

// Close lets go of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// PutPlan stores a plan and returns its key.
func (s *Store) PutPlan(ctx context.Context, fingerprint string, data []byte) (key string, err error) {
	key = "plans/" + fingerprint + ".json"
	return key, s.put(ctx, key, s.Keys.Blob(data))
}

// PutLedger stores what is kept of a ledger (package evidence) and returns its key.
func (s *Store) PutLedger(ctx context.Context, data []byte) (key string, err error) {
	sum := sha256.Sum256(data)
	key = "ledgers/" + hex.EncodeToString(sum[:])
	return key, s.put(ctx, key, s.Keys.Blob(data))
}

// Fetch reads the payload that is stored here where p is only its claim.
func (s *Store) Fetch(ctx context.Context, p *commonpb.Payload) (*commonpb.Payload, error) {
	name := string((*sdkpb.ExternalStorageReference)(nil).ProtoReflect().Descriptor().FullName())
	if m := p.GetMetadata(); string(m[converter.MetadataEncoding]) != converter.MetadataEncodingProtoJSON ||
		string(m["messageType"]) != name {
		return p, nil
	}
	var ref sdkpb.ExternalStorageReference
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(p.GetData(), &ref); err != nil {
		return nil, fmt.Errorf("the claim of a payload cannot be read: %w", err)
	}
	return s.payload(ctx, ref.GetClaimData()[claimKey])
}

func (s *Store) payload(ctx context.Context, key string) (*commonpb.Payload, error) {
	data, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	p := &commonpb.Payload{}
	if err := proto.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("the blob %s is not a payload: %w", key, err)
	}
	return p, nil
}

// Get reads a blob.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	data, err := s.bucket.ReadAll(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("the blob %s cannot be read: %w", key, err)
	}
	if data, err = s.Keys.OpenBlob(data); err != nil {
		return nil, fmt.Errorf("the blob %s cannot be read: %w", key, err)
	}
	return data, nil
}

// put stores a blob under a key that only these bytes have.
func (s *Store) put(ctx context.Context, key string, data []byte) error {
	there, err := s.bucket.Exists(ctx, key)
	if err != nil || there {
		return err
	}
	err = s.bucket.WriteAll(ctx, key, data, &blob.WriterOptions{IfNotExist: true})
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return nil // somebody else was quicker
	}
	return err
}

// External is how clients and workers keep large payloads in the store.
func (s *Store) External() converter.ExternalStorage {
	return converter.ExternalStorage{Drivers: []converter.StorageDriver{driver{s}}, PayloadSizeThreshold: Threshold}
}

// driver keeps payloads by the hash of what they hold.
type driver struct{ store *Store }

const claimKey = "key"

func (driver) Name() string { return "fleetup-blobs" }
func (driver) Type() string { return "fleetup-blobs" }

func (d driver) Store(ctx converter.StorageDriverStoreContext,
	payloads []*commonpb.Payload) (claims []converter.StorageDriverClaim, err error) {
	for _, p := range payloads {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		key := "payloads/" + hex.EncodeToString(sum[:])
		if err := ctx.GetLimiter().Permit(ctx.Context, p,
			func() error { return d.store.put(ctx.Context, key, data) }); err != nil {
			return nil, err
		}
		claims = append(claims, converter.StorageDriverClaim{ClaimData: map[string]string{claimKey: key}})
	}
	return claims, nil
}

func (d driver) Retrieve(ctx converter.StorageDriverRetrieveContext,
	claims []converter.StorageDriverClaim) (payloads []*commonpb.Payload, err error) {
	for _, c := range claims {
		var p *commonpb.Payload
		if err := ctx.GetLimiter().Permit(ctx.Context, c, func() (err error) {
			p, err = d.store.payload(ctx.Context, c.ClaimData[claimKey])
			return err
		}); err != nil {
			return nil, err
		}
		payloads = append(payloads, p)
	}
	return payloads, nil
}
