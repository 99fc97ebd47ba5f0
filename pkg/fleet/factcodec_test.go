package fleet

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// factTypes is one value of each type of fact, by the name it has in the code.
func factTypes() map[string]Fact {
	m := map[string]Fact{}
	for _, f := range []Fact{RunOpened{}, Resumed{}, WaveOpened{}, WaveDone{}, RunHalted{}, FailuresAccepted{},
		Approved{}, GateOpened{}, RunSuspended{},
		RunClosed{}, DeadlinePassed{}, Validated{}, StartIntended{}, StartAnswered{}, NotSent{}, Reconciled{},
		Observed{}, Inspected{},
		Verified{}, Throttled{}, AccessDenied{}, StartWaits{}, Reopened{}, Refreshed{}, Paused{}, Stopped{}, Held{},
		LimitsChanged{}, Noted{}} {
		m[reflect.TypeOf(f).Name()] = f
	}
	return m
}

// TestDecodersCoverEveryFact reads the source: a type that has a method Name
// on a plain receiver in a file of facts is a fact, and must have its decoder
// and its place in these tests.
func TestDecodersCoverEveryFact(t *testing.T) {
	t.Parallel()
	var declared []string
	for _, name := range []string{"fact.go", "orderfact.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Name" && f.Recv != nil {
				declared = append(declared, f.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	slices.Sort(declared)
	if len(declared) == 0 {
		t.Fatal("no file declares a fact")
	}
	if got := FactNames(); !slices.Equal(got, declared) {
		t.Errorf("decoders for %v\nfacts        %v", got, declared)
	}
	if got := slices.Sorted(maps.Keys(factTypes())); !slices.Equal(got, declared) {
		t.Errorf("these tests know %v\nfacts            %v", got, declared)
	}
}

// fill sets every field reachable from v to something that is not zero. A
// second round of fields differs from the first.
func fill(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 3, 16, 11, 0, *n, 123456700, time.UTC)))
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes(fmt.Appendf(nil, `{"n":%d}`, *n))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case v.Kind() == reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case v.Kind() == reflect.String:
		v.SetString("wört \"" + strings.Repeat("x", *n%7) + "\" <&>\n")
	case v.CanInt():
		v.SetInt(int64(*n))
	case v.CanFloat():
		v.SetFloat(float64(*n) + 0.5)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		panic("no way to fill " + v.Type().String())
	}
}

// TestFactsRoundTrip: nothing of a fact is lost in the journal, neither full
// nor empty.
func TestFactsRoundTrip(t *testing.T) {
	t.Parallel()
	for name, zero := range factTypes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if zero.Name() != name {
				t.Errorf("the journal calls it %s", zero.Name())
			}
			full := reflect.New(reflect.TypeOf(zero)).Elem()
			n := 0
			fill(full, &n)
			for _, f := range []Fact{zero, full.Interface().(Fact)} {
				want := Event{At: time.Date(2026, 3, 16, 11, 0, 0, 1, time.UTC), Fact: f}
				data, err := json.Marshal(want)
				if err != nil {
					t.Fatal(err)
				}
				var got Event
				if err := json.Unmarshal(data, &got); err != nil {
					t.Fatalf("%s: %v", data, err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nbecame %+v\nwant   %+v", data, got, want)
				}
				if vf, ok := f.(VaultFact); ok {
					if k := reflect.ValueOf(f).FieldByName("Vault").Interface().(Key); vf.VaultKey() != k {
						t.Errorf("VaultKey is %q, want %q", vf.VaultKey(), k)
					}
				}
			}
		})
	}
}

// TestEveryFactWithAVaultIsAVaultFact: the fold would not find its vault
// otherwise.
func TestEveryFactWithAVaultIsAVaultFact(t *testing.T) {
	t.Parallel()
	for name, f := range factTypes() {
		_, has := reflect.TypeOf(f).FieldByName("Vault")
		if _, is := f.(VaultFact); is != has {
			t.Errorf("%s: a field Vault: %t, a VaultFact: %t", name, has, is)
		}
	}
}

func TestEventTimesAreUTC(t *testing.T) {
	t.Parallel()
	sydney := time.FixedZone("AEDT", 11*3600)
	data, err := json.Marshal(Event{At: time.Date(2026, 3, 16, 22, 0, 0, 0, sydney), Fact: WaveDone{Wave: "canary"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-03-16T11:00:00Z","fact":"WaveDone","data":{"wave":"canary"}}`
	if string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
}

// TestJournalOfAnotherVersion: what this version does not know is an error,
// never read as less than it says.
func TestJournalOfAnotherVersion(t *testing.T) {
	t.Parallel()
	event := func(fact, data string) string {
		return `{"at":"2026-03-16T11:00:00Z","fact":"` + fact + `","data":` + data + `}`
	}
	for _, c := range []struct{ name, in, want string }{
		{"a fact it does not know", event("Vanquished", `{}`), `fact "Vanquished" that this version does not know`},
		{"no fact", event("", `{}`), "does not know"},
		{"another case", event("waveDone", `{}`), "does not know"},
		{"a field it does not know", event("WaveDone", `{"wave":"canary","soak":"30m"}`), "soak"},
		{"a field inside a record", event("Observed",
			`{"vault":"v","operationId":"o","record":{"operationId":"o","state":"Failed","why":1}}`), "why"},
		{"a wrong type", event("WaveDone", `{"wave":7}`), "WaveDone"},
		{"more than the fact", event("WaveDone", `{"wave":"a"} {}`), ""},
		{"no data", `{"at":"2026-03-16T11:00:00Z","fact":"WaveDone"}`, "WaveDone"},
		{"a list", `[]`, ""},
		{"nothing", ``, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var e Event
			err := json.Unmarshal([]byte(c.in), &e)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want an error with %q", err, c.want)
			}
			if e.Fact != nil {
				t.Errorf("and a fact: %+v", e.Fact)
			}
		})
	}
}
