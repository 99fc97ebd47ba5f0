package rollout

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var (
	allActions      = []Action{Validate{}, Prepare{}, Send{}, Reconcile{}, Verify{}, Explain{}, Watch{}, Wake{}, Exit{}}
	allObservations = []Observation{Commanded{}, Clock{}, Interrupted{}, ValidateDone{}, PrepareDone{}, PrepareFailed{},
		SendDone{},
		ReconcileDone{}, VerifyDone{}, ExplainDone{}, ReadDone{}, ReadFailed{}, SlowDown{}}
	// allFacts are enough of what Commanded carries; fleet tries them all.
	allFacts = []fleet.Fact{fleet.Resumed{}, fleet.FailuresAccepted{}, fleet.Approved{}, fleet.Paused{},
		fleet.Stopped{}, fleet.LimitsChanged{},
		fleet.Held{}, fleet.Noted{}, fleet.Reopened{}}
)

// TestEveryTypeHasACodec reads the source: a type with the method action, or order,
// is an action or an observation, and must have its codec and its place in these tests.
func TestEveryTypeHasACodec(t *testing.T) {
	t.Parallel()
	declared := map[string][]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "action" && f.Name.Name != "order" {
				continue
			}
			if recv, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
				declared[f.Name.Name] = append(declared[f.Name.Name], recv.Name)
			}
		}
	}
	names := func(values any) (out []string) {
		for i := range reflect.ValueOf(values).Len() {
			out = append(out, reflect.ValueOf(values).Index(i).Elem().Type().Name())
		}
		return out
	}
	for _, c := range []struct {
		method          string
		codecs, written []string
	}{{"action", ActionNames(), names(allActions)}, {"order", ObservationNames(), names(allObservations)}} {
		want := declared[c.method]
		slices.Sort(want)
		slices.Sort(c.written)
		if len(want) == 0 || !slices.Equal(want, c.codecs) || !slices.Equal(want, c.written) {
			t.Errorf("the types with %s are %v\nthose with a codec  %v\nthose that are tried %v", c.method, want,
				c.codecs, c.written)
		}
	}
}

// TestBorderIsData: nothing that crosses the border has a place for what only one
// process has: a function, a channel, an interface, an unexported field. The fact of a
// command has a codec of its own.
func TestBorderIsData(t *testing.T) {
	t.Parallel()
	known := map[reflect.Type]bool{reflect.TypeFor[time.Time](): true, reflect.TypeFor[fleet.Fact](): true}
	var look func(path string, typ reflect.Type)
	look = func(path string, typ reflect.Type) {
		if known[typ] {
			return
		}
		known[typ] = true
		switch typ.Kind() {
		case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Uintptr:
			t.Errorf("%s is a %s", path, typ)
		case reflect.Pointer, reflect.Slice, reflect.Array:
			look(path, typ.Elem())
		case reflect.Map:
			look(path, typ.Key())
			look(path, typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				if !f.IsExported() || f.Tag.Get("json") == "" && typ.PkgPath() != "" &&
					typ != reflect.TypeFor[Commanded]() {
					t.Errorf("%s.%s is not written, or under no name of its own", path, f.Name)
				}
				look(path+"."+f.Name, f.Type)
			}
		}
	}
	for _, a := range allActions {
		look(typeName(a), reflect.TypeOf(a))
	}
	for _, o := range allObservations {
		look(typeName(o), reflect.TypeOf(o))
	}
}

// arbitrary draws a value for everything that is reachable from v.
func arbitrary(t *rapid.T, v reflect.Value) {
	yes := func() bool { return rapid.Bool().Draw(t, "yes") }
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		if yes() {
			at := time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(t, "at")).UTC()
			v.Set(reflect.ValueOf(at))
		}
	case v.Type() == reflect.TypeFor[fleet.Fact]():
		f := reflect.New(reflect.TypeOf(rapid.SampledFrom(allFacts).Draw(t, "fact"))).Elem()
		arbitrary(t, f)
		v.Set(f)
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		if yes() {
			data, _ := json.Marshal(map[string]string{"s": rapid.String().Draw(t, "s")})
			v.SetBytes(data)
		}
	case v.Type() == reflect.TypeFor[fleet.Operation]():
		v.Set(reflect.ValueOf(fleet.Operation{StatusURL: "/a/b?api-version=1",
			RetryAfter: time.Duration(rapid.Int64().Draw(t, "retry"))}))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			arbitrary(t, v.Field(i))
		}
	case v.Kind() == reflect.Pointer:
		if yes() {
			v.Set(reflect.New(v.Type().Elem()))
			arbitrary(t, v.Elem())
		}
	case v.Type() == reflect.TypeFor[[]byte]():
		if b := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "bytes"); len(b) > 0 {
			v.SetBytes(b)
		}
	case v.Kind() == reflect.Slice:
		if n := rapid.IntRange(0, 2).Draw(t, "n"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				arbitrary(t, v.Index(i))
			}
		}
	case v.Kind() == reflect.Map:
		if n := rapid.IntRange(0, 2).Draw(t, "n"); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				arbitrary(t, key)
				arbitrary(t, elem)
				v.SetMapIndex(key, elem)
			}
		}
	case v.Kind() == reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case v.CanInt():
		v.SetInt(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "number"))
	case v.Kind() == reflect.Bool:
		v.SetBool(yes())
	default:
		panic("no way to draw " + v.Type().String())
	}
}

// TestCodecsRoundTrip: nothing of an action or an observation is lost between two
// processes.
func TestCodecsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, zero := range allActions {
		t.Run(typeName(zero), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				v := reflect.New(reflect.TypeOf(zero)).Elem()
				arbitrary(t, v)
				want := v.Interface().(Action)
				data, err := EncodeAction(want)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := DecodeAction(data); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nbecame %+v, %v\nwant   %+v", data, got, err, want)
				}
			})
		})
	}
	for _, zero := range allObservations {
		t.Run(typeName(zero), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				v := reflect.New(reflect.TypeOf(zero)).Elem()
				arbitrary(t, v)
				want := v.Interface().(Observation)
				data, err := EncodeObservation(want)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := DecodeObservation(data); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nbecame %+v, %v\nwant   %+v", data, got, err, want)
				}
			})
		})
	}
}

// Less than what is written is not read.
func TestCodecsAreStrict(t *testing.T) {
	t.Parallel()
	if _, err := DecodeAction([]byte(`{"type":"Verify","data":{"vault":1,"operationId":"op"}}`)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{``, `null`, `{}`, `[]`, `{"type":"Verify"}`, `{"type":"Verify","data":null}`,
		`{"type":"Later","data":{}}`,
		`{"type":"Verify","data":{"vault":1,"operationId":"op","later":true}}`,
		`{"type":"Verify","data":{},"later":true}`,
		`{"type":"Verify","data":{}} {}`, `{"type":"Verify","data":{"vault":"1"}}`, `{"type":"ReadDone","data":{}}`} {
		if a, err := DecodeAction([]byte(bad)); err == nil {
			t.Errorf("%s was read as %+v", bad, a)
		}
	}
	for _, bad := range []string{``, `{"type":"Commanded","data":{}}`, `{"type":"Commanded","data":null}`,
		`{"type":"Commanded","data":{"at":"2026-03-16T22:00:00Z","fact":"Later","data":{}}}`,
		`{"type":"Verify","data":{}}`,
		`{"type":"VerifyDone","data":{"vault":"v","error":{}}}`} {
		if o, err := DecodeObservation([]byte(bad)); err == nil {
			t.Errorf("%s was read as %+v", bad, o)
		}
	}
	if _, err := EncodeObservation(Commanded{}); err == nil {
		t.Error("a command without a fact was written")
	}
	if _, err := EncodeAction(nil); err == nil {
		t.Error("nothing was written as an action")
	}
}

// The signature of an operation's address is not handed on; what stays of it can be
// opened again by who kept the signature.
func TestCodecsSealOperations(t *testing.T) {
	t.Parallel()
	const secret = "c2lnbmF0dXJl"
	o := fleet.Operation{StatusURL: "/subscriptions/s/operations/o1?api-version=1&s=" + secret}
	_, key := o.Seal()
	for _, a := range []Action{Watch{On: true, Operation: &o}, Explain{Operation: &o}} {
		data, err := EncodeAction(a)
		if err != nil || bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s, %v", data, err)
		}
	}
	data, err := EncodeObservation(SendDone{Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, Operation: &o}})
	if err != nil || bytes.Contains(data, []byte(secret)) {
		t.Errorf("%s, %v", data, err)
	}
	back, err := DecodeObservation(data)
	if err != nil {
		t.Fatal(err)
	}
	got := back.(SendDone).Answer.Operation
	if got.Followable() != nil || !got.Open(key) || got.StatusURL != o.StatusURL {
		t.Errorf("it became %+v", got)
	}
}

// seeds are one full and one empty value of each type, and some that are none.
func seeds[T any](zeroes []T, write func(T) ([]byte, error)) (out [][]byte) {
	for _, zero := range zeroes {
		full := rapid.Custom(func(t *rapid.T) T {
			v := reflect.New(reflect.TypeOf(zero)).Elem()
			rapid.Bool().Draw(t, "something") // for a type without fields
			arbitrary(t, v)
			return v.Interface().(T)
		}).Example(len(out))
		for _, v := range []T{zero, full} {
			if data, err := write(v); err == nil {
				out = append(out, data)
			}
		}
	}
	for _, seed := range []string{"", "null", "{}", "[]", `{"type":"Wake","data":{"at":"9999-12-31T23:59:59-14:00"}}`,
		`{"type":"Wake","data":{"at":"0000-01-01T00:00:00+14:00"}}`,
		`{"type":"Clock","data":{"wall":"2026-03-16T22:00:00+11:00"}}`,
		`{"type":"ReadDone","data":{"snapshot":{"vaults":{"":{"state": {"a" : 1} }}}}}`,
		`{"type":"Send","data":{"start":{"body":"\ud800"}}}`} {
		out = append(out, []byte(seed))
	}
	return out
}

// FuzzActionCodec: what is read as an action can be written, and means the same when
// it is read again; what cannot be is an error.
func FuzzActionCodec(f *testing.F) {
	for _, seed := range seeds(allActions, EncodeAction) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { roundTrip(t, data, DecodeAction, EncodeAction) })
}

// FuzzObservationCodec is FuzzActionCodec for observations.
func FuzzObservationCodec(f *testing.F) {
	for _, seed := range seeds(allObservations, EncodeObservation) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { roundTrip(t, data, DecodeObservation, EncodeObservation) })
}

func roundTrip[T any](t *testing.T, data []byte, read func([]byte) (T, error), write func(T) ([]byte, error)) {
	v, err := read(data)
	if err != nil {
		return
	}
	once, err := write(v)
	if err != nil {
		t.Fatalf("%s was read and cannot be written: %v", data, err)
	}
	back, err := read(once)
	if err != nil {
		t.Fatalf("%s was written and cannot be read: %v", once, err)
	}
	if twice, err := write(back); err != nil || !bytes.Equal(once, twice) {
		t.Errorf("%s became %s, %v", once, twice, err)
	}
	if a, b := reflect.TypeOf(v), reflect.TypeOf(back); a != b {
		t.Errorf("%v became %v", a, b)
	}
}

// The names of the two kinds do not meet, nor do those of observations and facts.
func TestNamesAreApart(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for kind, names := range map[string][]string{"a fact": fleet.FactNames(), "an action": ActionNames(),
		"an observation": ObservationNames()} {
		for _, name := range names {
			if other := taken[name]; other != "" {
				t.Errorf("%s is the name of both %s and %s", name, other, kind)
			}
			taken[name] = kind
		}
	}
	if len(taken) <= len(fleet.FactNames()) {
		t.Error("nothing was compared")
	}
}
