package seal

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// file writes a file of keys, each made of one letter.
func file(t *testing.T, mode os.FileMode, letters string) string {
	t.Helper()
	var lines []string
	for _, l := range letters {
		lines = append(lines, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(l)}, keySize)))
	}
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func keys(t *testing.T, letters string) *Keys {
	t.Helper()
	k, err := ReadKeys(file(t, 0o600, letters))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// What is sealed is read by who has the key, also when another has taken its place, and by
// nobody else; what was not sealed is read as it is.
func TestSealed(t *testing.T) {
	t.Parallel()
	old, both, other := keys(t, "a"), keys(t, "ba"), keys(t, "c")
	const secret = "the name of a vault"
	p, err := old.Converter().ToPayload(secret)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(p.Data, []byte("vault")) {
		t.Error("the payload can be read")
	}
	again, _ := old.Converter().ToPayload(secret)
	if bytes.Equal(p.Data, again.Data) {
		t.Error("the same is sealed to the same")
	}
	read := func(k *Keys, p *commonpb.Payload) (s string, err error) {
		err = k.Converter().FromPayload(p, &s)
		return s, err
	}
	for name, k := range map[string]*Keys{"the key": old, "two keys": both} {
		if got, err := read(k, p); err != nil || got != secret {
			t.Errorf("with %s: %q, %v", name, got, err)
		}
	}
	if _, err := read(other, p); err == nil || !strings.Contains(err.Error(), "--encryption-keys") {
		t.Errorf("with another key: %v", err)
	}
	changed := &commonpb.Payload{Metadata: p.Metadata, Data: bytes.Clone(p.Data)}
	changed.Data[len(changed.Data)-1]++
	if _, err := read(old, changed); err == nil || !strings.Contains(err.Error(), "not what was sealed") {
		t.Errorf("of a changed payload: %v", err)
	}
	// What is sealed was compressed first: afterwards it could not be.
	long := strings.Repeat(secret, 10_000)
	small, err := old.Converter(converter.NewZlibCodec(converter.ZlibCodecOptions{})).ToPayload(long)
	if err != nil || len(small.Data) > len(long)/10 || string(small.Metadata[converter.MetadataEncoding]) != encoding {
		t.Errorf("%d bytes are sealed to %d, %s: %v", len(long), len(small.Data), small.Metadata, err)
	}
	var none *Keys
	plain, err := none.Converter().ToPayload(secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(old, plain); err != nil || got != secret {
		t.Errorf("of what was not sealed: %q, %v", got, err)
	}
	blob := both.Blob([]byte(secret))
	if bytes.Contains(blob, []byte("vault")) || bytes.Equal(blob, both.Blob([]byte(secret))) {
		t.Error("the blob can be read, or told from another")
	}
	if got, err := both.OpenBlob(blob); err != nil || string(got) != secret {
		t.Errorf("the blob is %q, %v", got, err)
	}
	for name, k := range map[string]*Keys{"an older key": old, "no key": none} {
		if _, err := k.OpenBlob(blob); err == nil {
			t.Errorf("the blob was read with %s", name)
		}
	}
	if got, err := old.OpenBlob([]byte(secret)); err != nil || string(got) != secret {
		t.Errorf("a blob that was not sealed is %q, %v", got, err)
	}
}

// Keys that others can read, or that are none, are refused, and not told.
func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := ReadKeys(file(t, 0o640, "a")); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("keys that others can read: %v", err)
	}
	if _, err := ReadKeys(file(t, 0o440, "a")); err != nil {
		t.Errorf("keys as Kubernetes gives them: %v", err)
	}
	if _, err := ReadKeys(file(t, 0o600, "")); err == nil || !strings.Contains(err.Error(), "has no key") {
		t.Errorf("no keys: %v", err)
	}
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("# ours\nc2hvcnQ=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeys(path); err == nil || !strings.Contains(err.Error(), "line 2") ||
		strings.Contains(err.Error(), "c2hv") {
		t.Errorf("a key that is too short: %v", err)
	}
}
