package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Resource is a row: a vault, or a subscription.
type Resource struct {
	ID             string // as the service spells it
	Name           string // of a subscription what people call it, of a vault its name as in the ID
	Type           string // in lower case
	Location       string // "" for a subscription
	SubscriptionID string // a GUID in lower case
	ResourceGroup  string // as in the ID: the column has it in lower case; "" for a subscription
	Tags           map[string]string
	Properties     json.RawMessage // an object; nil where there are none
}

// page is what a page says besides its rows.
type page struct {
	total, count int64
	truncated    bool
	token        string // of the next page; "": there is none
}

// row is a row as it comes.
type row struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Type           string            `json:"type"`
	Location       string            `json:"location"`
	SubscriptionID string            `json:"subscriptionId"`
	ResourceGroup  string            `json:"resourceGroup"`
	Tags           map[string]string `json:"tags"`
	Properties     json.RawMessage   `json:"properties"`
}

// readPage decodes a page and visits its rows, one at a time. The members that
// the API description calls required must be there, once; others are passed
// over.
func readPage(body []byte, visit func(Resource) error) (page, error) {
	var p page
	rows := int64(0)
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	if err := delimiter(d, '{'); err != nil {
		return page{}, err
	}
	seen := map[string]bool{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return page{}, err
		}
		name, _ := tok.(string) // the decoder takes nothing else for a name
		if seen[name] {
			return page{}, fmt.Errorf("it has %q twice", clean(name))
		}
		seen[name] = true
		switch name {
		case "totalRecords":
			err = count(d, &p.total)
		case "count":
			err = count(d, &p.count)
		case "resultTruncated":
			p.truncated, err = truth(d)
		case "$skipToken":
			var s *string
			if err = d.Decode(&s); err == nil && s != nil {
				p.token = *s
			}
		case "data":
			rows, err = readRows(d, visit)
		default:
			var other json.RawMessage
			err = d.Decode(&other)
		}
		if err != nil {
			return page{}, fmt.Errorf("%s: %w", clean(name), err)
		}
	}
	if err := delimiter(d, '}'); err != nil {
		return page{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return page{}, errors.New("more follows its end")
	}
	for _, name := range []string{"totalRecords", "count", "resultTruncated", "data"} {
		if !seen[name] {
			return page{}, fmt.Errorf("it has no %s", name)
		}
	}
	if p.count != rows {
		return page{}, fmt.Errorf("it has %d rows and says that it has %d", rows, p.count)
	}
	return p, nil
}

// readRows reads an array of rows.
func readRows(d *json.Decoder, visit func(Resource) error) (n int64, err error) {
	if err := delimiter(d, '['); err != nil {
		return 0, err
	}
	for d.More() {
		var r *row
		if err := d.Decode(&r); err != nil {
			return n, fmt.Errorf("row %d: %w", n+1, err)
		}
		if r == nil {
			return n, fmt.Errorf("row %d is null", n+1)
		}
		res, err := r.resource()
		if err != nil {
			return n, fmt.Errorf("row %d: %w", n+1, err)
		}
		if err := visit(res); err != nil {
			return n, err
		}
		n++
	}
	return n, delimiter(d, ']')
}

func delimiter(d *json.Decoder, want json.Delim) error {
	tok, err := d.Token()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("it has %.40q where %q belongs", clean(fmt.Sprint(tok)), want.String())
	}
	return nil
}

// count reads a number of rows.
func count(d *json.Decoder, n *int64) error {
	var p *int64
	if err := d.Decode(&p); err != nil {
		return err
	}
	if p == nil || *p < 0 {
		return errors.New("it is no number of rows")
	}
	*n = *p
	return nil
}

// truth reads a truth value: the API description has it as a text, its prose as
// a boolean.
func truth(d *json.Decoder) (bool, error) {
	var v any
	if err := d.Decode(&v); err != nil {
		return false, err
	}
	switch v {
	case true, "true":
		return true, nil
	case false, "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", clean(fmt.Sprint(v)))
}

// resource checks a row. The ID says most of what the other columns say: where
// they differ, the row is not what was asked for.
func (r *row) resource() (Resource, error) {
	if r.ID == "" || r.Type == "" {
		return Resource{}, errors.New("it has no id or no type")
	}
	out := Resource{ID: r.ID, Name: r.Name, Type: strings.ToLower(r.Type), Location: r.Location, Tags: r.Tags}
	if raw := bytes.TrimSpace(r.Properties); len(raw) > 0 && !bytes.Equal(raw, []byte("null")) {
		if raw[0] != '{' {
			return Resource{}, fmt.Errorf("the properties of %s are no object", clean(r.ID))
		}
		out.Properties = raw
	}
	differ := func(what string) error {
		return fmt.Errorf("the id %s and its %s differ, or it is no id", clean(r.ID), what)
	}
	var err error
	if out.SubscriptionID, err = fleet.NormalizeGUID(r.SubscriptionID); err != nil {
		return Resource{}, differ("subscription")
	}
	parts := strings.Split(r.ID, "/")
	if len(parts) < 3 || parts[0] != "" || !strings.EqualFold(parts[1], "subscriptions") ||
		!strings.EqualFold(parts[2], out.SubscriptionID) {
		return Resource{}, differ("subscription")
	}
	if out.Type == subscriptionType {
		if len(parts) != 3 {
			return Resource{}, differ("type")
		}
		out.Location = ""
		return out, nil
	}
	if len(parts) != 9 || !strings.EqualFold(parts[3], "resourceGroups") || !strings.EqualFold(parts[5], "providers") ||
		!strings.EqualFold(parts[6]+"/"+parts[7], r.Type) {
		return Resource{}, differ("type")
	}
	if parts[4] == "" || !strings.EqualFold(parts[4], r.ResourceGroup) {
		return Resource{}, differ("resource group")
	}
	if r.Name == "" || !strings.EqualFold(parts[8], r.Name) {
		return Resource{}, differ("name")
	}
	if r.Location == "" {
		return Resource{}, fmt.Errorf("%s has no location", clean(r.ID))
	}
	out.ResourceGroup = parts[4]
	return out, nil
}

// What the answer to a query may have, far above any estate: 500 rows for each of the
// 10,000 subscriptions that Resource Graph looks at, in pages that are a quarter full.
const (
	mostRows  = 5_000_000
	mostPages = 20_000
)

// pages asks for one batch page by page and visits its rows. Each page must
// have rows, none may come twice, and there may be no more than the first page
// announced, nor than any estate has: so a query ends, whatever a server says.
func (c *Client) pages(ctx context.Context, op string, s Scope, q Query, visit func(Resource)) error {
	inScope := map[string]bool{}
	for _, id := range s.Subscriptions {
		inScope[id] = true
	}
	// Of the rows only hashes are kept: whoever visits them holds them already.
	seed := maphash.MakeSeed()
	seen := map[uint64]bool{}
	check := func(r Resource) error {
		switch key := maphash.String(seed, strings.ToLower(r.ID)); {
		case !q.asksFor(r.Type):
			return fmt.Errorf("it has a resource of type %s, which was not asked for", clean(r.Type))
		case len(inScope) > 0 && !inScope[r.SubscriptionID]:
			return fmt.Errorf("it has a resource of subscription %s, which was not asked for", r.SubscriptionID)
		case seen[key]:
			return fmt.Errorf("it names %s twice: a page came again, or vaults came or went between two pages",
				clean(r.ID))
		default:
			seen[key] = true
			visit(r)
			return nil
		}
	}
	total, token := int64(-1), ""
	for n := 1; ; n++ {
		resp, err := c.ask(ctx, op, s, q, token)
		if err != nil {
			return err
		}
		if strings.EqualFold(strings.TrimSpace(resp.Header.Get("x-ms-tenant-subscription-limit-hit")), "true") {
			return cut(resp, op,
				"the scope has more subscriptions than Resource Graph looks at (10,000): name management groups "+
					"below, or subscriptions")
		}
		p, err := readPage(resp.Body, check)
		if err != nil {
			return resp.Garbled(op, "the page cannot be used ("+text.Clean(err.Error(), 600)+")")
		}
		if total < 0 {
			total = p.total
		}
		got := int64(len(seen))
		switch {
		case total > mostRows:
			return cut(resp, op, fmt.Sprintf("Resource Graph says that there are %d rows, more than %d, which is far "+
				"above any estate", total, mostRows))
		case p.token != "" && n == c.most:
			return cut(resp, op, fmt.Sprintf("after %d pages with %d of %d rows there is yet another page", n, got,
				total))
		case p.truncated:
			return cut(resp, op, "Resource Graph says that it left rows out")
		case p.total != total || got > total:
			return cut(resp, op,
				fmt.Sprintf("Resource Graph said that there are %d rows, and then %d: vaults came or went while they "+
					"were read", total, max(p.total, got)))
		case p.token == "" && got < total:
			return cut(resp, op, fmt.Sprintf("the pages end after %d of %d rows", got, total))
		case p.token == "":
			return nil
		case p.count == 0 || p.token == token:
			return cut(resp, op, fmt.Sprintf("the pages do not go on after %d of %d rows", got, total))
		}
		token = p.token
	}
}

// cut is the error of an answer that is not whole.
func cut(resp *azure.Response, op, why string) error {
	e := resp.Error(op, "", why+"; a part of an answer is no inventory, and nothing of it is used")
	e.Class = fleet.CallGarbled
	return e
}

func clean(s string) string { return text.Clean(s, text.MaxID) }
