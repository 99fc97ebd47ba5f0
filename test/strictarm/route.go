package strictarm

import (
	"net/url"
	"slices"
	"strings"
)

// link is a URL that the server has handed out: it is to be asked for to the
// letter, whatever stands in it.
type link struct {
	call   Call
	sub    *SubscriptionHandle
	vault  *VaultHandle
	op     *operation
	page   int // of a list
	filter string
}

// route finds out what a request is about, and holds path and query against
// the specification.
func (s *Server) route(in *request) {
	in.call = CallOther
	if l, ok := s.links[in.Path+"?"+in.Query]; ok {
		in.call, in.sub, in.vault, in.op, in.page, in.filter = l.call, l.sub, l.vault, l.op, l.page, l.filter
		return
	}
	is := func(i int, want string) bool { return in.literal(i, want) }
	seg := in.Segments
	switch {
	case len(seg) == 3 && is(0, "providers") && is(1, "Microsoft.ResourceGraph") && is(2, "resources"):
		in.call = CallGraph
	case len(seg) < 2 || !is(0, "subscriptions"):
		return
	default:
		s.routeSubscription(in)
	}
	if in.call != CallOther && in.call != CallStatus && in.call != CallResult {
		s.checkQuery(in)
	}
}

// literal compares a fixed part of a path: to the letter, but a wrong case is
// still routed, as Resource Manager does.
func (in *request) literal(i int, want string) bool {
	got := in.Segments[i].Text
	if got != want && strings.EqualFold(got, want) {
		in.Problem("path has %q, want %q", got, want)
	}
	return strings.EqualFold(got, want)
}

func (s *Server) routeSubscription(in *request) {
	seg := in.Segments
	is := func(i int, want string) bool { return in.literal(i, want) }
	id := seg[1].Text
	if !guid.MatchString(id) {
		in.Problem("%q is not a subscription's GUID", id)
	}
	if in.sub = s.subscriptions[strings.ToLower(id)]; in.sub == nil {
		in.Problem("nobody named the subscription %q", id)
		return
	}
	switch {
	case len(seg) == 2:
		in.call = CallSubscription
	case len(seg) == 4 && is(2, "providers"):
		in.call = CallProvider
		if in.name = seg[3].Text; !slices.ContainsFunc(in.sub.vaults,
			func(v *VaultHandle) bool { return v.spec.Kind.provider() == in.name }) {
			in.Problem("no vault depends on the provider %q", in.name)
		}
	case len(seg) == 5 && is(2, "providers") && is(3, "Microsoft.AlertsManagement") && is(4, "actionRules"):
		in.call = CallRules
	case len(seg) == 7 && strings.EqualFold(seg[2].Text, "resourceGroups") && is(4, "providers") &&
		is(5, "Microsoft.Authorization") && is(6, "permissions"):
		in.call = CallPermissions // whose path the specification writes in lower case
		if !slices.ContainsFunc(in.sub.vaults,
			func(v *VaultHandle) bool { return strings.EqualFold(v.spec.Group, seg[3].Text) }) {
			in.Problem("no vault is in the group %s of the subscription", seg[3].Text)
		}
	case len(seg) >= 8 && is(2, "resourceGroups") && is(4, "providers"):
		s.routeVault(in)
	}
}

func (s *Server) routeVault(in *request) {
	seg := in.Segments
	is := func(i int, want string) bool { return in.literal(i, want) }
	for _, v := range in.sub.vaults {
		if strings.EqualFold(seg[5].Text+"/"+seg[6].Text, v.spec.Kind.Type()) &&
			strings.EqualFold(seg[3].Text, v.spec.Group) && strings.EqualFold(seg[7].Text, v.spec.Name) {
			in.vault = v
		}
	}
	if in.vault == nil {
		in.Problem("there is no vault %s in group %s of the subscription", seg[7].Text, seg[3].Text)
		return
	}
	in.literal(5, in.vault.spec.Kind.provider())
	in.literal(6, in.vault.spec.Kind.collection())
	for i, want := range map[int]string{3: in.vault.spec.Group, 7: in.vault.spec.Name} {
		if got := seg[i].Text; got != want && !in.vault.spec.AnyCase {
			in.Problem("path has %q, want %q", got, want)
		}
	}
	switch {
	case len(seg) == 8 && in.Method == "PATCH":
		in.call = CallPatch
	case len(seg) == 8:
		in.call = CallVault
	case len(seg) == 10 && is(8, "operationStatus"):
		in.call = CallStatus
		in.Problem("the URL was never handed out: %s?%s", in.Path, in.Query)
	case len(seg) == 10 && is(8, "operationResults"):
		in.call = CallResult
		in.Problem("the URL was never handed out: %s?%s", in.Path, in.Query)
	case len(seg) < 11 || !is(8, "providers") || !is(9, "Microsoft.Authorization"):
		return
	case len(seg) == 11 && is(10, "locks"):
		in.call = CallLocks
	case len(seg) == 11 && is(10, "permissions"):
		in.call = CallPermissions
	case len(seg) == 11 && is(10, "roleAssignments"):
		in.call = CallAssignments
	case len(seg) == 11 && is(10, "roleAssignmentScheduleInstances"):
		in.call = CallInstances
	case len(seg) == 12 && is(10, "roleAssignments"):
		in.call = CallAssign
		in.name = strings.ToLower(seg[11].Text)
	}
}

// checkQuery demands the one api-version of the call, and what else it may
// carry.
func (s *Server) checkQuery(in *request) {
	q, err := url.ParseQuery(in.Query)
	if err != nil {
		in.Problem("query %q: %v", in.Query, err)
	}
	want := s.cfg.APIVersions[in.call]
	if want == "" {
		want = apiVersions[in.call]
	}
	if want == "" {
		want = s.version(in.call, in.vault.spec.Kind.provider())
	}
	in.version = want
	if got := q["api-version"]; len(got) != 1 || got[0] != want {
		in.Problem("api-version is %q, want %q once", got, want)
	}
	for key := range q {
		filters := in.call == CallAssignments || in.call == CallInstances || in.call == CallLocks
		if key != "api-version" && !(key == "$filter" && filters) {
			in.Problem("query parameter %q has no business there", key)
		}
	}
	if filters := q["$filter"]; len(filters) > 0 {
		in.filter = filters[0]
		if len(filters) > 1 || !slices.ContainsFunc(filterForms,
			func(f form) bool { return f.pattern.MatchString(in.filter) }) {
			in.Problem("$filter is %q, which the specification does not name", filters)
		}
	}
}
