package emulator

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/emulator/kql"
)

// maxPage is the most rows in a page of Resource Graph, and how many there are
// where nobody says.
const maxPage = 1000

var (
	someText  = &shape{like: lazyregexp.New(`(?s).`)}
	graphBody = &shape{fields: map[string]*shape{
		"subscriptions":    {each: &shape{like: guidPattern}},
		"managementGroups": {each: someText},
		"query":            someText,
		"options": {fields: map[string]*shape{
			"$top":                     {from: &[2]float64{1, maxPage}},
			"$skip":                    {from: &[2]float64{0, 1 << 31}},
			"$skipToken":               someText,
			"resultFormat":             {words: []string{"objectArray"}},
			"allowPartialScopes":       truth,
			"authorizationScopeFilter": {words: []string{"AtScopeAndBelow"}},
		}},
	}}
)

// graphQuery is a query of Resource Graph, read.
type graphQuery struct {
	query *kql.Query
	subs  []*subscription // that are asked about
	top   int
	skip  int
	key   string // what a token of the next page belongs to
}

// skipToken tells where the next page begins.
type skipToken struct {
	Skip int    `json:"skip"`
	Top  int    `json:"top"`
	Of   string `json:"of"`
}

// parseGraph checks a query of Resource Graph (resource-manager.md#resource-graph and the
// published example ResourcesFirstPageQuery).
func (c *Cloud) parseGraph(q *request, r *http.Request, body []byte) *problem {
	q.route, q.call = graphCall, callGraph
	if p := q.asked(r, nil, []string{graphCall.method}, graphCall.versions); p != nil {
		return p
	}
	if p := jsonContent(r); p != nil {
		return p
	}
	v, p := readObject(body)
	if p != nil {
		return p
	}
	if p := graphBody.check("", v); p != nil {
		return p
	}
	var in struct {
		Subscriptions    []string
		ManagementGroups []string
		Query            string
		Options          struct {
			Top       int    `json:"$top"`
			Skip      int    `json:"$skip"`
			SkipToken string `json:"$skipToken"`
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return badContent("The body cannot be read: %v.", err)
	}
	if in.Query == "" {
		return badContent("The body needs a query.")
	}
	g := &q.graph
	g.top, g.skip = in.Options.Top, in.Options.Skip
	g.key = guid(0, "page", in.Query, strings.Join(in.Subscriptions, " "), strings.Join(in.ManagementGroups, " "))
	if in.Options.SkipToken != "" {
		var t skipToken
		raw, err := base64.StdEncoding.DecodeString(in.Options.SkipToken)
		if err != nil || json.Unmarshal(raw, &t) != nil || t.Of != g.key || t.Skip < 0 || t.Top < 1 {
			return mistake(http.StatusBadRequest, "InvalidSkipToken",
				"The $skipToken belongs to another query or to other scopes.")
		}
		g.skip = t.Skip
		g.top = cmp.Or(g.top, t.Top)
	}
	g.top = cmp.Or(g.top, maxPage)
	if p := c.graphScope(g, in.Subscriptions, in.ManagementGroups); p != nil {
		return p
	}
	query, err := kql.Parse(in.Query, graphTables)
	if err != nil {
		return invalidQuery(err)
	}
	g.query = query
	return nil
}

// graphScope finds the subscriptions that a query is about: those named that
// there are, those below management groups, or all.
func (c *Cloud) graphScope(g *graphQuery, subs, groups []string) *problem {
	if len(subs) > 0 && len(groups) > 0 {
		return badContent("The body must name subscriptions or managementGroups, not both.")
	}
	for _, s := range c.subs {
		if len(subs) == 0 && len(groups) == 0 ||
			slices.ContainsFunc(subs, func(id string) bool { return strings.EqualFold(id, s.id) }) ||
			slices.ContainsFunc(groups, func(name string) bool { return c.tree.below(name, s) }) {
			g.subs = append(g.subs, s)
		}
	}
	if len(g.subs) == 0 && len(subs)+len(groups) > 0 {
		// The code was seen in reports of users; it is not documented.
		return &problem{status: http.StatusBadRequest, code: "BadRequest", message: "The query cannot be answered.",
			details: []any{object{"code": "NoValidSubscriptionsInQueryRequest",
				"message": "There must be at least one subscription that is eligible to contain resources."}}}
	}
	return nil
}

// invalidQuery is the answer to a query that cannot be run, in the form that the
// service gives it: what is wrong is in the details. It is no mistake of the
// client's: people write queries.
func invalidQuery(err error) *problem {
	p := &problem{status: http.StatusBadRequest, code: "BadRequest", message: "The query cannot be run."}
	p.details = []any{object{"code": "InvalidQuery", "message": "Query is invalid: " + err.Error() + "."}}
	if m, ok := errors.AsType[*kql.Mistake](err); ok {
		code := "ParserFailure"
		if m.Unknown {
			code = "InvalidQueryLanguage"
		}
		p.details = append(p.details, object{"code": code, "message": code, "line": m.Line,
			"characterPositionInLine": m.Column, "token": m.Token})
	}
	return p
}

// ask answers a query.
func (c *Cloud) ask(q *request, l *line) reply {
	g := &q.graph
	var rows []kql.Row
	cut := false
	for _, s := range g.subs {
		if s.unseen {
			cut = true
			continue
		}
		rows = append(rows, c.graphRows(g.query.Table, s, l.At)...)
	}
	header := http.Header{}
	if cut {
		header.Set("X-Ms-Tenant-Subscription-Limit-Hit", "true")
	}
	return reply{status: http.StatusOK, header: header, render: func() []byte { return g.page(g.query.Run(rows)) }}
}

// page is a page of the rows. Pages go on only where rows have an id to tell them
// apart; without one the rest is cut off.
func (g *graphQuery) page(rows []kql.Row) []byte {
	from := min(g.skip, len(rows))
	to := min(from+g.top, len(rows))
	out := object{"totalRecords": len(rows), "count": to - from, "data": append([]kql.Row{}, rows[from:to]...),
		"facets": []any{}, "resultTruncated": "false"}
	if to < len(rows) {
		if slices.Contains(g.query.Columns(), "id") {
			out["$skipToken"] = base64.StdEncoding.EncodeToString(asJSON(skipToken{to, g.top, g.key}))
		} else {
			out["resultTruncated"] = "true"
		}
	}
	return asJSON(out)
}

// quota is how many queries the identity has sent in the window that runs.
type quota struct {
	sent  int
	until time.Time
}

// sentIn is how many there are in the window of a moment, and when that ends.
func (u quota) sentIn(at time.Time, per time.Duration) (int, time.Time) {
	if !at.Before(u.until) {
		return 0, at.Add(per)
	}
	return u.sent, u.until
}

// rationed answers a query for which there is no quota left, nil if there is.
func (c *Cloud) rationed(q *request, l *line) *reply {
	if q.call != callGraph || q.problem != nil {
		return nil
	}
	sent, until := c.asked.sentIn(l.At, c.graphPer)
	if sent < c.limits.Graph.Queries {
		l.Token = true
		return nil
	}
	return tooMany("RateLimiting", rateLimited, seconds(until.Sub(l.At)))
}

// ration puts what is left into the header of an answer.
func (c *Cloud) ration(rep *reply, at time.Time) {
	sent, until := c.asked.sentIn(at, c.graphPer)
	left := seconds(until.Sub(at))
	rep.set("X-Ms-User-Quota-Remaining", strconv.Itoa(max(0, c.limits.Graph.Queries-sent)))
	rep.set("X-Ms-User-Quota-Resets-After", fmt.Sprintf("%02d:%02d:%02d", left/3600, left/60%60, left%60))
}

// rateLimited is what Resource Graph says to a query too many.
const rateLimited = "Client application has been throttled and should not attempt to repeat the request until an " +
	"amount of time has elapsed."

// graphTables are the tables of Resource Graph that the emulator has, and their
// columns. Those that a vault has nothing in are null.
var graphTables = map[string][]string{"resources": graphColumns, "resourcecontainers": graphColumns}

var graphColumns = []string{"id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId",
	"managedBy", "sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation"}

// graphRows are a subscription's rows of a table.
func (c *Cloud) graphRows(table string, s *subscription, at time.Time) []kql.Row {
	if table == "resourcecontainers" {
		return c.containerRows(s, at)
	}
	var rows []kql.Row
	for _, r := range s.resources {
		// The index is behind: it shows what was so a while ago.
		then := at
		if f := r.fault(c, kindIndexLate); f != nil {
			then = at.Add(-f.lasts)
		}
		if c.lost(r, then) {
			continue
		}
		row := kql.Row(c.show(r, then))
		delete(row, "etag")
		row["type"], row["resourceGroup"], row["subscriptionId"] = strings.ToLower(r.kind.name),
			strings.ToLower(r.ResourceGroup), s.id
		row["tenantId"] = tenantID
		tags := object{}
		for name, value := range r.tags(then) {
			tags[name] = value
		}
		row["tags"] = tags
		rows = append(rows, row)
	}
	return rows
}

// containerRows are the subscription and its resource groups.
func (c *Cloud) containerRows(s *subscription, at time.Time) []kql.Row {
	base := "/subscriptions/" + s.id
	properties := s.describe(base)
	rows := []kql.Row{{"id": base, "name": s.name, "type": "microsoft.resources/subscriptions", "location": "",
		"resourceGroup":  "",
		"subscriptionId": s.id, "tenantId": tenantID, "tags": object{},
		"properties": object{"state": properties["state"], "subscriptionPolicies": properties["subscriptionPolicies"]}}}
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[name]
		if !g.exists(at) {
			continue
		}
		rows = append(rows, kql.Row{"id": base + "/resourceGroups/" + g.name, "name": g.name,
			"type":     "microsoft.resources/subscriptions/resourcegroups",
			"location": normalize(g.location), "resourceGroup": name, "subscriptionId": s.id, "tenantId": tenantID,
			"tags":       object{},
			"properties": object{"provisioningState": "Succeeded"}})
	}
	return rows
}

// ManagementGroup is a management group of a scenario: what a query of Resource
// Graph may have as its scope.
type ManagementGroup struct {
	Name          string   `yaml:"name" json:"name"`
	Parent        string   `yaml:"parent" json:"parent,omitempty"`
	Subscriptions []string `yaml:"subscriptions" json:"subscriptions,omitempty"` // by ID or name: those directly in it
}

// tree is the management groups, made ready.
type tree struct {
	parents map[string]string // by name, in lower case
	holders map[*subscription]string
}

// below reports whether a subscription is in a group or in one below it.
func (t tree) below(group string, s *subscription) bool {
	for name := t.holders[s]; name != ""; name = t.parents[name] {
		if name == strings.ToLower(group) {
			return true
		}
	}
	return false
}

// plant makes the management groups ready, which Validate has seen.
func (c *Cloud) plant(groups []ManagementGroup) error {
	c.tree = tree{parents: map[string]string{}, holders: map[*subscription]string{}}
	var wrong []error
	for i, g := range groups {
		name := strings.ToLower(g.Name)
		c.tree.parents[name] = strings.ToLower(g.Parent)
		for j, ref := range g.Subscriptions {
			path := fmt.Sprintf("managementGroups[%d].subscriptions[%d]", i, j)
			found := c.subscriptions(ref)
			switch {
			case len(found) != 1:
				wrong = append(wrong, &Mistake{Path: path,
					Message: fmt.Sprintf("%d subscriptions are %q: give the ID of one that has vaults", len(found),
						ref)})
			case c.tree.holders[found[0]] != "":
				wrong = append(wrong, &Mistake{Path: path,
					Message: fmt.Sprintf("%q is in the group %s already", ref, c.tree.holders[found[0]])})
			default:
				c.tree.holders[found[0]] = name
			}
		}
	}
	return errors.Join(wrong...)
}

// managementGroups checks their names and that parents lead to a root.
func (c *checker) managementGroups(groups []ManagementGroup) {
	parents := map[string]string{}
	for i, g := range groups {
		name := strings.ToLower(g.Name)
		if _, twice := parents[name]; twice || name == "" {
			c.add(fmt.Sprintf("managementGroups[%d].name", i), "%q is there twice, or empty", g.Name)
		}
		parents[name] = strings.ToLower(g.Parent)
	}
	for i, g := range groups {
		steps := 0
		for name := strings.ToLower(g.Parent); name != ""; name = parents[name] {
			if _, there := parents[name]; !there || steps > len(groups) {
				c.add(fmt.Sprintf("managementGroups[%d].parent", i),
					"%q leads to no root: there is no such group, or it is below itself", g.Parent)
				break
			}
			steps++
		}
	}
}
