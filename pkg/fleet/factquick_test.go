package fleet

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestQuickReadersReadAllThatIsWritten: a field that a reader does not know is read
// right and slowly, which nobody would notice.
func TestQuickReadersReadAllThatIsWritten(t *testing.T) {
	t.Parallel()
	for name := range quickReaders {
		n := 0
		full := reflect.New(reflect.TypeOf(factTypes()[name])).Elem()
		fill(full, &n)
		for _, want := range []Fact{factTypes()[name], full.Interface().(Fact)} {
			data, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := readQuick([]byte(name), data); !ok || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s was read as %+v, %t; want %+v", name, data, got, ok, want)
			}
		}
	}
}

// TestQuickReadersLeaveTheRest: what json.Marshal does not write so is left to
// encoding/json, which may have another opinion.
func TestQuickReadersLeaveTheRest(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		``, `{`, `null`, `{}`, `{"vault":"a"}`,
		`{"vault":"a","operationId":"o","attempt":1} `,
		`{"vault":"a","operationId":"o","attempt":01}`,
		`{"vault":"a","operationId":"o","attempt":1.0}`,
		`{"vault":"a","operationId":"o","attempt":99999999999999999999}`,
		`{"vault":"a","operationId":"o","attempt":-}`,
		`{"vault":"a","operationId":"o","attempt":1,"attempt":2}`,
		`{"operationId":"o","vault":"a","attempt":1}`,
		`{"Vault":"a","operationId":"o","attempt":1}`,
		`{"vault":"a","operationId":"o","attempt":1,"later":1}`,
		`{"vault":"a","operationId":"o","attempt":1,"before":{"a":}}`,
		`{"vault":"a","operationId":"o","attempt":1,"before":{"a":1]}`,
		`{"vault":"a","operationId":"o","attempt":1,"before":null}`,
		`{"vault":"a","operationId":"o","attempt":1,"before":7}`,
		"{\"vault\":\"a\n\",\"operationId\":\"o\",\"attempt\":1}",
		`{"vault":"a\x","operationId":"o","attempt":1}`,
		`{"vault":"a\","operationId":"o","attempt":1}`,
		`{"vault":null,"operationId":"o","attempt":1}`,
	} {
		if got, ok := readQuick([]byte("StartIntended"), []byte(data)); ok {
			t.Errorf("%s was read as %+v", data, got)
		}
	}
	if got, ok := readQuick([]byte("Validated"), []byte(`{"vault":"a","verdict":"ready","requestIds":[]}`)); ok {
		t.Errorf("an empty list was read as %+v", got)
	}
}
