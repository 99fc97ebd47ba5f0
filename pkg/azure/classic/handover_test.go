package classic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What one process has read and made ready, another one sends from the data alone;
// what was made ready for another vault is not sent.
func TestAnotherProcessSends(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	f.set(startURL, 200, details(opOur, "InProgress"))
	snap, err := f.upgrader(nil).Read(t.Context(), sub, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := testVault()
	start, err := f.upgrader(nil).Prepare(t.Context(), v, handed(t, snap.Vaults[v.Key]))
	if err != nil {
		t.Fatal(err)
	}
	if f.count(startURL) != 0 {
		t.Fatal("it was sent before anybody said so")
	}
	start = handed(t, start)
	start.OperationID = opOur
	for name, change := range map[string]func(*fleet.PreparedStart, *fleet.Vault){
		"another vault": func(_ *fleet.PreparedStart, v *fleet.Vault) { v.Name = "Two" },
		"another subscription": func(_ *fleet.PreparedStart,
			v *fleet.Vault) {
			v.SubscriptionID = strings.Replace(sub, "5", "6", 1)
		},
		"another call": func(s *fleet.PreparedStart,
			_ *fleet.Vault) {
			s.Path = strings.TrimSuffix(s.Path, upgradeCall)
		},
		"another method": func(s *fleet.PreparedStart, _ *fleet.Vault) { s.Method = "DELETE" },
	} {
		s, v := start, testVault()
		change(&s, v)
		if got := f.upgrader(nil).Send(t.Context(), v, s, azuretest.AtLeisure); got.Verdict != fleet.StartNotSent ||
			!strings.Contains(got.Message, "it is no start of vault") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if got := f.upgrader(nil).Send(t.Context(), v, start, azuretest.AtLeisure); got.Verdict != fleet.StartAccepted {
		t.Errorf("got %+v", got)
	}
	sent := f.last(startURL)
	if f.count(startURL) != 1 || sent.body != string(upgradeInput(v)) {
		t.Errorf("sent %d times, %+v", f.count(startURL), sent)
	}
	for name, want := range upgradeInputHeader(opOur) {
		if got := sent.header[name]; len(got) != 1 || got[0] != want[0] {
			t.Errorf("header %s is %q, want %q", name, got, want)
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
