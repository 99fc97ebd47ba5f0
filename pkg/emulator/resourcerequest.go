package emulator

import (
	"mime"
	"net/http"
	"slices"
	"strings"
)

// parseResource checks a Resource Manager request about a resource: what stands
// after the provider's name in its path. low is the path's parts in lower case.
func (c *Cloud) parseResource(q *request, r *http.Request, segments, low []string, body []byte) *problem {
	missing := mistake(http.StatusNotFound, "NotFound", "There is no %s in this emulator.", r.URL.EscapedPath())
	if len(low) < 8 || low[0] != "subscriptions" || low[2] != "resourcegroups" || low[4] != "providers" {
		return missing
	}
	kind := resourceTypeOf(low[5] + "/" + low[6])
	if kind == nil || len(kind.versions) == 0 {
		return missing
	}
	q.group, q.name = segments[3], segments[7]
	key := resourceKey(low[1], q.group, kind.name, q.name)
	q.resource = c.byID[key]
	methods, versions := []string{http.MethodGet}, kind.versions
	var also []string // parts of the query
	switch rest := low[8:]; {
	case len(rest) == 0:
		q.call = callVault
		if kind.secondary {
			versions = append(slices.Clone(versions), versionVault)
		}
		methods = append(methods, http.MethodPatch)
		if r.Method == http.MethodPatch {
			q.call = callPatch
		} else if q.resource == nil && kind.secondary {
			q.call = callTarget
		}
	case len(rest) == 2 && kind.long && rest[0] == "operationstatus":
		q.call, q.operation, also = callOperation, segments[9], c.operationParts()
	case len(rest) == 2 && kind.long && rest[0] == "operationresults":
		q.call, q.operation, q.outcome, also = callOperation, segments[9], true, c.operationParts()
	case len(rest) == 1 && kind.long && rest[0] == "backupresourceguardproxies":
		q.call, versions = callGuards, []string{versionGuards}
	case slices.Equal(rest, []string{"providers", "microsoft.authorization", "locks"}):
		q.call, versions = callLocks, []string{versionLocks}
	case slices.Equal(rest, []string{"providers", "microsoft.authorization", "permissions"}):
		q.call, versions = callPermissions, []string{versionRights}
	case len(rest) >= 3 && slices.Equal(rest[:3], []string{"providers", "microsoft.authorization", "roleassignments"}) && len(rest) <= 4:
		q.call, versions, also = callRoles, []string{versionRoles}, []string{"$filter", "$skipToken"}
		if len(rest) == 4 {
			q.call, methods, also = callAssign, []string{http.MethodPut}, nil
		}
	case slices.Equal(rest, []string{"providers", "microsoft.authorization", "roleassignmentscheduleinstances"}):
		q.call, versions, also = callInstances, []string{versionInstances}, []string{"$filter", "$skipToken"}
	default:
		return missing
	}
	if !slices.Contains(methods, r.Method) {
		return mistake(http.StatusMethodNotAllowed, "MethodNotAllowed", "%s is asked with %s, not %s.", q.call, strings.Join(methods, " or "), r.Method)
	}
	q.sub = c.bySub[low[1]]
	if p := onlyQuery(r, also, versions...); p != nil {
		return p
	}
	q.version, q.origin = r.URL.Query().Get("api-version"), origin(r)
	switch {
	case q.sub == nil:
		return subscriptionNotFound(segments[1])
	case q.call == callTarget:
		return nil
	case q.resource == nil && q.sub.groups[strings.ToLower(q.group)] == nil:
		return &problem{status: http.StatusNotFound, code: "ResourceGroupNotFound", message: "Resource group '" + q.group + "' could not be found."}
	case q.resource == nil:
		return &problem{status: http.StatusNotFound, code: "ResourceNotFound",
			message: "The Resource '" + kind.name + "/" + q.name + "' under resource group '" + q.group + "' was not found." + c.more()}
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
	return &problem{status: http.StatusNotFound, code: "SubscriptionNotFound", message: "The subscription '" + id + "' could not be found."}
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
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return mistake(http.StatusBadRequest, "InvalidContentType", "The header Content-Type must be application/json in UTF-8, not %q.", got)
	}
	return nil
}

// auxiliary checks the form of the other tenants' tokens, without repeating
// them.
func auxiliary(r *http.Request) *problem {
	for _, v := range r.Header.Values(headerAuxiliary) {
		for token := range strings.SplitSeq(v, ",") {
			if t, ok := strings.CutPrefix(strings.TrimSpace(token), "Bearer "); !ok || strings.TrimSpace(t) == "" {
				return mistake(http.StatusBadRequest, "InvalidAuxiliaryTokens", "The header x-ms-authorization-auxiliary must hold bearer tokens, parted by commas.")
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
