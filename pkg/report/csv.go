package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// column is a column of a CSV of T.
type column[T any] struct {
	name string
	cell func(T) string
}

// writeCSV writes RFC 4180: a header, a row each, lines that end in CR LF.
// Every cell is guarded.
func writeCSV[T any](w io.Writer, columns []column[T], rows []T) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	record := make([]string, len(columns))
	for i := range columns {
		record[i] = columns[i].name
	}
	if err := c.Write(record); err != nil {
		return err
	}
	for _, r := range rows {
		for i := range columns {
			record[i] = csvCell(columns[i].cell(r))
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// identity are the columns that say which vault a row is about.
var identity = []column[*Vault]{
	{"vault", func(v *Vault) string { return v.Vault }},
	{"subscriptionId", func(v *Vault) string { return v.SubscriptionID }},
	{"subscriptionName", func(v *Vault) string { return v.SubscriptionName }},
	{"name", func(v *Vault) string { return v.Name }},
	{"location", func(v *Vault) string { return v.Location }},
	{"resourceType", func(v *Vault) string { return string(v.ResourceType) }},
	{"targetResourceGroup", func(v *Vault) string { return str(v.TargetResourceGroup) }},
	{"labels", func(v *Vault) string { return flatLabels(v.Labels) }},
	{"wave", func(v *Vault) string { return v.Wave }},
}

// outcome are the columns of a run.
var outcome = []column[*Vault]{
	{"status", func(v *Vault) string { return string(v.Status) }},
	{"operationId", func(v *Vault) string { return str(v.OperationID) }},
	{"attempt", func(v *Vault) string { return strconv.Itoa(v.Attempt) }},
	{"startedAt", func(v *Vault) string { return csvTime(v.StartedAt) }},
	{"endedAt", func(v *Vault) string { return csvTime(v.EndedAt) }},
	{"upgradedResourceId", func(v *Vault) string { return str(v.UpgradedResourceID) }},
	{"requestIds", func(v *Vault) string { return strings.Join(v.RequestIDs, " ") }},
	{"reason", func(v *Vault) string { return str(v.Reason) }},
	{"overdue", func(v *Vault) string { return strconv.FormatBool(v.Overdue) }},
	{"foreign", func(v *Vault) string { return strconv.FormatBool(v.Foreign) }},
	{"carried", func(v *Vault) string { return strconv.FormatBool(v.Carried) }},
	{"reopened", func(v *Vault) string { return strconv.FormatBool(v.Reopened) }},
	{"accepted", func(v *Vault) string { return strconv.FormatBool(v.Accepted) }},
	{"unresolved", func(v *Vault) string { return strconv.FormatBool(v.Unresolved) }},
}

// reasons are the columns of a vault's findings.
var reasons = []column[*Vault]{
	{"findingCodes", func(v *Vault) string { return flatFindings(v.Findings, func(f Finding) string { return str(f.Code) }) }},
	{"findings", func(v *Vault) string { return flatFindings(v.Findings, flatFinding) }},
}

// afterwards are columns that came later: at the end, so that nobody's numbers of
// columns change.
var afterwards = []column[*Vault]{
	{"heldUntil", func(v *Vault) string { return csvTime(v.HeldUntil) }},
	{"heldBy", func(v *Vault) string { return str(v.HeldBy) }},
	{"nextWindow", func(v *Vault) string { return csvTime(v.NextWindow) }},
}

// groups are the columns of vaults that are in a resource group; they came later
// still.
var groups = []column[*Vault]{
	{"resourceGroup", func(v *Vault) string { return str(v.ResourceGroup) }},
	{"resourceId", func(v *Vault) string { return str(v.ResourceID) }},
}

// runColumns are the columns of a run's report; do says what each vault waits
// for.
func runColumns(do map[*Vault]Do) []column[*Vault] {
	did := column[*Vault]{"do", func(v *Vault) string { return string(do[v]) }}
	return slices.Concat(identity, outcome, reasons, afterwards, []column[*Vault]{did}, groups)
}

// RunColumns names the columns of a run's CSV.
func RunColumns() []string {
	var names []string
	for _, c := range runColumns(nil) {
		names = append(names, c.name)
	}
	return names
}

func (v *View) csv(w io.Writer) error {
	do := map[*Vault]Do{}
	for _, a := range v.actions(Options{}) {
		for _, x := range a.about {
			if do[x] == "" { // the most urgent stands first
				do[x] = a.Do
			}
		}
	}
	return writeCSV(w, runColumns(do), pointers(v.Vaults))
}

func pointers(vs []Vault) []*Vault {
	ps := make([]*Vault, len(vs))
	for i := range vs {
		ps[i] = &vs[i]
	}
	return ps
}

func csvTime(t *Time) string {
	if t == nil {
		return ""
	}
	return utc(t.Time)
}

func flatLabels(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, "; ")
}

func flatFindings(fs []Finding, form func(Finding) string) string {
	var parts []string
	for _, f := range fs {
		parts = append(parts, form(f))
	}
	return strings.Join(parts, " | ")
}

func flatFinding(f Finding) string {
	s := fmt.Sprintf("%s %s: %s", f.Severity, str(f.Code), str(f.Message))
	if len(f.Items) > 0 {
		s += " [" + strings.Join(f.Items, "; ") + "]"
	}
	if f.Action != nil {
		s += " -> " + *f.Action
	}
	return s
}
