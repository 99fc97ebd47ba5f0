package arm

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// wantText demands what every text of an answer must be before it is journalled
// and shown: one line, no steering character, bounded.
func wantText(t *testing.T, what, s string) {
	t.Helper()
	if n := utf8.RuneCountInString(s); n > 3*text.MaxMessage {
		t.Errorf("%s has %d characters", what, n)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s,
		func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		t.Errorf("%s is %q", what, s)
	}
}

// FuzzVault: an answer is the vault that was asked for or nothing, and its state
// is spelled in one way, before the journal and after.
func FuzzVault(f *testing.F) {
	for _, seed := range []string{vaultJSON(asWas), vaultJSON(asIs),
		vaultJSON(`{"settings":{"n":1e999,"s":"\ud800\u202e"}}`), vaultJSON(`{}`) + "x",
		`{"id":"` + vaultID + `","name":5,"location":["x"],"properties":{"provisioningState":"Updating\n"}}`,
		`{"id":"` + vaultID + `","properties":{"settings":{"settings":null,"Settings":2}}}`} {
		f.Add([]byte(seed))
	}
	u := &Upgrader{change: testChange()}
	f.Fuzz(func(t *testing.T, body []byte) {
		res, err := u.parse(testVault(), &azure.Response{Status: 200, Header: http.Header{}, Body: body}, "read it")
		if err != nil {
			if res != nil || fleet.ClassOf(err) != fleet.CallGarbled {
				t.Errorf("%+v and %v", res, err)
			}
			wantText(t, "an error", err.Error())
			return
		}
		if !strings.EqualFold(res.ID, vaultID) {
			t.Errorf("another vault: %q", res.ID)
		}
		for _, s := range []string{res.ID, res.Name, res.Location, res.ProvisioningState} {
			wantText(t, "a vault", s)
		}
		state, err := parseState(res.raw)
		if err != nil {
			t.Fatalf("%s: %v", res.raw, err)
		}
		again, err := json.Marshal(state)
		if err != nil || string(again) != string(res.raw) {
			t.Errorf("%s is %s after the journal (%v)", res.raw, again, err)
		}
		// What was read of it is what it holds.
		back, err := json.Marshal(map[string]any{"properties": res.Properties})
		if err != nil {
			t.Fatal(err)
		}
		v := testVault()
		v.Restore = back
		if why := (&Change{Sections: u.change.Sections}).reached(nil, v, res); why == "" {
			t.Errorf("it does not hold its own properties: %s", back)
		}
	})
}

// FuzzStatus: an operation's status is a record that can be journalled, or an
// error; and nothing but the words of success means that it succeeded.
func FuzzStatus(f *testing.F) {
	for _, seed := range []string{stands("InProgress", started).body, stands("Succeeded", ended).body,
		stands("Failed", failing).body, stands("Canceled", "").body,
		`{"status":"SUCCEEDED","startTime":"0000-01-01T00:00:00Z"}`, `{"status":""}`,
		`{"Status":"succeeded","status":"failed"}`, errorJSON("DiskFull", "full"), `[]`} {
		f.Add(200, []byte(seed))
		f.Add(202, []byte(seed))
		f.Add(400, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, code int, body []byte) {
		for name, read := range map[string]func(*fleet.Vault, *azure.Response) polled{"status": readStatus,
			"result": readResult} {
			p := read(testVault(), &azure.Response{Status: code, Header: http.Header{}, Body: body})
			wantText(t, "a reason", p.why.Code+p.why.Message)
			lower := strings.ToLower(string(body))
			if name == "status" && p.standing == done &&
				(code >= 300 || !strings.Contains(lower, "succe") && !strings.Contains(lower, `\u`)) {
				t.Errorf("succeeded by %d %s", code, body)
			}
			if name == "status" && p.standing == failed && code >= 300 {
				t.Errorf("failed by %d", code)
			}
			f := fleet.Followed{Vault: testVault(), OperationID: op}
			if s := p.record(f); p.standing != silent {
				if _, err := json.Marshal(s.Record); err != nil {
					t.Errorf("a record that cannot be journalled: %v", err)
				}
			}
		}
	})
}

// FuzzAnswer: whatever comes back for a change, it is accepted only by the vault
// itself or by an address to follow; and what it says can be shown and journalled.
func FuzzAnswer(f *testing.F) {
	_, rm, err := azure.NewAPIClients(azure.Options{Cloud: fleet.Cloud{ServiceManagement: "https://sm.example",
		ResourceManager: "https://arm.example/base/"}})
	if err != nil {
		f.Fatal(err)
	}
	u := &Upgrader{Options: Options{ResourceManager: rm}, change: testChange()}
	for _, s := range []int{200, 201, 202, 204, 307, 400, 401, 403, 404, 408, 409, 423, 429, 500} {
		f.Add(s, []byte(vaultJSON(asIs)), "https://arm.example/base/op/1?api-version=1", "")
		f.Add(s, []byte(errorJSON("ScopeLocked", "locked")), "https://arm.example.evil.example/base/op",
			"//evil.example/base/op")
		f.Add(s, []byte(`{"error":null}`), "/base/op", "https://arm.example:443/base/../op")
	}
	f.Fuzz(func(t *testing.T, code int, body []byte, status, location string) {
		h := http.Header{"Azure-Asyncoperation": {status}, "Location": {location}}
		a := u.answer(testVault(), &azure.Response{Status: code, Header: h, Body: body}, op)
		wantText(t, "an answer", a.Code+" "+a.Message+" "+a.Action)
		if _, err := json.Marshal(a); err != nil {
			t.Errorf("an answer that cannot be journalled: %v", err)
		}
		if a.Verdict == fleet.StartAccepted {
			switch {
			case a.Done && code/100 == 2 && a.Operation == nil:
			case !a.Done && (code == 202 || code == 200 || code == 201) && a.Operation != nil:
			default:
				t.Errorf("accepted by %d: %+v", code, a)
			}
		}
		if a.Operation != nil {
			for _, path := range []string{a.Operation.StatusURL, a.Operation.ResultURL} {
				if path != "" && !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
					t.Errorf("to be followed at %q", path)
				}
			}
		}
	})
}
