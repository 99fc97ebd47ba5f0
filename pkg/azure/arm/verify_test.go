package arm

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestReconcile: what a vault says of a start whose answer was lost. Only one that
// is at rest, and not as wanted, counts towards the proof that it did nothing.
func TestReconcile(t *testing.T) {
	t.Parallel()
	const off, on = `{"settings":{"mode":"Off"},"provisioningState":`, `{"settings":{"mode":"On"},"provisioningState":`
	rec := func(id string, state fleet.UpgradeState, presumed bool) *fleet.Record {
		return &fleet.Record{OperationID: id, State: state, Presumed: presumed, Message: "so it says"}
	}
	for name, tt := range map[string]struct {
		properties string        // "": the vault itself was not read
		as         string        // the operation that the reading was for
		record     *fleet.Record // in place of what the reading shows
		absent     bool
		want       fleet.Reading
		state      fleet.UpgradeState
	}{
		"not there": {absent: true, want: fleet.ReadUnreadable},
		"only an operation of another": {record: rec("another", fleet.RecordInProgress, false),
			want: fleet.ReadUnreadable},
		"our operation": {record: rec(op, fleet.RecordFailed, false), want: fleet.ReadOurs,
			state: fleet.RecordFailed},
		"nothing was read": {want: fleet.ReadUnreadable},
		"as wanted, read for us": {properties: on + `"Succeeded"}`, as: op, want: fleet.ReadOurs,
			state: fleet.RecordUpgraded},
		"as wanted, read for nobody": {properties: on + `"Succeeded"}`, want: fleet.ReadOurs,
			state: fleet.RecordUpgraded},
		"as wanted, read for an older try": {properties: on + `"Succeeded"}`, as: "older", want: fleet.ReadOurs,
			state: fleet.RecordUpgraded},
		"under way, read for us": {properties: off + `"Updating"}`, as: op, want: fleet.ReadOurs,
			state: fleet.RecordInProgress},
		"under way, read for nobody":        {properties: off + `"Updating"}`, want: fleet.ReadUnreadable},
		"as wanted and under way, nobody's": {properties: on + `"Updating"}`, want: fleet.ReadUnreadable},
		"broken, read for us": {properties: off + `"Failed"}`, as: op, want: fleet.ReadOurs,
			state: fleet.RecordFailed},
		"broken, read for nobody":    {properties: off + `"Failed"}`, want: fleet.ReadUnreadable},
		"as it was":                  {properties: asWas, as: op, want: fleet.ReadAbsent},
		"as it was, read for nobody": {properties: asWas, want: fleet.ReadAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			u := f.upgrader(testChange())
			seen := fleet.Sighting{Record: tt.record}
			if tt.properties != "" {
				f.on("GET", vaultURL, ok(vaultJSON(tt.properties)))
				snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: testVault(), OperationID: tt.as}})
				if err != nil {
					t.Fatal(err)
				}
				seen = snap.Vaults[testVault().Key]
			}
			before := len(f.log)
			got := u.Reconcile(t.Context(), testVault(), op, seen, !tt.absent, nil)
			if tt.absent && !strings.Contains(got.Detail, "there is no vault") {
				t.Errorf("says %q", got.Detail)
			}
			if got.Reading != tt.want || got.Detail == "" || (got.Record != nil) != (tt.state != "") {
				t.Fatalf("got %+v", got)
			}
			if tt.state != "" && (got.Record.State != tt.state || got.Record.OperationID != op) {
				t.Errorf("record %+v", got.Record)
			}
			if len(f.log) != before {
				t.Errorf("it read on its own: %+v", f.log[before:])
			}
		})
	}
}

// TestVerify: the vault is as it should be, and at rest. A failed read says so.
func TestVerify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply reply
		ok    bool
		err   fleet.CallClass
	}{
		"good":       {reply: ok(vaultJSON(asIs)), ok: true},
		"not yet":    {reply: ok(vaultJSON(asWas))},
		"under way":  {reply: ok(vaultJSON(`{"settings":{"mode":"On"},"provisioningState":"Updating"}`))},
		"broken":     {reply: ok(vaultJSON(`{"settings":{"mode":"On"},"provisioningState":"Failed"}`))},
		"gone":       {reply: refused(404, "ResourceNotFound")},
		"forbidden":  {reply: refused(403, "AuthorizationFailed"), err: fleet.CallForbidden},
		"a web page": {reply: ok("<html>"), err: fleet.CallGarbled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET", vaultURL, tt.reply)
			got, err := f.upgrader(testChange()).Verify(t.Context(), testVault(), op)
			if tt.err != "" {
				if err == nil || fleet.ClassOf(err) != tt.err {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || got.OK != tt.ok || got.OK == (got.Detail != "") {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// TestVersion: what is another after each write to a vault comes with the sighting and
// with the reading that looks for a start; where the service shows nothing of the kind
// it is empty.
func TestVersion(t *testing.T) {
	t.Parallel()
	with := func(more string) string { return strings.TrimSuffix(vaultJSON(asWas), "}") + more + "}" }
	for name, tt := range map[string]struct{ doc, want string }{
		"an etag": {with(`,"etag":"W/\"one\"","systemData":{"lastModifiedAt":"2026-09-09T13:49:56Z"}`),
			`W/"one"`},
		"when it was changed": {with(
			`,"systemData":{"createdAt":"2026-01-01T00:00:00Z","lastModifiedAt":"2026-09-09T13:49:56Z"}`),
			"2026-09-09T13:49:56Z"},
		"of another shape": {with(`,"etag":7,"systemData":[]`), ""},
		"none":             {with(""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET", vaultURL, ok(tt.doc))
			u := f.upgrader(testChange())
			snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: testVault()}})
			if err != nil {
				t.Fatal(err)
			}
			seen := snap.Vaults[testVault().Key]
			got := u.Reconcile(t.Context(), testVault(), op, seen, true, nil)
			if seen.Version != tt.want || got.Reading != fleet.ReadAbsent || got.Version != tt.want {
				t.Errorf("the sighting has %q, the reading %+v; want %q", seen.Version, got, tt.want)
			}
		})
	}
}
