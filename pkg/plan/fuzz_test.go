package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzDecode: a plan file may hold anything. What is taken from one encodes to
// the same plan and keeps its promises; the rest is one of three errors. A
// changed plan is also tried as somebody would who knows how to sign it.
func FuzzDecode(f *testing.F) {
	whole, err := Encode(small())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for _, seed := range []string{"", "{}", "null", `{"schemaVersion":1}`, `{"schemaVersion":2}`, string(whole) + "{}",
		string(whole[:len(whole)/2]),
		`{"schemaVersion":1,"waves":[{"vaults":[99]}]}`, `{"schemaVersion":1,"vaults":[null]}`,
		strings.Repeat(`{"schemaVersion":`, 10_001),
		strings.Replace(string(whole), `"vaults": [`, `"vaults": [{},`, 1),
		strings.Replace(string(whole), "https", "http", 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tried := [][]byte{data}
		var p Plan
		if json.Unmarshal(data, &p) == nil {
			p.Fingerprint = p.computeFingerprint()
			if signed, err := Encode(&p); err == nil {
				tried = append(tried, signed)
			}
		}
		for _, data := range tried {
			p, err := Decode(data)
			if err != nil {
				if p != nil || !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrFingerprint) &&
					!errors.Is(err, ErrSchemaVersion) {
					t.Errorf("plan %v, error %v", p != nil, err)
				}
				continue
			}
			again, err := Encode(p)
			if err != nil {
				t.Fatalf("a decoded plan cannot be encoded: %v", err)
			}
			back, err := Decode(again)
			if err != nil {
				t.Fatalf("a decoded plan, encoded, is refused: %v", err)
			}
			if third, _ := Encode(back); !bytes.Equal(again, third) {
				t.Error("a decoded plan encodes to something else")
			}
			for w := range p.Waves {
				for _, i := range p.Waves[w].Vaults {
					_ = p.Vaults[i].Key // nothing points outside
				}
			}
		}
	})
}
