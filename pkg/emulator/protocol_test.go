package emulator

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestListingGroupsVaultsAndShowsRecords(t *testing.T) {
	t.Parallel()
	c := newCloud(t, Scenario{})
	cl := overLoopback(t, c)
	a := cl.list(strings.ToUpper(prod))
	l := decodeXML[listing](t, a)
	if ct := a.header.Get("Content-Type"); ct != "application/xml; charset=utf-8" {
		t.Errorf("content type %q", ct)
	}
	if len(l.Services) != 2 || l.Services[0].GeoRegion != "West US" || l.Services[1].GeoRegion != "Australia East" {
		t.Fatalf("services: %+v", l.Services)
	}
	if n := l.Services[1].Name; !strings.HasPrefix(n, "RecoveryServices-") || !strings.HasSuffix(n, "-Australia-East") {
		t.Errorf("service name %q", n)
	}
	other := 0
	for _, r := range l.Services[0].Resources {
		if r.Type != typeBackup && r.Type != typeSiteRecovery {
			other++
		}
		if r.ResourceProviderNamespace == "" || r.Upgrade != nil {
			t.Errorf("resource %+v", r)
		}
	}
	if other != 1 || len(l.Services[0].Resources) != 3 {
		t.Errorf("resources: %+v", l.Services[0].Resources)
	}
	if strings.Contains(a.body, "IntrinsicSettings") {
		t.Error("IntrinsicSettings before any upgrade")
	}
	if l.find(fleet()[3]) != nil {
		t.Error("a vault of another subscription is listed")
	}
	wantStatus(t, cl.list("11111111-1111-1111-1111-111111111111"), 404, "SubscriptionNotFound")
}

func TestUpgradeFromStartToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t, Scenario{Duration: Duration{Constant: "20m"}, TimeScale: 2})
		cl := inMemory(t, c)
		v, id := fleet()[2], newID() // a space in its name, a group to create
		group := "/subscriptions/" + prod + "/resourcegroups/RG-NEW"

		a := cl.prereqs(v)
		wantStatus(t, a, 200, `<Error i:nil="true"`, `xmlns:i="http://www.w3.org/2001/XMLSchema-instance"`)
		wantStatus(t, cl.result(v), 404)
		wantStatus(t, cl.target(v), 404, "ResourceGroupNotFound")
		wantStatus(t, cl.arm(group, "2021-04-01"), 404, "ResourceGroupNotFound")

		a = cl.upgrade(v, id)
		d := decodeXML[details](t, a)
		if a.header.Get("x-ms-request-id") == "" || a.header.Get("x-ms-client-request-id") != id {
			t.Errorf("headers %v", a.header)
		}
		start := time.Now().UTC().Format("2006-01-02T15:04:05.0000000Z")
		want := details{XMLName: d.XMLName, EndTimeUtc: "9999-12-31T23:59:59.9999999", LastUpdatedTimeUtc: start,
			OperationId:  id,
			StartTimeUtc: start, Status: "InProgress", TriggerType: "UserTriggered",
			UpgradedResourceId: "/subscriptions/" + prod +
				"/resourceGroups/rg-new/providers/Microsoft.RecoveryServices/Vaults/gamma ray"}
		if d != want || d.XMLName.Local != "ResourceUpgradeDetails" || d.XMLName.Space != nsAzure {
			t.Errorf("details %+v\nwant %+v", d, want)
		}
		if !strings.Contains(a.body, "<Message />") ||
			!strings.Contains(a.body, `<PreviousResourceId i:nil="true" />`) {
			t.Errorf("body %s", a.body)
		}

		running := func() {
			t.Helper()
			if got := cl.record(v); got.Status != "InProgress" || got.OperationId != id || got.EndTimeUtc != never {
				t.Errorf("record %+v", got)
			}
			info := cl.result(v)
			if i := decodeXML[opInfo](t, info); i.OperationResult != "Invalid" || i.OperationStatus != "InProgress" {
				t.Errorf("result %+v", i)
			}
			wantStatus(t, info, 200, `<JobSteps i:nil="true" />`, "<ErrorCode></ErrorCode>",
				`<Jobs i:nil="true" xmlns:d2p1="http://schemas.microsoft.com/2003/10/Serialization/Arrays" />`)
			wantStatus(t, cl.target(v), 200, `"provisioningState":"Provisioning"`)
			wantStatus(t, cl.prereqs(v), 409)
		}
		running()
		wantStatus(t, cl.arm(group, "2021-04-01"), 200, `"name":"rg-new"`)
		time.Sleep(10*time.Minute - time.Nanosecond) // half of 20m: the scale
		running()
		time.Sleep(time.Nanosecond)

		if got := cl.record(v); got.Status != "Upgraded" || got.OperationId != id ||
			!strings.HasPrefix(got.EndTimeUtc, time.Now().UTC().Format("2006-01-02T15:04:05.0000000")) {
			t.Errorf("record %+v", got)
		}
		if i := decodeXML[opInfo](t, cl.result(v)); i.OperationResult != "Succeeded" ||
			i.OperationStatus != "Completed" {
			t.Errorf("result %+v", i)
		}
		p := decodeJSON(t, cl.target(v))["properties"].(map[string]any)
		up := p["upgradeDetails"].(map[string]any)
		if p["provisioningState"] != "Succeeded" || up["status"] != "Upgraded" || up["operationId"] != id {
			t.Errorf("target %v", p)
		}
		wantStatus(t, cl.upgrade(v, newID()), 400, `xmlns="http://schemas.microsoft.com/wars"`, "VaultAlreadyUpgraded")
	})
}

func TestResourceManagerReads(t *testing.T) {
	t.Parallel()
	c := newCloud(t, Scenario{})
	cl := overLoopback(t, c)
	s := "/subscriptions/" + prod
	a := cl.arm(s, "2022-12-01")
	wantStatus(t, a, 200, `"state":"Enabled"`, `"quotaId":"EnterpriseAgreement_2014-09-01"`)
	if a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("x-ms-request-id") == "" {
		t.Errorf("headers %v", a.header)
	}
	wantStatus(t, cl.arm(s+"/providers/Microsoft.RecoveryServices", "2021-04-01"), 200,
		`"registrationState":"Registered"`)
	wantStatus(t, cl.arm(s+"/providers/microsoft.siterecovery", "2021-04-01"), 200, `"registrationState":"Registered"`)
	wantStatus(t, cl.arm(s+"/providers/Microsoft.KeyVault", "2021-04-01"), 200, `"registrationState":"Registered"`)
	wantStatus(t, cl.arm(s+"/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade",
		"2021-07-01"), 200, `"properties":{"state":"Registered"}`)
	wantStatus(t, cl.arm(s+"/resourcegroups/RG-VAULTS", "2021-04-01"), 200, `"name":"rg-vaults"`)
	wantStatus(t, cl.arm(s+"/resourcegroups/rg-nowhere", "2021-04-01"), 404, "ResourceGroupNotFound")
	wantStatus(t, cl.target(fleet()[0]), 404, "ResourceNotFound")
	wantStatus(t, cl.arm("/subscriptions/11111111-1111-1111-1111-111111111111", "2022-12-01"), 404,
		"SubscriptionNotFound")
	if s := c.Summary(); s.Mistakes != 0 {
		t.Errorf("mistakes: %v", s.MistakeList)
	}
}

// The emulator is strict: each case is right but for one thing.
func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	v := fleet()[0]
	path := (&client{}).path(v)
	with := func(h http.Header, name, value string) http.Header { h.Set(name, value); return h }
	without := func(h http.Header, name string) http.Header { h.Del(name); return h }
	list := "/" + prod + "/cloudservices?api-version=2015-02-10"
	arm := "/subscriptions/" + prod
	bearer := http.Header{"Authorization": {"Bearer x"}}
	tests := map[string]struct {
		method, path, body string
		header             http.Header
		status             int
		words              string
	}{
		"no sign-in": {"GET", list, "", without(classicHeader(""), "Authorization"), 401,
			"Authorization"},
		"empty token": {"GET", list, "", with(classicHeader(""), "Authorization", "Bearer "), 401,
			"Authorization"},
		"no sign-in, arm": {"GET", arm + "?api-version=2022-12-01", "", http.Header{}, 401,
			`"code":"AuthenticationFailed"`},
		"no version": {"GET", list, "", without(classicHeader(""), "x-ms-version"), 400,
			"x-ms-version must be 2013-03-01"},
		"wrong version": {"POST", path + "/upgrade", input(v),
			with(postHeader(newID()), "x-ms-version", "2015-01-01"), 400, "x-ms-version"},
		"no accept": {"GET", list, "", without(classicHeader(""), "Accept"), 400,
			"Accept must be application/xml"},
		"no api-version": {"GET", "/" + prod + "/cloudservices", "", classicHeader(""), 400,
			"?api-version=2015-02-10"},
		"wrong api-version": {"GET", "/" + prod + "/cloudservices?api-version=2013-03-01", "",
			classicHeader(""), 400, "must be 2015-02-10"},
		"more query": {"GET", list + "&detail=full", "", classicHeader(""), 400, "api-version alone"},
		"query on a call": {"POST", path + "/upgrade?api-version=2015-02-10", input(v), postHeader(newID()),
			400, "takes no query"},
		"wrong method":   {"POST", list, "", postHeader(""), 405, "asked with GET"},
		"get on upgrade": {"GET", path + "/upgrade", "", classicHeader(newID()), 405, "asked with POST"},
		"no such path": {"GET", "/" + prod + "/hostedservices", "", classicHeader(""), 404,
			"the calls are"},
		"no such action": {"POST", path + "/downgrade", input(v), postHeader(newID()), 404, "the calls are"},
		"no subscription ID": {"GET", "/contoso-prod/cloudservices?api-version=2015-02-10", "",
			classicHeader(""), 400, "no subscription ID"},
		"no tilde": {"POST", strings.Replace(path, "/~/", "/x/", 1) + "/upgrade", input(v),
			postHeader(newID()), 404, "the calls are"},
		"no agent header": {"POST", path + "/upgrade", input(v),
			without(postHeader(newID()), "Agent-Authentication"), 400, "Agent-Authentication is missing"},
		"agent header not empty": {"POST", path + "/upgrade", input(v),
			with(postHeader(newID()), "Agent-Authentication", "x"), 400, "must be empty"},
		"no client request ID": {"POST", path + "/upgrade", input(v),
			without(postHeader(newID()), "x-ms-client-request-id"), 400, "x-ms-client-request-id"},
		"bare GUID as ID": {"POST", path + "/upgrade", input(v),
			with(postHeader(newID()), "x-ms-client-request-id", prod), 400,
			"&lt;guid&gt;-&lt;yyyy-MM-dd HH:mm:ssZ&gt;-P"},
		"no time in ID": {"GET", path + "/upgradeOperationResult", "",
			with(classicHeader(newID()), "x-ms-client-request-id", prod+"-2017-13-28 10:03:15Z-P"), 400,
			"holds no time"},
		"no content type": {"POST", path + "/upgrade", input(v), without(postHeader(newID()), "Content-Type"),
			400, "Content-Type"},
		"json": {"POST", path + "/upgrade", "{}",
			with(postHeader(newID()), "Content-Type", "application/json"), 400, "Content-Type"},
		"utf-16": {"POST", path + "/upgrade", input(v),
			with(postHeader(newID()), "Content-Type", "application/xml; charset=utf-16"), 400, "UTF-8"},
		"no body": {"POST", path + "/checkPrereqsForUpgrade", "", postHeader(newID()), 400,
			"body is empty"},
		"no XML":   {"POST", path + "/upgrade", "hello <", postHeader(newID()), 400, "body"},
		"torn XML": {"POST", path + "/upgrade", input(v)[:80], postHeader(newID()), 400, "no XML"},
		"no namespace": {"POST", path + "/upgrade",
			strings.Replace(input(v), ` xmlns="http://schemas.microsoft.com/windowsazure"`, "", 1), postHeader(newID()),
			400, "must be in namespace"},
		"other root": {"POST", path + "/upgrade",
			strings.ReplaceAll(input(v), "ResourceUpgradeInput", "UpgradeInput"), postHeader(newID()), 400,
			"must be a ResourceUpgradeInput"},
		"no path in the body": {"POST", path + "/upgrade",
			`<ResourceUpgradeInput xmlns="http://schemas.microsoft.com/windowsazure" />`, postHeader(newID()), 400,
			"it has none"},
		"element too many": {"POST", path + "/upgrade", strings.Replace(input(v), "</Res", "<More /></Res", 1),
			postHeader(newID()), 400, "More too many"},
		"two bodies": {"POST", path + "/upgrade", input(v) + input(v), postHeader(newID()), 400,
			"too many"},
		"relative target": {"POST", path + "/upgrade",
			strings.Replace(input(v), "/subscriptions", "subscriptions", 1), postHeader(newID()), 400,
			"NewResourcePath must be"},
		"target of another": {"POST", path + "/upgrade", input(fleet()[1]), postHeader(newID()), 400,
			`names vault &#34;beta&#34;`},
		"target in another sub": {"POST", path + "/upgrade", strings.Replace(input(v), prod, lab, 1),
			postHeader(newID()), 400, "names subscription"},
		"bad group": {"POST", path + "/upgrade", strings.Replace(input(v), "rg-vaults", "rg vaults", 1),
			postHeader(newID()), 400, "resource group"},
		"arm, no api-version":    {"GET", arm, "", bearer, 400, "MissingApiVersionParameter"},
		"arm, wrong api-version": {"GET", arm + "?api-version=2020-01-01", "", bearer, 400, "must be 2022-12-01"},
		"arm, wrong method":      {"DELETE", arm + "?api-version=2022-12-01", "", bearer, 405, "MethodNotAllowed"},
		"arm, no such path": {"GET", arm + "/vaults?api-version=2022-12-01", "", bearer, 404,
			`"code":"NotFound"`},
		"arm, no such provider": {"GET", arm + "/providers/Microsoft.Backup?api-version=2021-04-01", "", bearer,
			404, "InvalidResourceNamespace"},
		"a path that cannot be one": {"GET", "/", "", classicHeader(""), 404, "the calls are"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, Scenario{})
			a := inMemory(t, c).do(context.Background(), tt.method, tt.path, tt.body, tt.header)
			wantStatus(t, a, tt.status, tt.words)
			if challenged := a.header.Get("WWW-Authenticate") != ""; challenged != (tt.status == 401) {
				t.Errorf("challenged: %v", challenged)
			}
			if s := c.Summary(); s.Mistakes != 1 || len(s.MistakeList) != 1 || s.Accepted != 0 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

func TestCallsToWhatIsNotThere(t *testing.T) {
	t.Parallel()
	c := newCloud(t, Scenario{})
	cl := inMemory(t, c)
	v := fleet()[0]
	v.Name = "nobody"
	wantStatus(t, cl.prereqs(v), 404, "ResourceNotFound")
	v = fleet()[0]
	v.ResourceType = typeSiteRecovery
	wantStatus(t, cl.upgrade(v, newID()), 404, "ResourceNotFound")
	v = fleet()[0]
	v.Name = "ALPHA"
	wantStatus(t, cl.prereqs(v), 200)
	if s := c.Summary(); s.Mistakes != 0 {
		t.Errorf("mistakes %v", s.MistakeList)
	}
}

func TestTimeStampsHaveSevenDigitsAndSometimesNoZone(t *testing.T) {
	t.Parallel()
	var vaults []Vault
	for _, n := range strings.Split("abcdefghijkl", "") {
		v := fleet()[0]
		v.Name = n
		vaults = append(vaults, v)
	}
	c := newCloud(t, Scenario{Faults: []Fault{{Kind: kindAlready, Rate: 1}}}, vaults...)
	l := decodeXML[listing](t, inMemory(t, c).list(prod))
	zoned, bare := 0, 0
	for _, v := range vaults {
		end := l.find(v).Upgrade.EndTimeUtc
		if _, err := time.Parse("2006-01-02T15:04:05.0000000", strings.TrimSuffix(end, "Z")); err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(end, "Z") {
			zoned++
		} else {
			bare++
		}
	}
	if zoned == 0 || bare == 0 {
		t.Errorf("%d with a zone, %d without", zoned, bare)
	}
}

func TestRequestLogHasNoSecret(t *testing.T) {
	t.Parallel()
	log := &locked{}
	c, err := New(Config{Vaults: fleet(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	cl := inMemory(t, c)
	id := newID()
	cl.upgrade(fleet()[0], id)
	cl.list(prod)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("log: %v", lines)
	}
	l := decodeJSON(t, answer{body: lines[0]})
	for k, want := range map[string]any{"method": "POST", "call": "upgrade", "vault": "contoso-prod/alpha",
		"status":   200.0,
		"accepted": true, "authorization": true, "clientRequestId": id} {
		if l[k] != want {
			t.Errorf("%s is %v, want %v", k, l[k], want)
		}
	}
	if q := decodeJSON(t, answer{body: lines[1]})["query"]; q != "api-version=2015-02-10" {
		t.Errorf("query %v", q)
	}
	if strings.Contains(log.String(), "secret-token") {
		t.Error("the token is in the log")
	}
}
