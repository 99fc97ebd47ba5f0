package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Actions and observations cross from process to process as JSON: an object with the
// name of the type and what it says. Fields are added and never renamed, so that a
// later version reads what an earlier one has written. The other way round is an
// error, as for a ledger: a type or a field that this version does not know must not
// be read as less than it says.
//
// Addresses of operations are written without their signatures, as everywhere
// (fleet.Operation). Who carries an action out in another process and wants to follow
// the operation by its address keeps what Seal gives, by the vault, and opens the
// operation of the action with it; of one that stays sealed the vault itself tells.

// envelope is an action or an observation as it is written.
type envelope struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

var actionDecoders = map[string]func([]byte) (Action, error){
	"Validate":  decodeAction[Validate],
	"Prepare":   decodeAction[Prepare],
	"Send":      decodeAction[Send],
	"Reconcile": decodeAction[Reconcile],
	"Verify":    decodeAction[Verify],
	"Explain":   decodeAction[Explain],
	"Watch":     decodeAction[Watch],
	"Wake":      decodeAction[Wake],
	"Exit":      decodeAction[Exit],
}

var observationDecoders = map[string]func([]byte) (Observation, error){
	"Commanded":     decodeObservation[Commanded],
	"Clock":         decodeObservation[Clock],
	"Interrupted":   decodeObservation[Interrupted],
	"ValidateDone":  decodeObservation[ValidateDone],
	"PrepareDone":   decodeObservation[PrepareDone],
	"PrepareFailed": decodeObservation[PrepareFailed],
	"SendDone":      decodeObservation[SendDone],
	"ReconcileDone": decodeObservation[ReconcileDone],
	"VerifyDone":    decodeObservation[VerifyDone],
	"ExplainDone":   decodeObservation[ExplainDone],
	"ReadDone":      decodeObservation[ReadDone],
	"ReadFailed":    decodeObservation[ReadFailed],
	"SlowDown":      decodeObservation[SlowDown],
}

func decodeAction[T Action](data []byte) (Action, error) {
	var a T
	err := decodeStrictly(data, &a)
	return a, err
}

func decodeObservation[T Observation](data []byte) (Observation, error) {
	var o T
	err := decodeStrictly(data, &o)
	return o, err
}

// ActionNames lists the types of actions by the names that are written.
func ActionNames() []string { return slices.Sorted(maps.Keys(actionDecoders)) }

// ObservationNames lists the types of observations by the names that are written.
func ObservationNames() []string { return slices.Sorted(maps.Keys(observationDecoders)) }

// EncodeAction writes an action. An error means a type without a codec, or a time that
// JSON cannot hold.
func EncodeAction(a Action) ([]byte, error) {
	name := typeName(a)
	if _, ok := actionDecoders[name]; !ok {
		return nil, fmt.Errorf("the action %s has no codec", name)
	}
	return encode(name, a)
}

// DecodeAction reads an action that this version, or an earlier one, has written.
func DecodeAction(data []byte) (Action, error) {
	e, err := open(data)
	if err != nil {
		return nil, fmt.Errorf("an action cannot be read: %w", err)
	}
	decode, ok := actionDecoders[e.Type]
	if !ok {
		return nil, fmt.Errorf("%q is no action that this version knows", e.Type)
	}
	a, err := decode(e.Data)
	if err != nil {
		return nil, fmt.Errorf("the action %s cannot be read: %w", e.Type, err)
	}
	return a, nil
}

// EncodeObservation writes an observation. An error means a type without a codec, or a
// time that JSON cannot hold.
func EncodeObservation(o Observation) ([]byte, error) {
	name := typeName(o)
	if _, ok := observationDecoders[name]; !ok {
		return nil, fmt.Errorf("the observation %s has no codec", name)
	}
	return encode(name, o)
}

// DecodeObservation reads an observation that this version, or an earlier one, has
// written.
func DecodeObservation(data []byte) (Observation, error) {
	e, err := open(data)
	if err != nil {
		return nil, fmt.Errorf("an observation cannot be read: %w", err)
	}
	decode, ok := observationDecoders[e.Type]
	if !ok {
		return nil, fmt.Errorf("%q is no observation that this version knows", e.Type)
	}
	o, err := decode(e.Data)
	if err != nil {
		return nil, fmt.Errorf("the observation %s cannot be read: %w", e.Type, err)
	}
	return o, nil
}

func typeName(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).Name()
}

func encode(name string, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err == nil {
		data, err = json.Marshal(envelope{name, data})
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", name, err)
	}
	return data, nil
}

func open(data []byte) (e envelope, err error) {
	if err = decodeStrictly(data, &e); err == nil && (len(e.Data) == 0 || string(e.Data) == "null") {
		err = errors.New("it says nothing")
	}
	return e, err
}

// decodeStrictly reads one JSON value whose fields are all known.
func decodeStrictly(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if len(bytes.TrimSpace(data[d.InputOffset():])) > 0 {
		return errors.New("more follows it")
	}
	return nil
}

// MarshalJSON writes the fact under its name, as the journal does.
func (o Commanded) MarshalJSON() ([]byte, error) {
	if o.Fact == nil {
		return nil, errors.New("a command without a fact")
	}
	return json.Marshal(fleet.Event{Fact: o.Fact})
}

// UnmarshalJSON reads what MarshalJSON has written.
func (o *Commanded) UnmarshalJSON(data []byte) error {
	var e fleet.Event
	err := json.Unmarshal(data, &e)
	if o.Fact = e.Fact; err == nil && o.Fact == nil {
		err = errors.New("a command without a fact")
	}
	return err
}
