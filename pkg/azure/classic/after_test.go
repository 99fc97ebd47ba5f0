package classic

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestReconcile(t *testing.T) {
	t.Parallel()
	exists := func(op, status string) reply {
		return reply{status: 200, body: targetJSON("Provisioning", op, status)}
	}
	ours, old := record(fleet.RecordInProgress, opOur), record(fleet.RecordFailed, opOld)
	tests := []struct {
		name    string
		rec     *fleet.Record
		absent  bool // from the listing
		before  []string
		target  reply
		reading fleet.Reading
		op      string // of the record
	}{
		{"listed as ours", ours, false, nil, armNotFound(), fleet.ReadOurs, opOur},
		{"listed as ours in capitals", record(fleet.RecordFailed, strings.ToUpper(opOur)), false, nil, armNotFound(),
			fleet.ReadOurs, strings.ToUpper(opOur)},
		{"target is ours", nil, false, nil, exists(opOur, "InProgress"), fleet.ReadOurs, opOur},
		{"target is ours, vault gone", nil, true, nil, exists(opOur, "Upgraded"), fleet.ReadOurs, opOur},
		{"target is ours, listing says another", old, false, nil, exists(opOur, "Upgraded"), fleet.ReadOurs, opOur},
		{"no record, no target", nil, false, nil, armNotFound(), fleet.ReadAbsent, ""},
		{"a record from before, no target", old, false, []string{opOld}, armNotFound(), fleet.ReadAbsent, ""},
		{"another's record", old, false, nil, armNotFound(), fleet.ReadForeign, opOld},
		{"another's record and target", old, false, nil, exists(opOld, "InProgress"), fleet.ReadForeign, opOld},
		{"a record without an ID", record(fleet.RecordUnknown, ""), false, nil, armNotFound(), fleet.ReadForeign, ""},
		{"a target without an ID", nil, false, nil, exists("", ""), fleet.ReadUnreadable, ""},
		{"a target of another", nil, false, nil, exists(opOld, "InProgress"), fleet.ReadUnreadable, ""},
		{"a record from before, and a target", old, false, []string{opOld}, exists(opOld, "Failed"),
			fleet.ReadUnreadable, ""},
		{"vault gone, no target", nil, true, nil, armNotFound(), fleet.ReadUnreadable, ""},
		{"vault gone, stale record ignored", ours, true, nil, armNotFound(), fleet.ReadUnreadable, ""},
		{"target 500", nil, false, nil, reply{status: 500}, fleet.ReadUnreadable, ""},
		{"target 403", nil, false, nil, reply{status: 403}, fleet.ReadUnreadable, ""},
		{"target lost", nil, false, nil, reply{err: io.EOF}, fleet.ReadUnreadable, ""},
		{"target garbled", nil, false, nil, reply{status: 200, body: "<html>"}, fleet.ReadUnreadable, ""},
		{"target 404 from a gateway", nil, false, nil,
			reply{status: 404, body: "<html>", header: map[string]string{"Content-Type": "text/html; charset=utf-8"}},
			fleet.ReadUnreadable, ""},
		{"target 404 without a word", nil, false, nil, reply{status: 404}, fleet.ReadUnreadable, ""},
		{"subscription not found", nil, false, nil,
			reply{status: 404, body: `{"error":{"code":"SubscriptionNotFound","message":"x"}}`}, fleet.ReadUnreadable,
			""},
		{"group not found", nil, false, nil,
			reply{status: 404, body: `{"error":{"code":"ResourceGroupNotFound","message":"x"}}`}, fleet.ReadAbsent, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCloud(t)
				f.routes[targetURL] = tt.target
				got := f.upgrader(nil).Reconcile(t.Context(), testVault(), opOur, seen(tt.rec), !tt.absent, tt.before)
				if got.Reading != tt.reading || got.Detail == "" {
					t.Fatalf("got %+v", got)
				}
				if want := tt.reading == fleet.ReadOurs ||
					tt.reading == fleet.ReadForeign; (got.Record != nil) != want {
					t.Errorf("record %+v", got.Record)
				} else if want && got.Record.OperationID != tt.op {
					t.Errorf("record of %q", got.Record.OperationID)
				}
			})
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		target reply
		ok     bool
		words  string
		class  fleet.CallClass // of an error
	}{
		{"good", reply{status: 200, body: targetJSON("Succeeded", opOur, "Upgraded")}, true, "", ""},
		{"not provisioned", reply{status: 200, body: targetJSON("Provisioning", opOur, "Upgraded")}, false,
			"provisioning state is Provisioning", ""},
		{"not upgraded", reply{status: 200, body: targetJSON("Succeeded", opOur, "InProgress")}, false,
			"says InProgress", ""},
		{"not ours", reply{status: 200, body: targetJSON("Succeeded", opOld, "Upgraded")}, false, opOld, ""},
		{"no record", reply{status: 200, body: targetJSON("Succeeded", "", "")}, false, "no upgrade record", ""},
		{"nothing in it", reply{status: 200, body: `{}`}, false, "not given", ""},
		{"not there", armNotFound(), false, "does not exist", ""},
		{"500", reply{status: 500}, false, "", fleet.CallUnreachable},
		{"401", reply{status: 401}, false, "", fleet.CallDenied},
		{"garbled", reply{status: 200, body: `{`}, false, "", fleet.CallGarbled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCloud(t)
				f.routes[targetURL] = tt.target
				got, err := f.upgrader(nil).Verify(t.Context(), testVault(), opOur)
				if tt.class != "" {
					if err == nil || fleet.ClassOf(err) != tt.class {
						t.Errorf("got %+v, %v", got, err)
					}
					return
				}
				if err != nil || got.OK != tt.ok || !strings.Contains(got.Detail, tt.words) {
					t.Errorf("got %+v, %v", got, err)
				}
				if tt.ok && got.ResourceID != "/subscriptions/x/vaults/Vault Two" {
					t.Errorf("resource %q", got.ResourceID)
				}
			})
		})
	}
}

func operationInfo(code, message, steps string) string {
	return `<OperationInfo ` + xmlNS + `><ErrorCode>` + code + `</ErrorCode><JobSteps>` + steps +
		`</JobSteps><Jobs i:nil="true" />` +
		`<Message>` + message +
		`</Message><OperationResult>Failed</OperationResult><OperationStatus>Completed</OperationStatus></OperationInfo>`
}

func TestExplain(t *testing.T) {
	t.Parallel()
	step := func(result, message, detail string) string {
		return `<JobStep><OperationStatus>Completed</OperationStatus><OperationResult>` + result +
			`</OperationResult><Message>` + message + `</Message><Detail>` + detail + `</Detail></JobStep>`
	}
	for _, tt := range []struct {
		name  string
		reply reply
		code  string // empty: no finding
		items string
	}{
		{"all of it", reply{status: 200,
			body: operationInfo("E7", "it broke", step("Succeeded", "copy", "")+step("Failed", "move", "no room"))},
			"E7", "move · no room · Failed"},
		{"a message alone", reply{status: 200, body: operationInfo("", "it broke", "")}, fleet.CodeUpgradeFailed, ""},
		{"nothing", reply{status: 200, body: operationInfo("", "", "")}, "", ""},
		{"404", reply{status: 404, body: operationInfo("E7", "", "")}, "", ""},
		{"another document", reply{status: 200, body: errorXML("C", "m", "")}, "", ""},
		{"garbled", reply{status: 200, body: "<OperationInfo>"}, "", ""},
		{"lost", reply{err: io.EOF}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCloud(t)
				f.routes[resultURL] = tt.reply
				got := f.upgrader(nil).Explain(t.Context(), testVault(), seen(nil))
				if tt.code == "" {
					if len(got) != 0 {
						t.Errorf("got %+v", got)
					}
					return
				}
				if len(got) != 1 || got[0].Code != tt.code || got[0].Message != "it broke" ||
					strings.Join(got[0].Items, "|") != tt.items {
					t.Errorf("got %+v", got)
				}
				h := f.last(resultURL).header
				if _, ok := h["Agent-Authentication"]; !ok ||
					!operationIDPattern.MatchString(h.Get("x-ms-client-request-id")) || h.Get("Content-Type") != "" {
					t.Errorf("headers %v", h)
				}
			})
		})
	}
	if got := newFakeCloud(t).upgrader(nil).Explain(t.Context(), testVault(), fleet.Sighting{}); got != nil {
		t.Errorf("without an address: %+v", got)
	}
}
