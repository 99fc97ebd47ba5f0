// Package kql answers "which rows does this query select, and how do they look":
// the part of the Kusto query language that an inventory of vaults needs of
// Azure Resource Graph. Pure: it reads a query, and runs it over rows.
//
//	table | where … | extend … | project … | order by … | take …
//
// What it does not know it refuses with the word and its place (Mistake), never
// ignores: a filter that was passed over would select too much.
package kql
