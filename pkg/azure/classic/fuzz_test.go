package classic

import (
	"encoding/json"
	"fmt"
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

func wantFindings(t *testing.T, fs []fleet.Finding) {
	t.Helper()
	if len(fs) > maxDetails+1 {
		t.Errorf("%d findings", len(fs))
	}
	for _, f := range fs {
		if f.Code == "" || f.Message == "" {
			t.Errorf("a finding that says nothing: %+v", f)
		}
		if len(f.Items) > maxItems+1 {
			t.Errorf("%d items", len(f.Items))
		}
		for _, s := range append([]string{f.Code, f.Category, f.Message, f.Action}, f.Items...) {
			wantText(t, "a finding", s)
		}
	}
}

// wantRecord demands that a record can be journalled, whatever the cloud wrote.
func wantRecord(t *testing.T, r *fleet.Record) {
	t.Helper()
	if r == nil {
		return
	}
	for _, s := range []string{r.OperationID, r.Message, r.Trigger, r.UpgradedResourceID, r.PreviousResourceID,
		string(r.State)} {
		wantText(t, "a record", s)
	}
	if id := operationID(r.OperationID); id != r.OperationID {
		t.Errorf("the operation ID %q has the second spelling %q", r.OperationID, id)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("a record that cannot be journalled: %v", err)
	}
}

// A listing is complete or an error: what is cut out of one is not taken for
// less of it.
func FuzzParseListing(f *testing.F) {
	settings := `<IntrinsicSettings>` + details(opOur, "Failed") + `</IntrinsicSettings>`
	for _, seed := range []string{
		listing(vaultXML(settings)),
		listing(), "<CloudServices/>0", "<CloudServices><CloudService><Resources><Resource><Type>BackupVault</Type>",
		listing(service("CS", "West US",
			resource("BackupVault", "a", settings)+resource("HyperVRecoveryManagerVault", "a", settings))),
		listing(service("CS", "West US", resource("BackupVault", "a", "")),
			service("CS2", "East US", resource("BackupVault", "a", ""))),
		`<!DOCTYPE a [<!ENTITY x "xxxxxxxx">]><CloudServices>&x;</CloudServices>`,
		`<?xml version="1.0" encoding="ISO-8859-1"?><CloudServices/>`,
		"\xff\xfe<\x00C\x00", "<CloudServices>" + strings.Repeat("<a>", 70),
		listing(`<CloudService><GeoRegion>x</GeoRegion><![CDATA[<Resources>]]><!-- </CloudService> --></CloudService>`),
		strings.ReplaceAll(listing(vaultXML(settings)), "2017-03-28", "0000-01-01"),
	} {
		f.Add([]byte(seed), len(seed)/2)
	}
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		vaults, err := listed(body, sub)
		if err != nil {
			if vaults != nil {
				t.Error("half a listing beside an error")
			}
			return
		}
		for k, s := range vaults {
			if s.Address != "" && !strings.HasPrefix(s.Address, "/"+sub+"/cloudservices/") ||
				strings.Contains(s.Address, "/../") {
				t.Errorf("%s has address %q", k, s.Address)
			}
			wantRecord(t, s.Record)
		}
		cut = int(uint(cut) % uint(len(body)+1))
		if part, err := listed(body[:cut], sub); err == nil && fmt.Sprint(part) != fmt.Sprint(vaults) &&
			len(part) < len(vaults) {
			t.Errorf("cut at %d of %d it is taken for a listing of %d vaults, not %d", cut, len(body), len(part),
				len(vaults))
		}
	})
}

func FuzzUpgradeDetails(f *testing.F) {
	f.Add([]byte(details(opOur, "InProgress")))
	f.Add([]byte(details(strings.ToUpper(opOur), "upgraded")))
	f.Add([]byte(details(" \n"+opOld+"\t", "What?")))
	for _, at := range []string{"0000-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00",
		"2017-02-30T00:00:00Z", "2017-03-28T10:03:17.9999999999999999Z"} {
		f.Add([]byte(strings.ReplaceAll(details(opOur, "Failed"), "2017-03-28T10:03:17.9915356Z", at)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := parse(body)
		if err != nil {
			return
		}
		wantRecord(t, upgradeRecord(n))
	})
}

func FuzzOperationInfo(f *testing.F) {
	f.Add([]byte(operationInfo("E", "m", "<JobStep><Message>x</Message></JobStep>")))
	f.Add([]byte(operationInfo("", "a;b|c;d", strings.Repeat("<JobStep/>", 3))))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := parse(body)
		if err != nil {
			return
		}
		wantFindings(t, explanation(n))
	})
}

func FuzzServiceError(f *testing.F) {
	f.Add([]byte(errorXML("Top", "m", reason("Warning", "W", "a;b|c;d", "x"))))
	f.Add([]byte(errorXML("Top", "Machines: a;1|b;2", "")))
	f.Add([]byte(`<E xmlns="http://schemas.microsoft.com/wars"><ErrorCode>W1</ErrorCode></E>`))
	f.Add([]byte(details(opOur, "InProgress")))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, ok := parseServiceError(body)
		if !ok {
			return
		}
		fs := e.findings((&Upgrader{}).guide)
		if len(fs) == 0 {
			t.Error("an error without a finding")
		}
		wantFindings(t, fs)
	})
}

// A start is accepted only by a 2xx whose document names our operation.
func FuzzStartAnswer(f *testing.F) {
	f.Add(200, []byte(details(opOur, "InProgress")), false)
	f.Add(202, []byte(details(strings.ToUpper(opOur), "InProgress")), false)
	f.Add(200, []byte(details(opOur, "InProgress")), true)
	f.Add(200, []byte(details(opOld, "InProgress")), false)
	f.Add(500, []byte(errorXML("Top", "m", reason("Error", "A", "a", "b"))), false)
	f.Add(200, []byte("<html>"+opOur+"</html>"), false)
	f.Add(400, []byte(`<E xmlns="http://schemas.microsoft.com/wars"><Message>`+opOur+`</Message></E>`), false)
	f.Add(101, []byte(""), false)
	sm, _, err := azure.NewAPIClients(azure.Options{Cloud: fleet.Cloud{ServiceManagement: "http://127.0.0.1:1",
		ResourceManager: "http://127.0.0.1:1"}})
	if err != nil {
		f.Fatal(err)
	}
	u := &Upgrader{o: Options{ServiceManagement: sm}}
	f.Fuzz(func(t *testing.T, status int, body []byte, broken bool) {
		resp := &azure.Response{Status: status, Header: http.Header{}, Body: body}
		if broken {
			resp.BodyErr = http.ErrBodyReadAfterClose
		}
		a := u.startAnswer(resp, opOur)
		switch a.Verdict {
		case fleet.StartAccepted:
			if why := a.Operation.WhyUnfollowed(); why != "" && status == http.StatusAccepted {
				wantText(t, "why it is not followed", why)
			} else if status/100 != 2 || broken || !strings.Contains(strings.ToLower(string(body)), "operationid") {
				t.Errorf("HTTP %d, broken %v is accepted: %q", status, broken, body)
			}
		case fleet.StartUnknown:
		case fleet.StartBusy, fleet.StartThrottled, fleet.StartDenied, fleet.StartFailed:
			if status/100 != 4 || status == http.StatusRequestTimeout {
				t.Errorf("HTTP %d is %s", status, a.Verdict)
			}
		default:
			t.Errorf("HTTP %d is %q", status, a.Verdict)
		}
		if a.Verdict != fleet.StartAccepted && a.Message == "" {
			t.Errorf("%s without a word", a.Verdict)
		}
		for _, s := range []string{a.Code, a.Message, a.Action} {
			wantText(t, "an answer", s)
		}
		wantFindings(t, a.Findings)
	})
}

// The readers of the Resource Manager's documents.
func FuzzResourceManager(f *testing.F) {
	for _, seed := range []string{
		targetJSON("Succeeded", opOur, "Upgraded"), targetJSON("Provisioning", "", ""), `null`, `{}`, `[]`,
		`{"properties":null}`,
		`{"properties":{"upgradeDetails":{"operationId":" ` + strings.ToUpper(opOur) +
			`\n","startTimeUtc":"0000-01-01T00:00:00+14:00"}}}`,
		`{"error":{"code":"SubscriptionNotFound","message":"\u202e\u0000"}}`, strings.Repeat(`{"error":`, 200),
		`{"id":"a"}{"id":"b"}`,
	} {
		f.Add(200, []byte(seed))
		f.Add(403, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		resp := &azure.Response{Status: status, Header: http.Header{}, Body: body}
		wantText(t, "an error", resp.Error("read it", "", "").Error())
		var target armTarget
		if json.Unmarshal(body, &target) != nil {
			return
		}
		wantText(t, "a state", target.state())
		wantRecord(t, target.record())
	})
}
