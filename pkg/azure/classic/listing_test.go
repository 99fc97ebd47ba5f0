package classic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestReadIsOneRequest(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	many := make([]fleet.Followed, 100)
	snap, err := f.upgrader(nil).Read(t.Context(), "{"+strings.ToUpper(sub)+"}", many)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.sent) != 1 {
		t.Errorf("%d requests", len(f.sent))
	}
	got := f.last(listURL)
	for k, want := range map[string]string{"X-Ms-Version": "2013-03-01", "Accept": "application/xml",
		"User-Agent": "fleetup/1.2.3", "Authorization": "Bearer fleetup-emulator"} {
		if got.header.Get(k) != want {
			t.Errorf("header %s is %q", k, got.header.Get(k))
		}
	}
	if snap.Subscription != sub || snap.ReadAt.IsZero() || snap.ReadAt.After(got.at) {
		t.Errorf("snapshot %+v, sent %v", snap, got.at)
	}
	want := map[fleet.Key]fleet.Sighting{testVault().Key: seen(nil)}
	if !reflect.DeepEqual(snap.Vaults, want) {
		t.Errorf("got %+v, want %+v", snap.Vaults, want)
	}
}

func TestParseListing(t *testing.T) {
	t.Parallel()
	key := func(typ fleet.ResourceType, loc, name string) fleet.Key {
		return fleet.KeyOf(fleet.KindClassic, sub, typ, loc, name)
	}
	wrap := func(s string) string { return `<IntrinsicSettings>` + s + `</IntrinsicSettings>` }
	running := &fleet.Record{OperationID: opOur, State: fleet.RecordInProgress, Trigger: "UserTriggered",
		UpgradedResourceID: "/subscriptions/x",
		StartedAt:          time.Date(2017, 3, 28, 10, 3, 17, 991535600, time.UTC),
		UpdatedAt:          time.Date(2017, 3, 28, 10, 4, 17, 123456700, time.UTC)}
	got, err := listed([]byte(listing(
		service("CS1", "West US", resource("BackupVault", "a", wrap(details(opOur, "InProgress")))+
			resource("SomethingElse", "a", "")+resource("HyperVRecoveryManagerVault", "a", wrap(""))),
		service("CS2", "australiaeast", resource("BackupVault", "a", wrap(`<ResourceUpgradeDetails i:nil="true" />`))+
			resource("BackupVault", "..", "")+resource("BackupVault", "odd", wrap(`<ResourceUpgradeDetails />`))),
		service("Empty", "x", ""),
	)), sub)
	if err != nil {
		t.Fatal(err)
	}
	at := func(cs, typ, name string) string {
		return "/" + sub + "/cloudservices/" + cs + "/resources/Example%2FNamespace/~/" + typ + "/" + name
	}
	want := map[fleet.Key]fleet.Sighting{
		key(fleet.BackupVault, "West US", "a"):         {Record: running, Address: at("CS1", "BackupVault", "a")},
		key(fleet.SiteRecoveryVault, "westus", "a"):    {Address: at("CS1", "HyperVRecoveryManagerVault", "a")},
		key(fleet.BackupVault, "Australia East", "a"):  {Address: at("CS2", "BackupVault", "a")},
		key(fleet.BackupVault, "Australia East", ".."): {},
		key(fleet.BackupVault, "Australia East", "odd"): {Record: &fleet.Record{State: fleet.RecordUnknown},
			Address: at("CS2", "BackupVault", "odd")},
	}
	for k, w := range want {
		if !reflect.DeepEqual(got[k], w) {
			t.Errorf("%s:\n got %+v %+v\nwant %+v", k, got[k], got[k].Record, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d vaults, want %d", len(got), len(want))
	}
}

// A listing may be larger than other answers.
func TestReadLarge(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := 0; b.Len() < 3<<20; i++ {
		b.WriteString(resource("BackupVault", fmt.Sprint("vault", i),
			`<IntrinsicSettings>`+details(opOld, "Upgraded")+`</IntrinsicSettings>`))
	}
	f := newFakeCloud(t)
	f.set(listURL, 200, listing(service("CS", "West US", b.String())))
	snap, err := f.upgrader(nil).Read(t.Context(), sub, nil)
	if err != nil || len(snap.Vaults) < 2000 {
		t.Errorf("got %+v, %v", snap, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	whole := listing(vaultXML(""))
	twice := vaultXML("") + service("Other", "WESTUS", resource("backupvault", "vault two", ""))
	tests := []struct {
		name  string
		reply reply
		class fleet.CallClass
		words string
	}{
		{"cut short", reply{status: 200, body: whole[:len(whole)-20]}, fleet.CallGarbled, "cannot be read"},
		{"cut before the root's end", reply{status: 200, body: strings.TrimSuffix(whole, "</CloudServices>")},
			fleet.CallGarbled, "EOF"},
		{"empty", reply{status: 200}, fleet.CallGarbled, "empty body"},
		{"a web page", reply{status: 200, body: "<!DOCTYPE html><html><body>proxy</body></html>"}, fleet.CallGarbled,
			"document type"},
		{"JSON", reply{status: 200, body: `{"value":[]}`}, fleet.CallGarbled, "begins with text"},
		{"another root", reply{status: 200, body: `<Other ` + xmlNS + `/>`}, fleet.CallGarbled, "Other"},
		{"another namespace", reply{status: 200, body: `<CloudServices xmlns="urn:x"/>`}, fleet.CallGarbled, "urn:x"},
		{"two documents", reply{status: 200, body: whole + `<More/>`}, fleet.CallGarbled, "more follows"},
		{"text after it", reply{status: 200, body: whole + `x`}, fleet.CallGarbled, "text follows"},
		{"a vault twice", reply{status: 200, body: listing(twice)}, fleet.CallGarbled, "twice"},
		{"a vault without a name", reply{status: 200,
			body: listing(service("CS", "West US", resource("BackupVault", "", "")))}, fleet.CallGarbled, "no name"},
		{"a vault without a region", reply{status: 200,
			body: listing(service("CS", "", resource("BackupVault", "a", "")))}, fleet.CallGarbled, "no region"},
		{"bottomless", reply{status: 200, body: listing(strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200))},
			fleet.CallGarbled, "nested"},
		{"204", reply{status: 204}, fleet.CallGarbled, "204"},
		{"206", reply{status: 206, body: whole}, fleet.CallGarbled, "206"},
		{"redirect", reply{status: 307, header: map[string]string{"Location": "http://127.0.0.1:9/"}},
			fleet.CallGarbled, "redirect"},
		{"401", reply{status: 401, body: errorXML("AuthenticationFailed", "no token", "")}, fleet.CallDenied,
			"AuthenticationFailed: no token"},
		{"403", reply{status: 403, body: errorXML("ForbiddenError", "no co-admin", "")}, fleet.CallForbidden,
			"no co-admin"},
		{"404", reply{status: 404}, fleet.CallNotFound, "404"},
		{"429", reply{status: 429, header: map[string]string{"Retry-After": "300"}}, fleet.CallThrottled, "429"},
		{"503", reply{status: 503, body: "<html>down\x1b"}, fleet.CallUnreachable, `<html>down\x1b`},
		{"connection lost", reply{err: io.ErrUnexpectedEOF}, fleet.CallUnreachable, "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCloud(t)
				if tt.reply.header == nil {
					tt.reply.header = map[string]string{}
				}
				tt.reply.header["x-ms-request-id"] = "req-1"
				f.routes[listURL] = tt.reply
				snap, err := f.upgrader(nil).Read(t.Context(), sub, nil)
				ce, ok := errors.AsType[*fleet.CallError](err)
				if !ok || snap != nil {
					t.Fatalf("got %v, %v", snap, err)
				}
				if ce.Class != tt.class || !strings.Contains(err.Error(), tt.words) ||
					!strings.Contains(err.Error(), sub) {
					t.Errorf("class %s, error %q; want %s and %q", ce.Class, err, tt.class, tt.words)
				}
				if tt.reply.err == nil && (ce.HTTPStatus != tt.reply.status || ce.RequestID != "req-1") ||
					ce.ClientRequestID == "" {
					t.Errorf("got %+v", ce)
				}
				if tt.class == fleet.CallThrottled && ce.RetryAfter != 5*time.Minute {
					t.Errorf("RetryAfter %v", ce.RetryAfter)
				}
			})
		})
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2017, 3, 28, 10, 3, 17, 991535600, time.UTC)
	for in, want := range map[string]time.Time{
		"2017-03-28T10:03:17.9915356Z":      at,
		"2017-03-28T10:03:17.9915356":       at,
		"2017-03-28T12:03:17.9915356+02:00": at,
		"2017-03-28T10:03:17":               at.Truncate(time.Second),
		"9999-12-31T23:59:59.9999999":       {},
		"9999-12-31T23:59:59.9999999Z":      {},
		"0001-01-01T00:00:00":               {},
		"yesterday":                         {},
		"":                                  {},
	} {
		if got := parseTime(in); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

// turns is a pacer that counts, and can refuse.
type turns struct {
	n   int
	err error
	sub string
}

func (l *turns) Told(string, fleet.RateLimitClass, fleet.RateLimitAnswer) {}

func (l *turns) Wait(_ context.Context, subscription string, _ fleet.RateLimitClass) error {
	l.n++
	l.sub = subscription
	return l.err
}

func TestReadsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	f, l := newFakeCloud(t), &turns{}
	u := f.paced(l)
	if _, err := u.Read(t.Context(), sub, nil); err != nil || l.n != 1 || l.sub != sub {
		t.Errorf("%d turns for %q, %v", l.n, l.sub, err)
	}
	l.err = context.Canceled
	if _, err := u.Read(t.Context(), sub, nil); !errors.Is(err, context.Canceled) ||
		fleet.ClassOf(err) != fleet.CallUnreachable {
		t.Errorf("got %v", err)
	}
	if len(f.sent) != 1 {
		t.Errorf("%d requests", len(f.sent))
	}
}

// listed is what a listing says, by key.
func listed(body []byte, subscription string) (map[fleet.Key]fleet.Sighting, error) {
	vaults := make(map[fleet.Key]fleet.Sighting)
	err := parseListing(body, subscription, func(v Listed) { vaults[v.Key] = v.Sighting })
	if err != nil {
		return nil, err
	}
	return vaults, nil
}

const subTwo = "8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03"

// TestListSpellsAsTheCloud: List keeps the spelling and the order of the
// listing, with the record of each vault, in one request.
func TestListSpellsAsTheCloud(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	f.set(listURL, 200, listing(service("s", "West US", resource("BackupVault", "Zeta", "")+resource("Other", "x", "")+
		resource("backupvault", "alpha", "<IntrinsicSettings>"+details("op", "Upgraded")+"</IntrinsicSettings>")),
		service("t", "East US", resource("HyperVRecoveryManagerVault", "NO", ""))))
	f.set("GET /sm/"+subTwo+"/cloudservices?api-version=2015-02-10", 403, errorXML("AuthenticationFailed", "no", ""))
	got := f.upgrader(nil).List(t.Context(), []string{subTwo, "{" + sub + "}"}, 5)
	if len(got) != 2 || got[1].Err != nil || got[0].Vaults != nil || fleet.ClassOf(got[0].Err) != fleet.CallForbidden {
		t.Fatalf("got %+v", got)
	}
	var text []string
	for _, v := range got[1].Vaults {
		state := "-"
		if v.Record != nil {
			state = string(v.Record.State)
		}
		text = append(text, strings.Join([]string{v.Name, v.Location, string(v.ResourceType), state}, "|"))
		if v.Key != fleet.KeyOf(fleet.KindClassic, sub, v.ResourceType, v.Location, v.Name) {
			t.Errorf("%s has the key %s", v.Name, v.Key)
		}
	}
	want := "Zeta|West US|BackupVault|- alpha|West US|BackupVault|Upgraded NO|East US|HyperVRecoveryManagerVault|-"
	if s := strings.Join(text, " "); s != want || f.count(listURL) != 1 {
		t.Errorf("listed %s in %d requests, want %s", s, f.count(listURL), want)
	}
	// Half a listing is none.
	body := listing(vaultXML(""))
	f.set(listURL, 200, body[:len(body)-5])
	if got := f.upgrader(nil).List(t.Context(), []string{sub}, 1)[0]; got.Err == nil || got.Vaults != nil {
		t.Errorf("half a listing gave %v, %v", got.Vaults, got.Err)
	}
}
