package arm

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestReadVault: what a vault's own read shows, and what shows nothing.
func TestReadVault(t *testing.T) {
	t.Parallel()
	of := func(id, properties string) string {
		return `{"id":"` + id + `","name":"Vault1","location":"australiaeast","properties":` + properties + `}`
	}
	tests := map[string]struct {
		reply  reply
		absent bool
		err    fleet.CallClass
		state  string
	}{
		"as it was": {reply: ok(vaultJSON(asWas)), state: `{"settings":{"days":14,"mode":"Off"}}`},
		"in another spelling": {reply: ok(of(strings.ToUpper(vaultID), asWas)),
			state: `{"settings":{"days":14,"mode":"Off"}}`},
		"without the section": {reply: ok(vaultJSON(`{"provisioningState":"Succeeded"}`)),
			state: `{"settings":null}`},
		"big numbers": {reply: ok(vaultJSON(`{"settings":{"n":12345678901234567890,"x":1.50}}`)),
			state: `{"settings":{"n":12345678901234567890,"x":1.50}}`},
		"not there":              {reply: refused(404, "ResourceNotFound"), absent: true},
		"its group is not there": {reply: refused(404, "ResourceGroupNotFound"), absent: true},

		// None of these says that it is absent.
		"404 of a gateway":  {reply: reply{status: 404, body: "<html>no such site</html>"}, err: fleet.CallGarbled},
		"404 of nobody":     {reply: reply{status: 404}, err: fleet.CallGarbled},
		"another tenant's":  {reply: refused(404, "SubscriptionNotFound"), err: fleet.CallForbidden},
		"401":               {reply: refused(401, "ExpiredAuthenticationToken"), err: fleet.CallDenied},
		"403":               {reply: refused(403, "AuthorizationFailed"), err: fleet.CallForbidden},
		"400":               {reply: refused(400, "InvalidApiVersionParameter"), err: fleet.CallRefused},
		"another vault":     {reply: ok(of(vaultID+"2", asWas)), err: fleet.CallGarbled},
		"nobody's":          {reply: ok(`{"properties":{}}`), err: fleet.CallGarbled},
		"no properties":     {reply: ok(of(vaultID, `null`)), err: fleet.CallGarbled},
		"odd properties":    {reply: ok(of(vaultID, `[]`)), err: fleet.CallGarbled},
		"a web page":        {reply: ok(`<html>Sign in</html>`), err: fleet.CallGarbled},
		"an odd state":      {reply: ok(vaultJSON(`{"provisioningState":5}`)), err: fleet.CallGarbled},
		"more behind it":    {reply: ok(vaultJSON(asWas) + "}"), err: fleet.CallGarbled},
		"two documents":     {reply: ok(vaultJSON(asWas) + vaultJSON(asIs)), err: fleet.CallGarbled},
		"nothing":           {reply: ok(``), err: fleet.CallGarbled},
		"202":               {reply: reply{status: 202, body: vaultJSON(asWas)}, err: fleet.CallGarbled},
		"an answer cut off": {reply: reply{break_: cut}, err: fleet.CallUnreachable},
		"a redirect elsewhere": {reply: reply{status: 302}.with("Location", "https://evil.example/"),
			err: fleet.CallGarbled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET", vaultURL, tt.reply)
			u := f.upgrader(testChange())
			snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: testVault()}})
			if tt.err != "" {
				if err == nil || fleet.ClassOf(err) != tt.err {
					t.Errorf("got %v, want class %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			recent(t, snap.ReadAt)
			got, there := snap.Vaults[testVault().Key]
			if there == tt.absent || string(got.State) != tt.state || snap.Only != testVault().Key {
				t.Errorf("got %+v, %v in the reading of %q", got, there, snap.Only)
			}
			if got.Record != nil {
				t.Errorf("a record of nothing: %+v", got.Record)
			}
		})
	}
}

// TestReadIsOfOneVault: the port promises one at a time.
func TestReadIsOfOneVault(t *testing.T) {
	t.Parallel()
	u := newFake(t).upgrader(testChange())
	if u.Scope() != fleet.ScopeVault {
		t.Errorf("scope %s", u.Scope())
	}
	v := fleet.Followed{Vault: testVault()}
	for _, vaults := range [][]fleet.Followed{nil, {v, v}} {
		if _, err := u.Read(t.Context(), sub, vaults); err == nil {
			t.Errorf("%d vaults were read at once", len(vaults))
		}
	}
	walking := testVault()
	walking.ResourceGroup = ".."
	if _, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: walking}}); fleet.ClassOf(err) != fleet.CallRefused {
		t.Errorf("a group that walks: %v", err)
	}
}

// TestEqualStatesAreEqualBytes: before the journal and after, however the service
// orders and writes them.
func TestEqualStatesAreEqualBytes(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("GET", vaultURL, ok(vaultJSON(`{"settings":{"b":[1,{"y":true,"x":null}],"a":"<&>"}}`)),
		ok(vaultJSON("{ \"provisioningState\" : \"Succeeded\" ,\n \"settings\": {\"a\":\"\\u003c\\u0026>\", \"b\": [ "+
			"1, {\"x\":null, \"y\":true} ] } }")))
	u := f.upgrader(testChange())
	one, two := u.seen(t), u.seen(t)
	if string(one.State) != string(two.State) || !strings.Contains(string(one.State), `"a":"\u003c\u0026\u003e"`) {
		t.Errorf("%s and %s", one.State, two.State)
	}
}

// TestSightingsOfOurStart: what the vault's own state says of a start of ours.
func TestSightingsOfOurStart(t *testing.T) {
	t.Parallel()
	const off, on, odd = `{"settings":{"mode":"Off"},"provisioningState":`,
		`{"settings":{"mode":"On"},"provisioningState":`, `{"settings":{"mode":"Off"}}`
	for name, tt := range map[string]struct {
		properties string
		ours       bool
		want       fleet.UpgradeState
		presumed   bool
	}{
		"nothing of ours":            {off + `"Succeeded"}`, false, "", false},
		"under way, not ours":        {off + `"Updating"}`, false, "", false},
		"broken, not ours":           {off + `"Failed"}`, false, "", false},
		"as wanted, by whomever":     {on + `"Succeeded"}`, false, fleet.RecordUpgraded, false},
		"as wanted, broken":          {on + `"Failed"}`, false, "", false},
		"not yet":                    {off + `"Succeeded"}`, true, "", false},
		"no provisioning state":      {odd, true, "", false},
		"under way":                  {off + `"Updating"}`, true, fleet.RecordInProgress, true},
		"as wanted, still under way": {on + `"Updating"}`, true, fleet.RecordInProgress, true},
		"broken":                     {off + `"Failed"}`, true, fleet.RecordFailed, true},
		"canceled":                   {off + `"canceled"}`, true, fleet.RecordFailed, true},
		"as wanted":                  {on + `"Succeeded"}`, true, fleet.RecordUpgraded, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET", vaultURL, ok(vaultJSON(tt.properties)))
			v := fleet.Followed{Vault: testVault()}
			if tt.ours {
				v.OperationID = op
			}
			snap, err := f.upgrader(testChange()).Read(t.Context(), sub, []fleet.Followed{v})
			if err != nil {
				t.Fatal(err)
			}
			r := snap.Vaults[testVault().Key].Record
			if tt.want == "" {
				if r != nil {
					t.Errorf("got %+v", r)
				}
				return
			}
			if r == nil || r.State != tt.want || r.Presumed != tt.presumed || r.OperationID != v.OperationID {
				t.Errorf("got %+v", r)
			}
		})
	}
}
