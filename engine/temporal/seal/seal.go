// Package seal answers "how is what leaves this program made unreadable to who keeps it":
// payloads of histories and blobs are sealed with AES-256-GCM, by keys that the workers
// and the clients have and the server has not.
//
// A file of keys has one a line, in base64; the first one seals, all of them open, so
// that a key can be changed without losing what was sealed with the one before. Names of
// what there is, workflows' IDs, activities' types and times, are not payloads, and stay
// readable.
package seal

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// keySize is that of a key in bytes.
const keySize = 32

// encoding is what sealed payloads say of themselves.
const encoding = "binary/fleetup-aes-256-gcm"

// blobMagic begins a sealed blob.
const blobMagic = "fleetup sealed 1\n"

// Keys seal and open. They are safe for concurrent use; nil seals nothing.
type Keys struct {
	first string
	byID  map[string]cipher.AEAD
}

// ReadKeys reads a file of keys, which nobody but its owner may be able to read.
func ReadKeys(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the keys cannot be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("the keys cannot be read: %w", err)
	}
	// 0440 is what Kubernetes makes of a secret for a pod with a group of its own.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && mode != 0o440 {
		return nil, fmt.Errorf("%s has mode %04o: others than its owner may read the keys; chmod 600 %s", path, mode,
			path)
	}
	k := &Keys{byID: map[string]cipher.AEAD{}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keySize { // the line itself is not told: it may be a key
			return nil,
				fmt.Errorf("%s: line %d is no key: %d bytes in base64 are, as openssl rand -base64 %d writes them",
					path, n, keySize, keySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("fleetup key "), key...))
		id := hex.EncodeToString(sum[:6])
		if k.first == "" {
			k.first = id
		}
		k.byID[id] = gcm
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the keys cannot be read: %w", err)
	}
	if k.first == "" {
		return nil, fmt.Errorf("%s has no key", path)
	}
	return k, nil
}

// seal returns a key's name, and what it makes of some bytes.
func (k *Keys) seal(data []byte) (id string, sealed []byte) {
	gcm := k.byID[k.first]
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return k.first, gcm.Seal(nonce, nonce, data, []byte(k.first))
}

func (k *Keys) open(id string, sealed []byte) ([]byte, error) {
	var gcm cipher.AEAD
	if k != nil {
		gcm = k.byID[id]
	}
	if gcm == nil {
		return nil, fmt.Errorf("it is sealed with the key %q, which is not among those of --encryption-keys here", id)
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errors.New("it is sealed, and cut short")
	}
	data, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], []byte(id))
	if err != nil {
		return nil, fmt.Errorf("it is not what was sealed with the key %s", id)
	}
	return data, nil
}

// Blob seals a blob; without keys it stays as it is.
func (k *Keys) Blob(data []byte) []byte {
	if k == nil {
		return data
	}
	id, sealed := k.seal(data)
	return append([]byte(blobMagic+id+"\n"), sealed...)
}

// OpenBlob opens one; what was not sealed stays as it is.
func (k *Keys) OpenBlob(data []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(data, []byte(blobMagic))
	if !ok {
		return data, nil
	}
	id, sealed, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return nil, errors.New("it is sealed, and cut short")
	}
	return k.open(string(id), sealed)
}

// Converter is how payloads are written: as the codecs before it make them, and then
// sealed, where there are keys.
func (k *Keys) Converter(before ...converter.PayloadCodec) converter.DataConverter {
	if k != nil {
		before = append([]converter.PayloadCodec{codec{k}}, before...) // the last one encodes first
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), before...)
}

// codec seals payloads. One that is not sealed is read as it is: of a run that began
// before there were keys.
type codec struct{ keys *Keys }

func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		data, err := proto.Marshal(p)
		if err != nil {
			return nil, err
		}
		id, sealed := c.keys.seal(data)
		out[i] = &commonpb.Payload{Data: sealed,
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), "key": []byte(id)}}
	}
	return out, nil
}

func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
			out[i] = p
			continue
		}
		data, err := c.keys.open(string(p.GetMetadata()["key"]), p.GetData())
		if err != nil {
			return nil, fmt.Errorf("a payload cannot be read: %w", err)
		}
		out[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(data, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
