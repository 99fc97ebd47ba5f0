package graph

import (
	"slices"
	"strings"
)

// Query is a question whose rows have the columns of [Resource].
type Query struct {
	types []string // of the resources, in lower case
	text  string
}

// String is the query as it is sent.
func (q Query) String() string { return q.text }

// columns are those of a Resource. The order by id is what makes pages of a
// query fit together.
const columns = "| project id, name, type, location, subscriptionId, resourceGroup, tags, properties\n| order by id asc"

const subscriptionType = "microsoft.resources/subscriptions"

var subscriptionQuery = Query{types: []string{subscriptionType},
	text: "resourcecontainers\n| where type =~ '" + subscriptionType + "'\n" + columns}

// VaultQuery asks for the vaults of some types, such as
// Microsoft.KeyVault/vaults, that pass a filter.
func VaultQuery(f Filter, types ...string) Query {
	q := Query{}
	for _, t := range types {
		q.types = append(q.types, strings.ToLower(t))
	}
	var b strings.Builder
	b.WriteString("resources\n| where type in~ ('" + strings.Join(q.types, "','") + "')\n")
	for _, part := range f.parts {
		b.WriteString("| " + part + "\n")
	}
	b.WriteString(columns)
	q.text = b.String()
	return q
}

// asksFor reports whether resources of a type, in lower case, may come back.
func (q Query) asksFor(t string) bool { return slices.Contains(q.types, t) }
