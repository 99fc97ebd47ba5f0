package graph

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// pages asks for one batch page by page and visits its rows. Each page must
// have rows, none may come twice, and there may be no more than the first page
// announced: so a query ends, whatever a server says.
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
			return fmt.Errorf("it names %s twice: a page came again, or vaults came or went between two pages", clean(r.ID))
		default:
			seen[key] = true
			visit(r)
			return nil
		}
	}
	total, token := int64(-1), ""
	for {
		resp, err := c.ask(ctx, op, s, q, token)
		if err != nil {
			return err
		}
		if strings.EqualFold(strings.TrimSpace(resp.Header.Get("x-ms-tenant-subscription-limit-hit")), "true") {
			return cut(resp, op, "the scope has more subscriptions than Resource Graph looks at (10,000): name management groups below, or subscriptions")
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
		case p.truncated:
			return cut(resp, op, "Resource Graph says that it left rows out")
		case p.total != total || got > total:
			return cut(resp, op, fmt.Sprintf("Resource Graph said that there are %d rows, and then %d: vaults came or went while they were read", total, max(p.total, got)))
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
