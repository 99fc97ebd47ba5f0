package strictarm

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// Resource Graph allows a user so many queries in so much time (Microsoft's page
// on its throttling).
const (
	graphQuota  = 15
	graphWindow = 5 * time.Second
)

// graph is what Resource Graph knows of its clients.
type graph struct {
	pageSize int
	script   []GraphFault
	chains   map[string]*chain // by the token of their next page
	finished int               // answers that were read to their end
	opened   time.Time         // the window of the quota
	used     int
	pace     pace
}

// chain is an answer in pages.
type chain struct {
	scope, query string
	offset       int
	asked        bool // the page behind the token was asked for
}

// GraphFault is what one query meets.
type GraphFault struct {
	name  string
	reply func(in *request, g *graph, whole answer) answer
}

func graphAnswer(name string, a func(whole answer) answer) GraphFault {
	return GraphFault{name, func(_ *request, _ *graph, whole answer) answer { return a(whole) }}
}

// Faults of a query.
var (
	GraphUnavailable = graphAnswer("503", func(answer) answer { return strict.Plain(http.StatusServiceUnavailable) })
	GraphReset       = graphAnswer("reset", func(answer) answer { return strict.Reset() })
	GraphGarbage     = graphAnswer("200 page", func(answer) answer { return strict.HTML(http.StatusOK, "Sign in") })
	GraphCutJSON     = graphAnswer("half a document", func(whole answer) answer {
		whole.Body = whole.Body[:len(whole.Body)/2]
		return whole
	})
	GraphForbidden = graphAnswer("403", func(answer) answer {
		return failure(http.StatusForbidden, "AccessDenied", "Please provide a scope that can be read.")
	})
	// GraphCut says that rows are missing: the answer is no complete one.
	GraphCut = graphAnswer("truncated", func(whole answer) answer {
		whole.Body = strings.Replace(whole.Body, `"resultTruncated":"false"`, `"resultTruncated":"true"`, 1)
		return whole
	})
	// GraphTooManySubscriptions says that subscriptions were left out.
	GraphTooManySubscriptions = graphAnswer("subscription limit hit", func(whole answer) answer {
		whole.Header.Set("x-ms-tenant-subscription-limit-hit", "true")
		return whole
	})
)

// GraphThrottle answers 429 with Retry-After in seconds, rounded up.
func GraphThrottle(d time.Duration) GraphFault {
	return GraphFault{"429", func(in *request, g *graph, _ answer) answer {
		return g.throttle(in, d)
	}}
}

func (g *graph) throttle(in *request, d time.Duration) answer {
	a := failure(http.StatusTooManyRequests, "RateLimiting",
		"Client application has been throttled and should not attempt to repeat the request until an amount of time "+
			"has elapsed.")
	g.pace.givenAt = in.Now
	a, g.pace.until = a.RetryAfter(in.Now, d)
	return a
}

// Graph appends to what the next queries of Resource Graph meet.
func (s *Server) Graph(faults ...GraphFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graph.script = append(s.graph.script, faults...)
}

// GraphPage makes the pages of Resource Graph at most n rows long, whatever a
// query asks for; 1,000 where not given.
func (s *Server) GraphPage(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graph.pageSize = n
}

var typeWord = regexp.MustCompile(`(?i)microsoft\.((recoveryservices|keyvault)/vaults|dataprotection/backupvaults)`)

var containers = regexp.MustCompile(`(?is)^\s*resourcecontainers\b.*microsoft\.resources/subscriptions'`)

// query answers POST of Resource Graph. It does not understand the query
// language: it answers with the vaults of the types that the query names, or
// with the subscriptions.
func (s *Server) query(in *request) answer {
	g := &s.graph
	body := in.readBody()
	scope, query, options := s.judgeQuery(in, body)
	g.pace.judge(in)
	if in.Now.Sub(g.opened) >= graphWindow {
		g.opened, g.used = in.Now, 0
	}
	g.used++
	resets := g.opened.Add(graphWindow).Sub(in.Now)
	if g.used > graphQuota {
		in.Problem("query %d in %v: x-ms-user-quota-remaining was 0", g.used, graphWindow)
		return g.throttle(in, resets)
	}
	asked := s.asked(scope)
	if len(asked) == 0 {
		return strict.JSON(http.StatusBadRequest,
			object{"error": object{"code": "BadRequest",
				"message": "Please provide below info when asking for support.",
				"details": []any{object{"code": "NoValidSubscriptionsInQueryRequest",
					"message": "There must be at least one subscription that is eligible to contain resources."}}}})
	}
	rows := s.rows(asked, query)
	offset := 0
	if token, ok := options["$skipToken"].(string); ok {
		c := g.chains[token]
		if c == nil {
			in.Problem("the skip token was never handed out")
			return failure(http.StatusBadRequest, "BadRequest", "Please provide a valid skip token.")
		}
		if c.query != query || c.scope != strings.Join(scope, ",") {
			in.Problem("the next page was asked for with another query or scope")
		}
		c.asked, offset = true, c.offset
	}
	size := 1000
	if top, ok := options["$top"].(float64); ok {
		size = int(top)
	}
	if g.pageSize > 0 {
		size = min(size, g.pageSize)
	}
	page := rows[min(offset, len(rows)):min(offset+size, len(rows))]
	out := object{"totalRecords": len(rows), "count": len(page), "resultTruncated": "false", "facets": []any{},
		"data": page}
	last := offset+size >= len(rows)
	token := ""
	if !last {
		token = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"page":%d}`, len(g.chains)+1))
		out["$skipToken"] = token
	}
	a := strict.JSON(http.StatusOK, out)
	a.Header.Set("x-ms-user-quota-remaining", strconv.Itoa(graphQuota-g.used))
	a.Header.Set("x-ms-user-quota-resets-after", fmt.Sprintf("00:00:%02d", int(math.Ceil(resets.Seconds()))))
	if len(g.script) > 0 {
		fault := g.script[0]
		g.script = g.script[1:]
		return fault.reply(in, g, a)
	}
	if last {
		g.finished++
	} else {
		g.chains[token] = &chain{scope: strings.Join(scope, ","), query: query, offset: offset + size}
	}
	return a.AsGood()
}

var byID = regexp.MustCompile(`(?i)\b(order|sort) by id\b`)

// judgeQuery holds the body against the definition QueryRequest, and finds what
// makes paging unsafe.
func (s *Server) judgeQuery(in *request, body object) (scope []string, query string, options object) {
	options, _ = body["options"].(object)
	query, ok := body["query"].(string)
	if !ok || query == "" {
		in.Problem("body: query is %s, want a string", word(body["query"]))
	}
	for key := range body {
		if !slices.Contains([]string{"subscriptions", "managementGroups", "query", "options"}, key) {
			in.Problem("body: %s has no business there", key)
		}
	}
	for _, key := range []string{"subscriptions", "managementGroups"} {
		list, given := body[key].([]any)
		if body[key] != nil && (!given || len(list) == 0) {
			in.Problem("body: %s is %s, want a list", key, word(body[key]))
		}
		for _, v := range list {
			id, ok := v.(string)
			if !ok || id == "" || key == "subscriptions" && !guid.MatchString(id) {
				in.Problem("body: %s holds %s", key, word(v))
				continue
			}
			scope = append(scope, key+":"+strings.ToLower(id))
		}
	}
	if body["subscriptions"] != nil && body["managementGroups"] != nil {
		in.Problem("body: subscriptions and managementGroups at once")
	}
	for key, v := range options {
		bad := false
		switch key {
		case "$top":
			n, ok := v.(float64)
			bad = !ok || n != math.Trunc(n) || n < 1 || n > 1000
		case "$skip":
			n, ok := v.(float64)
			bad = !ok || n != math.Trunc(n) || n < 0
		case "$skipToken":
			t, ok := v.(string)
			bad = !ok || t == ""
		case "resultFormat":
			bad = v != "objectArray"
		case "allowPartialScopes":
			bad = v != false // a part of the fleet passed off as the whole
		default:
			bad = true
		}
		if bad {
			in.Problem("body: options.%s is %s", key, word(v))
		}
	}
	if !byID.MatchString(query) {
		in.Problem("the query is not ordered by id: its pages may overlap or leave rows out")
	}
	return scope, query, options
}

// asked are the subscriptions of a scope. Those that the identity does not see
// are left out, without a word.
func (s *Server) asked(scope []string) (subs []*SubscriptionHandle) {
	for _, sub := range s.order {
		if !sub.unseen && (len(scope) == 0 || slices.Contains(scope, "subscriptions:"+sub.id) ||
			sub.group != "" && slices.Contains(scope, "managementGroups:"+strings.ToLower(sub.group))) {
			subs = append(subs, sub)
		}
	}
	return subs
}

// rows are the vaults of some subscriptions, as Resource Graph knows them: types
// and groups in lower case, and the settings of when it last looked. A query of
// the table resourcecontainers asks for the subscriptions themselves.
func (s *Server) rows(subs []*SubscriptionHandle, query string) []object {
	rows := []object{}
	if containers.MatchString(query) {
		for _, sub := range subs {
			rows = append(rows, object{"id": "/subscriptions/" + sub.id, "name": cmp.Or(sub.name, sub.id),
				"type": "microsoft.resources/subscriptions", "location": "",
				"subscriptionId": sub.id, "resourceGroup": "", "tags": sub.labels,
				"properties": object{"state": "Enabled"}})
		}
	}
	types := map[string]bool{}
	for _, t := range typeWord.FindAllString(query, -1) {
		types[strings.ToLower(t)] = true
	}
	for _, v := range s.vaults {
		if kind := strings.ToLower(v.spec.Kind.Type()); slices.Contains(subs, v.sub) && types[kind] &&
			!v.gone {
			rows = append(rows, object{"id": v.graphDoc["id"], "name": v.spec.Name, "type": kind,
				"location":       v.spec.Location,
				"subscriptionId": v.sub.id, "resourceGroup": strings.ToLower(v.spec.Group),
				"tags":       graphTags(v.graphDoc),
				"properties": v.graphDoc["properties"]})
		}
	}
	slices.SortFunc(rows, func(a, b object) int {
		return cmp.Compare(strings.ToLower(a["id"].(string)), strings.ToLower(b["id"].(string)))
	})
	return rows
}

// graphTags are a resource's tags as Resource Graph has them: an object, always.
func graphTags(doc object) any {
	if tags, ok := doc["tags"]; ok {
		return tags
	}
	return object{}
}
