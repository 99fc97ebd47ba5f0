package emulator

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// call names what a request asks for, in logs, counters and the summary.
type call string

const (
	callList         call = "list"
	callPrereqs      call = "prereqs"
	callUpgrade      call = "upgrade"
	callResult       call = "result"
	callSubscription call = "subscription"
	callProvider     call = "provider"
	callRegister     call = "register"
	callFeature      call = "feature"
	callGroup        call = "group"
	callTarget       call = "target"
	callVault        call = "vault"
	callPatch        call = "patch"
	callOperation    call = "operation"
	callRoles        call = "roles"
	callAssign       call = "assign"
	callInstances    call = "instances"
	callLocks        call = "locks"
	callPermissions  call = "permissions"
	callRules        call = "rules"
	callGuards       call = "guards"
	callGraph        call = "graph"
	callNone         call = "none" // no call of the protocol
)

// in reports whether a fault's `calls` name the call.
func (c call) in(groups []string) bool {
	named := slices.Contains(groups, string(c))
	switch c {
	case callList, callPrereqs, callUpgrade, callResult:
		return named
	case callVault: // what tells of the vault's state
		named = named || slices.Contains(groups, groupList) || slices.Contains(groups, groupTarget)
	case callPatch: // what starts an upgrade
		named = named || slices.Contains(groups, groupUpgrade)
	case callNone:
		return false
	}
	return named || slices.Contains(groups, groupARM)
}

// starts reports whether a call begins an upgrade.
func (c call) starts() bool { return c == callUpgrade || c == callPatch }

// request is what a client asked for, once its form was checked.
type request struct {
	arm      bool // the Resource Manager side
	call     call
	route    *armCall // of the Resource Manager side
	sub      *subscription
	vault    *vault // for calls about a vault; for target set when it is decided
	group    string // target and group; of an upgrade the target resource group
	name     string // target
	provider string // provider and register
	id       string // x-ms-client-request-id
	problem  *problem

	resource   *resource // for calls about a vault of today's
	body       []byte    // patch, and the same read
	patch      patchBody
	assignment RoleAssignment // assign
	principal  string         // roles and instances: of one principal only; empty: of all
	filter     string         // roles and instances: as it was given
	skip       int            // roles and instances: so many were shown before
	auxiliary  bool           // the request brings other tenants' tokens
	operation  string         // operation: the ID
	graph      graphQuery     // graph
	outcome    bool           // operation: its result is asked for, not its status
	version    string         // the api-version
	origin     string         // scheme and host
}

// problem is why a request cannot be carried out, whatever the cloud's state.
type problem struct {
	status  int
	code    string
	message string
	details []any // of the Resource Manager side
	mistake bool  // the client broke the protocol: shown in the summary
}

func mistake(status int, code, format string, args ...any) *problem {
	return &problem{status: status, code: code, message: fmt.Sprintf(format, args...), mistake: true}
}

// of is what the request is about: the subject of counters.
func (q *request) of() string {
	switch {
	case q.vault != nil:
		return q.vault.key
	case q.resource != nil:
		return q.resource.key
	case q.sub == nil:
		return ""
	case q.call == callGroup || q.call == callTarget:
		return q.sub.id + "/" + strings.ToLower(q.group) + "/" + strings.ToLower(q.name)
	case q.provider != "":
		return q.sub.id + "/" + strings.ToLower(q.provider)
	}
	return q.sub.id
}

const (
	headerVersion     = "X-Ms-Version"
	headerClientID    = "X-Ms-Client-Request-Id"
	headerRequestID   = "X-Ms-Request-Id"
	headerCorrelation = "X-Ms-Correlation-Request-Id"
	headerAgent       = "Agent-Authentication"

	serviceManagementVersion = "2013-03-01"
	listVersion              = "2015-02-10"
	maxBody                  = 1 << 20
)

// parse reads and checks a request. It looks only at what never changes.
func (c *Cloud) parse(w http.ResponseWriter, r *http.Request) *request {
	q := &request{call: callNone, id: r.Header.Get(headerClientID)}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	segments, pathErr := segmentsOf(r.URL)
	q.arm = len(segments) > 0 && (strings.EqualFold(segments[0], "subscriptions") ||
		strings.EqualFold(segments[0], "providers"))
	switch {
	case !isBearer(r.Header.Get("Authorization")):
		q.problem = mistake(http.StatusUnauthorized, "AuthenticationFailed",
			"The Authorization header must be present and hold a bearer token.")
	case pathErr != nil:
		q.problem = mistake(http.StatusBadRequest, "BadRequest", "The path cannot be read: %v.", pathErr)
	case err != nil:
		q.problem = mistake(http.StatusBadRequest, "BadRequest", "The body cannot be read: %v.", err)
	case q.arm:
		q.problem = c.parseARM(q, r, segments, body)
	default:
		q.problem = c.parseClassic(q, r, segments, body)
	}
	return q
}

func segmentsOf(u *url.URL) ([]string, error) {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		s, err := url.PathUnescape(p)
		if err != nil {
			return nil, err
		}
		parts[i] = s
	}
	return parts, nil
}

// parseClassic checks a Service Management request (classic-service.md#endpoints-and-headers,
// #the-listing and #the-three-calls).
func (c *Cloud) parseClassic(q *request, r *http.Request, segments []string, body []byte) *problem {
	const form = "the calls are /{subscriptionId}/cloudservices and " +
		"/{subscriptionId}/cloudservices/{service}/resources/{namespace}/~/{type}/{vault}/{checkPrereqsForUpgrade|upgrade|upgradeOperationResult}"
	if len(segments) < 2 || segments[1] != "cloudservices" || len(segments) != 2 &&
		(len(segments) != 9 || segments[3] != "resources" || segments[5] != "~") {
		return mistake(http.StatusNotFound, "ResourceNotFound", "There is no %s; %s.", r.URL.EscapedPath(), form)
	}
	method := http.MethodGet
	if len(segments) == 2 {
		q.call = callList
	} else {
		switch segments[8] {
		case "checkPrereqsForUpgrade":
			q.call, method = callPrereqs, http.MethodPost
		case "upgrade":
			q.call, method = callUpgrade, http.MethodPost
		case "upgradeOperationResult":
			q.call = callResult
		default:
			return mistake(http.StatusNotFound, "ResourceNotFound", "There is no %s; %s.", r.URL.EscapedPath(), form)
		}
	}
	if r.Method != method {
		return mistake(http.StatusMethodNotAllowed, "MethodNotAllowed", "%s is asked with %s, not %s.", q.call, method,
			r.Method)
	}
	q.sub = c.bySub[strings.ToLower(segments[0])]
	if p := classicHeaders(r); p != nil {
		return p
	}
	if q.call == callList {
		if p := onlyQuery(r, nil, listVersion); p != nil {
			return p
		}
	} else if p := upgradeHeaders(r); p != nil {
		return p
	}
	if q.sub == nil {
		if !guidPattern().MatchString(segments[0]) {
			return mistake(http.StatusBadRequest, "BadRequest", "%q is no subscription ID.", segments[0])
		}
		return &problem{status: http.StatusNotFound, code: "SubscriptionNotFound",
			message: "The subscription " + segments[0] + " was not found."}
	}
	if q.call == callList {
		return nil
	}
	if q.vault = q.sub.at(segments); q.vault == nil {
		return &problem{status: http.StatusNotFound, code: "ResourceNotFound",
			message: fmt.Sprintf("No resource %s of type %s in namespace %s of cloud service %s.", segments[7],
				segments[6], segments[4], segments[2])}
	}
	if method == http.MethodGet {
		return nil
	}
	group, err := upgradeInput(body, segments[0], segments[7])
	if err != nil {
		return mistake(http.StatusBadRequest, "BadRequest", "%v.", err)
	}
	q.group = group
	return nil
}

// at finds the vault that a path names. All but the vault's own name must be
// as the listing gave it.
func (s *subscription) at(segments []string) *vault {
	for _, r := range s.regions {
		if r.service != segments[2] || segments[4] != resourceProviderNamespace {
			continue
		}
		for _, v := range r.vaults {
			if v.ResourceType == segments[6] && strings.EqualFold(v.Name, segments[7]) {
				return v
			}
		}
	}
	return nil
}

func classicHeaders(r *http.Request) *problem {
	if got := r.Header.Get(headerVersion); got != serviceManagementVersion {
		return mistake(http.StatusBadRequest, "MissingOrIncorrectVersionHeader",
			"The header x-ms-version must be %s, not %q.", serviceManagementVersion, got)
	}
	if got := r.Header.Get("Accept"); got != "application/xml" {
		return mistake(http.StatusBadRequest, "BadRequest", "The header Accept must be application/xml, not %q.", got)
	}
	if r.Method != http.MethodPost {
		return nil
	}
	got := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(got)
	if charset := params["charset"]; err != nil || media != "application/xml" || charset != "" &&
		!strings.EqualFold(charset, "utf-8") {
		return mistake(http.StatusBadRequest, "BadRequest",
			"The header Content-Type must be application/xml in UTF-8, not %q.", got)
	}
	return nil
}

var clientIDPattern = lazyregexp.New(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}-(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)-P$`)

func upgradeHeaders(r *http.Request) *problem {
	switch agent := r.Header.Values(headerAgent); {
	case len(agent) == 0:
		return mistake(http.StatusBadRequest, "BadRequest",
			"The header Agent-Authentication is missing; it is sent, and empty.")
	case len(agent) > 1 || agent[0] != "":
		return mistake(http.StatusBadRequest, "BadRequest", "The header Agent-Authentication must be empty.")
	}
	ids := r.Header.Values(headerClientID)
	if len(ids) != 1 {
		return mistake(http.StatusBadRequest, "BadRequest",
			"The header x-ms-client-request-id is there %d times, not once.", len(ids))
	}
	m := clientIDPattern().FindStringSubmatch(ids[0])
	if m == nil {
		return mistake(http.StatusBadRequest, "BadRequest",
			"The header x-ms-client-request-id must have the form <guid>-<yyyy-MM-dd HH:mm:ssZ>-P; it is %q.", ids[0])
	}
	if _, err := time.Parse("2006-01-02 15:04:05Z", m[1]); err != nil {
		return mistake(http.StatusBadRequest, "BadRequest", "The header x-ms-client-request-id holds no time: %v.", err)
	}
	if r.URL.RawQuery != "" {
		return mistake(http.StatusBadRequest, "BadRequest", "The call takes no query; it has %q.", r.URL.RawQuery)
	}
	return nil
}

// onlyQuery checks that the query is api-version, of the versions that the call
// has (the first is named as the one to use), and nothing else but `also`.
func onlyQuery(r *http.Request, also []string, versions ...string) *problem {
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		return mistake(http.StatusBadRequest, "BadRequest", "The query cannot be read: %v.", err)
	case !query.Has("api-version"):
		return mistake(http.StatusBadRequest, "MissingApiVersionParameter",
			"The api-version query parameter (?api-version=%s) is missing.", versions[0])
	case len(query["api-version"]) != 1 || !slices.Contains(versions, query.Get("api-version")):
		return mistake(http.StatusBadRequest, "InvalidApiVersionParameter", "The api-version must be %s here, not %q.",
			strings.Join(versions, " or "), query["api-version"])
	}
	for name, values := range query {
		if name != "api-version" && (len(values) != 1 || !slices.Contains(also, name)) {
			alone := append([]string{"api-version"}, also...)
			return mistake(http.StatusBadRequest, "BadRequest", "The query takes %s alone; it is %q.",
				strings.Join(alone, " and "), r.URL.RawQuery)
		}
	}
	return nil
}

// targetGroup checks a NewResourcePath and returns its resource group.
func targetGroup(path, subscriptionID, vault string) (string, error) {
	p := strings.Split(path, "/")
	if len(p) != 9 || p[0] != "" || p[1] != "subscriptions" || p[3] != "resourceGroups" || p[5] != "providers" ||
		p[6] != "Microsoft.RecoveryServices" || p[7] != "Vaults" {
		return "",
			fmt.Errorf("NewResourcePath must be "+
				"/subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.RecoveryServices/Vaults/{vault}; it "+
				"is %q", path)
	}
	if !strings.EqualFold(p[2], subscriptionID) {
		return "", fmt.Errorf("NewResourcePath names subscription %q, the URL %q", p[2], subscriptionID)
	}
	if !strings.EqualFold(p[8], vault) {
		return "", fmt.Errorf("NewResourcePath names vault %q, the URL %q", p[8], vault)
	}
	if !groupPattern().MatchString(p[4]) {
		return "", errors.New("NewResourcePath has no valid name of a resource group")
	}
	return p[4], nil
}

// parseResource checks a Resource Manager request about a resource: what stands
// after the provider's name in its path. low is the path's parts in lower case.
func (c *Cloud) parseResource(q *request, r *http.Request, segments, low []string, body []byte) *problem {
	if len(low) < 8 || low[2] != "resourcegroups" || low[4] != "providers" {
		return nowhere(r)
	}
	kind := resourceTypeOf(low[5] + "/" + low[6])
	if kind == nil || len(kind.versions) == 0 {
		return nowhere(r)
	}
	q.group, q.name = segments[3], segments[7]
	q.resource = c.byID[resourceKey(low[1], q.group, kind.name, q.name)]
	a, methods := findCall(vaultCalls, low[8:], r.Method, kind.long)
	if a == nil {
		return nowhere(r)
	}
	versions := a.versions
	switch a.call {
	case callVault, callPatch:
		if versions = kind.versions; kind.secondary {
			versions = append(slices.Clone(versions), versionTarget)
		}
		if a.call == callVault && q.resource == nil && kind.secondary {
			a = targetCall
		}
	case callGuards:
		if versions = nil; kind.guarding != nil {
			versions = kind.guarding.versions
		}
	case callOperation:
		signed := *a
		signed.also = c.operationParts()
		a, versions, q.operation, q.outcome = &signed, kind.versions, segments[9], low[8] == "operationresults"
	}
	q.route, q.call = a, a.call
	if p := q.asked(r, c.bySub[low[1]], methods, versions); p != nil {
		return p
	}
	q.version, q.origin = r.URL.Query().Get("api-version"), origin(r)
	switch {
	case q.sub == nil:
		return subscriptionNotFound(segments[1])
	case q.call == callTarget:
		return nil
	case q.resource == nil && q.sub.groups[strings.ToLower(q.group)] == nil:
		return &problem{status: http.StatusNotFound, code: "ResourceGroupNotFound",
			message: "Resource group '" + q.group + "' could not be found."}
	case q.resource == nil:
		return &problem{status: http.StatusNotFound, code: "ResourceNotFound",
			message: "The Resource '" + kind.name + "/" + q.name + "' under resource group '" + q.group +
				"' was not found." + c.more()}
	case q.call == callOperation:
		if p := c.forged(q, r); p != nil {
			return p
		}
		return emptyBody(body)
	case q.call == callRoles || q.call == callAssign || q.call == callInstances:
		return parseRoles(q, r, segments[8:], body)
	case r.Method == http.MethodGet:
		return emptyBody(body)
	}
	if p := jsonContent(r); p != nil {
		return p
	}
	if p := auxiliary(r); p != nil {
		return p
	}
	q.auxiliary = r.Header.Get(headerAuxiliary) != ""
	var p *problem
	q.body = body
	if q.patch, p = readPatch(body, kind.patch); p != nil {
		return p
	}
	return c.immutable(q)
}

func nowhere(r *http.Request) *problem {
	return mistake(http.StatusNotFound, "NotFound", "There is no %s in this emulator.", r.URL.EscapedPath())
}

// headerAuxiliary carries the tokens of other tenants.
const headerAuxiliary = "X-Ms-Authorization-Auxiliary"

// origin is the beginning of the addresses that an answer holds.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func subscriptionNotFound(id string) *problem {
	return &problem{status: http.StatusNotFound, code: "SubscriptionNotFound",
		message: "The subscription '" + id + "' could not be found."}
}

func emptyBody(body []byte) *problem {
	if len(body) > 0 {
		return badContent("A GET has no body; this one has %d bytes.", len(body))
	}
	return nil
}

func jsonContent(r *http.Request) *problem {
	got := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(got)
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" &&
		!strings.EqualFold(charset, "utf-8") {
		return mistake(http.StatusBadRequest, "InvalidContentType",
			"The header Content-Type must be application/json in UTF-8, not %q.", got)
	}
	return nil
}

// isBearer reports whether credentials are a bearer's token; the scheme is written in
// any capitals (RFC 9110, 11.1).
func isBearer(credentials string) bool {
	scheme, token, _ := strings.Cut(credentials, " ")
	return strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(token) != ""
}

// auxiliary checks the form of the other tenants' tokens, without repeating
// them.
func auxiliary(r *http.Request) *problem {
	for _, v := range r.Header.Values(headerAuxiliary) {
		for token := range strings.SplitSeq(v, ",") {
			if !isBearer(strings.TrimSpace(token)) {
				return mistake(http.StatusBadRequest, "InvalidAuxiliaryTokens",
					"The header x-ms-authorization-auxiliary must hold bearer tokens, parted by commas.")
			}
		}
	}
	return nil
}

// absent is the answer to every call about a resource that has vanished.
func (c *Cloud) absent(r *resource) reply {
	return armError(http.StatusNotFound, "ResourceNotFound",
		"The Resource '"+r.kind.name+"/"+r.Name+"' under resource group '"+r.ResourceGroup+"' was not found."+c.more())
}
