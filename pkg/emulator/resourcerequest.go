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
