package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// eventJSON is an event as the journal stores it.
type eventJSON struct {
	At   time.Time       `json:"at"`
	Fact string          `json:"fact"`
	Data json.RawMessage `json:"data"`
}

// decoders holds one decoder for each type of fact; those of orders stand beside them.
var decoders = map[string]func(json.RawMessage) (Fact, error){
	"RunOpened":        decode[RunOpened],
	"Resumed":          decode[Resumed],
	"WaveOpened":       decode[WaveOpened],
	"WaveDone":         decode[WaveDone],
	"RunHalted":        decode[RunHalted],
	"FailuresAccepted": decode[FailuresAccepted],
	"Approved":         decode[Approved],
	"GateOpened":       decode[GateOpened],
	"RunSuspended":     decodeSuspended,
	"RunClosed":        decode[RunClosed],
	"DeadlinePassed":   decode[DeadlinePassed],
	"Validated":        decode[Validated],
	"StartIntended":    decode[StartIntended],
	"StartAnswered":    decode[StartAnswered],
	"NotSent":          decode[NotSent],
	"StartWaits":       decode[StartWaits],
	"Reconciled":       decode[Reconciled],
	"Observed":         decode[Observed],
	"Inspected":        decode[Inspected],
	"Verified":         decode[Verified],
	"Throttled":        decode[Throttled],
	"AccessDenied":     decode[AccessDenied],
	"Reopened":         decode[Reopened],
	"Refreshed":        decode[Refreshed],
}

func decode[F Fact](data json.RawMessage) (Fact, error) {
	var f F
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("data after the fact")
	}
	return f, nil
}

// decoderOf is the decoder of a fact; ok is false for a name that this version does
// not know.
func decoderOf(name string) (d func(json.RawMessage) (Fact, error), ok bool) {
	if d, ok = decoders[name]; !ok {
		d, ok = orderDecoders[name]
	}
	return d, ok
}

// FactNames lists the types of facts by the names that the journal stores.
func FactNames() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(decoders)), maps.Keys(orderDecoders))
	slices.Sort(names)
	return names
}

// MarshalJSON writes the event with its fact's name.
func (e Event) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(e.Fact)
	if err != nil {
		return nil, err
	}
	return json.Marshal(eventJSON{At: e.At.UTC(), Fact: e.Fact.Name(), Data: data})
}

// ReadEvent reads an event as json.Unmarshal does. One in the spelling of MarshalJSON, as
// the journal has them, is gone over once instead of three times.
func ReadEvent(text []byte) (Event, error) {
	if e, ok := readWritten(text); ok {
		return e, nil
	}
	var e Event
	err := json.Unmarshal(text, &e)
	return e, err
}

// readWritten reads an event that MarshalJSON wrote; ok is false for anything else, of
// which nothing is said but that.
func readWritten(text []byte) (e Event, ok bool) {
	rest, ok := bytes.CutPrefix(text, []byte(`{"at":`))
	if !ok {
		return e, false
	}
	at, rest, ok := bytes.Cut(rest, []byte(`,"fact":"`))
	if !ok || e.At.UnmarshalJSON(at) != nil {
		return e, false
	}
	name, rest, ok := bytes.Cut(rest, []byte(`","data":`))
	if !ok {
		return e, false
	}
	data, ok := bytes.CutSuffix(rest, []byte("}"))
	read, known := decoderOf(string(name))
	if e.At = e.At.UTC(); !ok || !known || e.At.Year() < 0 || e.At.Year() > 9999 {
		return e, false
	}
	if e.Fact, ok = readQuick(name, data); ok {
		return e, true
	}
	var err error
	e.Fact, err = read(data)
	return e, err == nil
}

// UnmarshalJSON reads an event. A fact of an unknown name, or a field this
// version does not know, is an error: a ledger of a newer version must not be
// read as less than it says. What is read can be written again.
func (e *Event) UnmarshalJSON(b []byte) error {
	var j eventJSON
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return err
	}
	j.At = j.At.UTC()
	if y := j.At.Year(); y < 0 || y > 9999 {
		return fmt.Errorf("the journal holds an event of the year %d", y)
	}
	dec, ok := decoderOf(j.Fact)
	if !ok {
		return fmt.Errorf("the journal holds a fact %q that this version does not know", j.Fact)
	}
	f, err := dec(j.Data)
	if err != nil {
		return fmt.Errorf("fact %s: %w", j.Fact, err)
	}
	e.At, e.Fact = j.At, f
	return nil
}
