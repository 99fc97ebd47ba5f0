package arm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What one process has read and made ready, another one sends, or explains, from
// the data alone.
func TestAnotherProcessSends(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("PATCH", vaultURL, ok(vaultJSON(asIs)))
	read := f.upgrader(testChange()).seen(t)
	start, err := f.upgrader(testChange()).Prepare(t.Context(), testVault(), handed(t, read))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.came("PATCH")); n != 0 {
		t.Fatalf("%d were sent before anybody said so", n)
	}
	start = handed(t, start)
	start.OperationID = op
	if got := f.upgrader(testChange()).Send(t.Context(), testVault(), start,
		azuretest.AtLeisure); got.Verdict != fleet.StartAccepted {
		t.Errorf("got %+v", got)
	}
	sent := f.came("PATCH")
	if len(sent) != 1 || sent[0].body != `{"properties":{"settings":{"mode":"On"}}}` ||
		sent[0].header.Get("X-Ms-Client-Request-Id") != op ||
		sent[0].header.Get("Content-Type") != "application/json" || sent[0].header.Get("Accept") != "application/json" {
		t.Errorf("sent %+v", sent)
	}
}

// What was made ready for another vault, or is no change of one, is not sent.
func TestSendOfAnotherVault(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	u := f.upgrader(testChange())
	start, err := u.Prepare(t.Context(), testVault(), u.seen(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*fleet.PreparedStart, *fleet.Vault){
		"another vault":  func(_ *fleet.PreparedStart, v *fleet.Vault) { v.Name = "Vault2" },
		"another path":   func(s *fleet.PreparedStart, _ *fleet.Vault) { s.Path = locksURL },
		"another method": func(s *fleet.PreparedStart, _ *fleet.Vault) { s.Method = "DELETE" },
		"nothing":        func(s *fleet.PreparedStart, _ *fleet.Vault) { *s = fleet.PreparedStart{} },
	} {
		s, v := start, testVault()
		change(&s, v)
		if got := u.Send(t.Context(), v, s, azuretest.AtLeisure); got.Verdict != fleet.StartNotSent ||
			!strings.Contains(got.Message, "it is no change of vault") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		if n := len(f.came(method)); n != 0 {
			t.Errorf("%d times %s", n, method)
		}
	}
}

// handed is data as another process gets it.
func handed[T any](t *testing.T, v T) (got T) {
	t.Helper()
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}
