package strictcloud

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// apiVersions holds the one query that each call carries; the upgrade calls
// carry none (classic-service.md#the-listing, #the-three-calls and #the-resource-manager-side).
var apiVersions = map[Call]string{
	CallList:         "2015-02-10",
	CallSubscription: "2022-12-01",
	CallProvider:     "2021-04-01",
	CallRegister:     "2021-04-01",
	CallFeature:      "2021-07-01",
	CallGroup:        "2021-04-01",
	CallTarget:       "2023-04-01",
}

var upgradeCalls = map[string]Call{
	"checkPrereqsForUpgrade": CallPrereqs,
	"upgrade":                CallStart,
	"upgradeOperationResult": CallResult,
}

var methods = map[Call]string{CallPrereqs: http.MethodPost, CallStart: http.MethodPost, CallRegister: http.MethodPost}

var guidOnly = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// route finds the call, the subscription and the vault of a request, and holds
// path, query and method against the protocol.
func (s *Server) route(in *request) {
	in.call = CallOther
	if strings.EqualFold(in.Segments[0].Text, "subscriptions") {
		s.routeARM(in)
	} else {
		s.routeClassic(in)
	}
	in.CheckEncoding()
	if in.call == CallOther {
		in.Problem("the protocol knows no such path")
		return
	}
	want := methods[in.call]
	if want == "" {
		want = http.MethodGet
	}
	if in.Method != want {
		in.Problem("method %s, want %s", in.Method, want)
	}
	in.checkQuery()
}

func (in *request) checkQuery() {
	want := ""
	if v := apiVersions[in.call]; v != "" {
		want = "api-version=" + v
	}
	if in.Query == want {
		return
	}
	// An equal query in another spelling (an escaped hyphen, say) is the same.
	if q, err := url.ParseQuery(in.Query); err == nil && want != "" &&
		len(q) == 1 && len(q["api-version"]) == 1 && q.Get("api-version") == apiVersions[in.call] {
		return
	}
	in.Problem("query %q, want %q", in.Query, want)
}

// known finds a subscription of the cloud by the text in a path.
func (s *Server) known(in *request, text string) {
	if !guidOnly.MatchString(text) {
		in.Problem("%q is not a subscription's GUID", text)
		text = strings.Trim(text, "{}")
	}
	in.sub = s.subscriptions[strings.ToLower(text)]
	if in.sub == nil {
		in.Problem("nobody named the subscription %q", text)
	}
}

// literal compares a fixed part of a classic path: to the letter, but a wrong
// case is still routed.
func (in *request) literal(i int, want string) bool {
	got := in.Segments[i].Text
	if got != want && strings.EqualFold(got, want) {
		in.Problem("path has %q, want %q", got, want)
	}
	return strings.EqualFold(got, want)
}

func (s *Server) routeClassic(in *request) {
	if n := len(in.Segments); n > 2 && in.Segments[n-1].Raw == "" {
		in.Problem("the path ends in a slash")
		in.Segments = in.Segments[:n-1]
	}
	if len(in.Segments) < 2 || !in.literal(1, "cloudservices") {
		return
	}
	s.known(in, in.Segments[0].Text)
	switch {
	case len(in.Segments) == 2:
		in.call = CallList
	case len(in.Segments) == 9 && in.literal(3, "resources") && in.literal(5, "~"):
		for name, call := range upgradeCalls {
			if strings.EqualFold(in.Segments[8].Text, name) {
				in.literal(8, name)
				in.call = call
			}
		}
		if in.call != CallOther && in.sub != nil {
			in.routeVault()
		}
	}
}

// routeVault finds the vault an upgrade call is about. The service's name and
// the provider's namespace must be what the listing gave (classic-service.md#the-listing).
func (in *request) routeVault() {
	service, namespace := in.Segments[2].Text, in.Segments[4].Text
	kind, name := in.Segments[6].Text, in.Segments[7].Text
	var near *VaultHandle
	for _, v := range in.sub.vaults {
		once, err := url.PathUnescape(name)
		if err != nil {
			once = name
		}
		if !strings.EqualFold(v.spec.Type, kind) || !strings.EqualFold(v.spec.Name, name) &&
			!strings.EqualFold(v.spec.Name, once) {
			continue
		}
		if near == nil || v.service.name == service && near.service.name != service {
			near = v
		}
	}
	if near == nil {
		in.Problem("there is no vault %q of type %q in the subscription", name, kind)
		return
	}
	in.vault = near
	for _, c := range []struct{ what, got, want string }{
		{"cloud service", service, near.service.name},
		{"provider namespace", namespace, near.service.namespace},
		{"resource type", kind, near.spec.Type},
		{"vault name", name, near.spec.Name},
	} {
		if c.got == c.want {
			continue
		}
		if again, err := url.PathUnescape(c.got); err == nil && again == c.want {
			in.Problem("%s %q is percent-encoded twice", c.what, c.got)
			continue
		}
		in.Problem("%s %q, but the listing gave %q", c.what, c.got, c.want)
	}
	if !near.sub.listed {
		in.Problem("the vault's address was never read from a listing")
	}
}

// routeARM reads a Resource Manager path, without regard to case
// (classic-service.md#the-resource-manager-side).
func (s *Server) routeARM(in *request) {
	if len(in.Segments) < 2 {
		return
	}
	s.known(in, in.Segments[1].Text)
	rest := in.Segments[2:]
	is := func(i int, want string) bool { return strings.EqualFold(rest[i].Text, want) }
	switch {
	case len(rest) == 0:
		in.call = CallSubscription
	case len(rest) == 2 && is(0, "resourcegroups"):
		in.call = CallGroup
		in.group = strings.ToLower(rest[1].Text)
		if in.sub != nil && !in.sub.namesGroup(in.group) {
			in.Problem("no vault's target is the group %q", rest[1].Text)
		}
	case len(rest) == 2 && is(0, "providers"), len(rest) == 3 && is(0, "providers") && is(2, "register"):
		in.call = CallProvider
		if len(rest) == 3 {
			in.call = CallRegister
		}
		in.provider = strings.ToLower(rest[1].Text)
		if in.provider != recoveryServices && in.provider != siteRecovery {
			in.Problem("nothing depends on the provider %q", rest[1].Text)
		}
	case len(rest) == 6 && is(0, "providers") && is(1, "Microsoft.Features") && is(2, "providers") &&
		is(3, "Microsoft.RecoveryServices") && is(4, "features") && is(5, "VaultUpgrade"):
		in.call = CallFeature
	case len(rest) == 6 && is(0, "resourcegroups") && is(2, "providers") &&
		is(3, "Microsoft.RecoveryServices") && is(4, "vaults"):
		in.call = CallTarget
		if in.sub == nil {
			return
		}
		for _, v := range in.sub.vaults {
			if is(1, v.spec.Group) && is(5, v.spec.Name) {
				in.vault = v
			}
		}
		if in.vault == nil {
			in.Problem("no vault's target is %s/%s", rest[1].Text, rest[5].Text)
		}
	}
}
