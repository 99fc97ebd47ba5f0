package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/fleetup-dev/fleetup/internal/strictjson"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// shortFingerprint is how much of a fingerprint people are shown.
const shortFingerprint = 8

// ShortFingerprint is the plan's fingerprint as people read and compare it:
// its first eight characters.
func (p *Plan) ShortFingerprint() string {
	return p.Fingerprint[:min(len(p.Fingerprint), shortFingerprint)]
}

// computeFingerprint hashes the plan's JSON without the fingerprint. The form
// is canonical: fields stand in the order of the types, keys of maps are
// sorted. It is empty for a plan that JSON cannot hold (an infinite number, a
// year past 9999), which faults reports.
func (p *Plan) computeFingerprint() string {
	bare := *p
	bare.Fingerprint = ""
	h := sha256.New()
	if err := writeJSON(h, &bare); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeJSON writes what an Encoder would, vault by vault: the JSON of a large fleet
// would be in memory two or three times while it grows.
func writeJSON(w io.Writer, p *Plan) error {
	var b bytes.Buffer
	encode := json.NewEncoder(&b)
	one := *p
	one.Vaults = []Vault{{}}
	mark, err := json.Marshal(&one.Vaults[0])
	if err != nil {
		return err
	}
	if err := encode.Encode(&one); err != nil {
		return err
	}
	before, after, found := bytes.Cut(bytes.Clone(b.Bytes()), mark)
	if !found || len(p.Vaults) == 0 || bytes.Contains(after, mark) { // something else looks like a vault
		return json.NewEncoder(w).Encode(p)
	}
	write := func(text []byte) {
		if err == nil {
			_, err = w.Write(text)
		}
	}
	write(before)
	for i := range p.Vaults {
		b.Reset()
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encode.Encode(&p.Vaults[i]); err != nil {
			return err
		}
		write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	}
	write(after)
	return err
}

// Errors of Check and Decode; test with errors.Is.
var (
	// ErrFingerprint says a plan is not what it was when it was made.
	ErrFingerprint = errors.New("the plan does not match its fingerprint: it was changed after it was made")
	// ErrSchemaVersion says a plan was made by another version of fleetup.
	ErrSchemaVersion = errors.New("the plan has a format that this version of fleetup cannot read")
	// ErrInvalid says a plan contradicts itself or its format.
	ErrInvalid = errors.New("the plan is not valid")
)

// Check recomputes the fingerprint and makes sure that the plan keeps every
// promise of its types, so that code which uses it need not. It returns an
// error that wraps ErrSchemaVersion, ErrFingerprint or ErrInvalid.
func (p *Plan) Check() error {
	if p.SchemaVersion != SchemaVersion {
		return fmt.Errorf("%w: it is version %d, wanted %d; make it again with \"fleetup plan --out\"",
			ErrSchemaVersion, p.SchemaVersion, SchemaVersion)
	}
	if got := p.computeFingerprint(); got == "" || got != p.Fingerprint {
		return fmt.Errorf("%w; make it again with \"fleetup plan --out\"", ErrFingerprint)
	}
	if faults := p.faults(); len(faults) > 0 {
		return fmt.Errorf("%w: %s (%d in all); make it again with \"fleetup plan --out\"",
			ErrInvalid, faults[0], len(faults))
	}
	return nil
}

// Encode returns the plan as a saved plan's file holds it.
func Encode(p *Plan) ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	return append(data, '\n'), nil
}

// KindOf is the kind of a plan as it was encoded, of whatever version; the plan is not
// checked.
func KindOf(data []byte) (fleet.Kind, error) {
	var head struct {
		Kind fleet.Kind `json:"kind"`
	}
	err := json.Unmarshal(data, &head)
	return head.Kind, err
}

// Decode reads what Encode wrote and checks it (see Check). Unknown fields and
// anything after the plan are errors that wrap ErrInvalid.
func Decode(data []byte) (*Plan, error) {
	return decode(data, func(p *Plan) error {
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(p); err != nil {
			return err
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return errors.New("something follows the plan")
		}
		return nil
	})
}

// ReadSaved is Decode of a saved plan's file, which people look at and may have edited:
// what it says twice, or in other capitals, is an error with its place.
func ReadSaved(data []byte) (*Plan, error) {
	return decode(data, func(p *Plan) error { return strictjson.Decode(data, p) })
}

func decode(data []byte, read func(*Plan) error) (*Plan, error) {
	// The version first: the fields of another version would be unknown here.
	var head struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		if placed := read(&Plan{}); placed != nil {
			err = placed
		}
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if head.SchemaVersion != SchemaVersion {
		return nil, (&Plan{SchemaVersion: head.SchemaVersion}).Check()
	}
	var p Plan
	if err := read(&p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	p.compact()
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &p, nil
}
