package fleet

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzEvent: the journal may hold anything. What is read as an event can be
// written, and means the same when it is read again; what cannot be is an
// error.
func FuzzEvent(f *testing.F) {
	n := 0
	for name, fact := range factTypes() {
		v := reflect.New(reflect.TypeOf(fact)).Elem()
		fill(v, &n)
		for _, fact := range []Fact{fact, v.Interface().(Fact)} {
			data, err := json.Marshal(Event{At: time.Date(2026, 3, 16, 22, 0, 0, 123456700, time.UTC), Fact: fact})
			if err != nil {
				f.Fatalf("%s: %v", name, err)
			}
			f.Add(data)
		}
	}
	for _, seed := range []string{"", "null", "{}", `[]`, `{"fact":"WaveOpened"}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":null}`,
		`{"at":"9999-12-31T23:59:59-14:00","fact":"WaveOpened","data":{"wave":"a"}}`,
		`{"at":"0000-01-01T00:00:00+14:00","fact":"WaveOpened","data":{"wave":"a"}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":{"wave":"a"},"later":1}`,
		`{"at":"2026-03-16T22:00:00+11:00","fact":"Throttled","data":{"until":"9999-12-31T23:59:59-14:00"}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":{"wave":"a"}{}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":{"WAVE":"\ud800"}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":{"wave":"a"},"data":{"wave":"b"}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":{"wave":"a"} } `,
		`{"at":null,"fact":"WaveOpened","data":{"wave":"a"}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":{"wave":"a\",\"data\":"}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":{"wave":"a"}}x`,
		`{"at":"2026-03-16T22:00:00Z","fact":"WaveOpened","data":}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"StartIntended","data":{"vault":"a","operationId":"o","attempt":1,` +
			`"before":{"a":[1,"]"]}}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"StartIntended","data":{"vault":"a","operationId":"o","attempt":-0}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"Verified","data":{"vault":"\ud800","operationId":"` + "\xff" +
			`","resourceId":"\u003c"}}`,
		`{"at":"2026-03-16T22:00:00Z","fact":"Observed","data":{"vault":"a","operationId":"o","record":` +
			`{"operationId":"o","state":"InProgress","startedAt":"2026-03-16T22:00:00+11:00"},"late":true}}`,
		strings.Repeat(`{"data":`, 10_001)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var e Event
		err := json.Unmarshal(data, &e)
		if read, other := ReadEvent(data); (err == nil) != (other == nil) || !reflect.DeepEqual(read, e) {
			t.Fatalf("%s is read as %v, %v, want %v, %v", data, read, other, e, err)
		}
		if err != nil || e.Fact == nil {
			return // a null leaves the event as it was, as JSON wants it
		}
		once, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%s was read and cannot be written: %v", data, err)
		}
		var back Event
		if err := json.Unmarshal(once, &back); err != nil {
			t.Fatalf("%s was written and cannot be read: %v", once, err)
		}
		twice, err := json.Marshal(back)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s became %s, %v", once, twice, err)
		}
		if back.Fact.Name() != e.Fact.Name() || !back.At.Equal(e.At) {
			t.Errorf("%s at %v became %s at %v", e.Fact.Name(), e.At, back.Fact.Name(), back.At)
		}
	})
}
