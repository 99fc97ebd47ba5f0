package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Column is a column of a CSV of T.
type Column[T any] struct {
	Name string
	Cell func(T) string
}

// WriteCSV writes RFC 4180: a header, a row each, lines that end in CR LF.
// Every cell is guarded.
func WriteCSV[T any](w io.Writer, columns []Column[T], rows []T) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	record := make([]string, len(columns))
	for i := range columns {
		record[i] = columns[i].Name
	}
	if err := c.Write(record); err != nil {
		return err
	}
	for _, r := range rows {
		for i := range columns {
			record[i] = lexicon.CSVCell(columns[i].Cell(r))
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// IdentityColumns are the columns that say which vault a row is about.
var IdentityColumns = []Column[*Vault]{
	{"vault", func(v *Vault) string { return v.Vault }},
	{"subscriptionId", func(v *Vault) string { return v.SubscriptionID }},
	{"subscriptionName", func(v *Vault) string { return v.SubscriptionName }},
	{"name", func(v *Vault) string { return v.Name }},
	{"location", func(v *Vault) string { return v.Location }},
	{"resourceType", func(v *Vault) string { return string(v.ResourceType) }},
	{"targetResourceGroup", func(v *Vault) string { return ValueOf(v.TargetResourceGroup) }},
	{"labels", func(v *Vault) string { return flatLabels(v.Labels) }},
	{"wave", func(v *Vault) string { return v.Wave }},
}

// OutcomeColumns are the columns of a run.
var OutcomeColumns = []Column[*Vault]{
	{"status", func(v *Vault) string { return string(v.Status) }},
	{"operationId", func(v *Vault) string { return ValueOf(v.OperationID) }},
	{"attempt", func(v *Vault) string { return strconv.Itoa(v.Attempt) }},
	{"startedAt", func(v *Vault) string { return CSVTime(v.StartedAt) }},
	{"endedAt", func(v *Vault) string { return CSVTime(v.EndedAt) }},
	{"upgradedResourceId", func(v *Vault) string { return ValueOf(v.UpgradedResourceID) }},
	{"requestIds", func(v *Vault) string { return strings.Join(v.RequestIDs, " ") }},
	{"reason", func(v *Vault) string { return ValueOf(v.Reason) }},
	{"overdue", func(v *Vault) string { return strconv.FormatBool(v.Overdue) }},
	{"foreign", func(v *Vault) string { return strconv.FormatBool(v.Foreign) }},
	{"carried", func(v *Vault) string { return strconv.FormatBool(v.Carried) }},
	{"reopened", func(v *Vault) string { return strconv.FormatBool(v.Reopened) }},
	{"accepted", func(v *Vault) string { return strconv.FormatBool(v.Accepted) }},
	{"unresolved", func(v *Vault) string { return strconv.FormatBool(v.Unresolved) }},
}

// ReasonColumns are the columns of a vault's findings.
var ReasonColumns = []Column[*Vault]{
	{"findingCodes", func(v *Vault) string {
		return flatFindings(v.unsettled(), func(f Finding) string { return ValueOf(f.Code) })
	}},
	{"findings", func(v *Vault) string { return flatFindings(v.unsettled(), flatFinding) }},
}

// holdColumns came later, behind those before them, so that nobody's numbers of columns
// change.
var holdColumns = []Column[*Vault]{
	{"heldUntil", func(v *Vault) string { return CSVTime(v.HeldUntil) }},
	{"heldBy", func(v *Vault) string { return ValueOf(v.HeldBy) }},
	{"nextWindow", func(v *Vault) string { return CSVTime(v.NextWindow) }},
}

// GroupColumns are the columns of vaults that are in a resource group; they came later
// still.
var GroupColumns = []Column[*Vault]{
	{"resourceGroup", func(v *Vault) string { return ValueOf(v.ResourceGroup) }},
	{"resourceId", func(v *Vault) string { return ValueOf(v.ResourceID) }},
}

// runColumns are the columns of a run's report, which took its vaults in a direction; do
// says what each vault waits for. The last ones came last: "upgraded" is of both directions,
// and "already" of vaults that an earlier run took, too.
func runColumns(do map[*Vault]standing.TaskKind, direction fleet.Direction) []Column[*Vault] {
	did := Column[*Vault]{"do", func(v *Vault) string { return string(do[v]) }}
	return slices.Concat(IdentityColumns, OutcomeColumns, ReasonColumns, holdColumns, []Column[*Vault]{did},
		GroupColumns, []Column[*Vault]{
			{"direction", func(*Vault) string { return string(direction) }},
			{"earlier", func(v *Vault) string { return strconv.FormatBool(v.Earlier) }},
			{"earlierOperationIds", func(v *Vault) string { return strings.Join(v.EarlierOperations, " ") }},
			{"endedLate", func(v *Vault) string { return strconv.FormatBool(v.EndedLate) }},
			{"meanwhile", func(v *Vault) string { return strconv.FormatBool(v.Meanwhile) }},
		})
}

// RunColumns names the columns of a run's CSV.
func RunColumns() []string {
	var names []string
	for _, c := range runColumns(nil, "") {
		names = append(names, c.Name)
	}
	return names
}

func (v *View) csv(w io.Writer) error {
	do := map[*Vault]standing.TaskKind{}
	for _, a := range v.actions(Options{}) {
		for _, x := range a.about {
			if do[x] == "" { // the most urgent stands first
				do[x] = a.Do
			}
		}
	}
	return WriteCSV(w, runColumns(do, v.Run.Direction), Pointers(v.Vaults))
}

func Pointers(vs []Vault) []*Vault {
	ps := make([]*Vault, len(vs))
	for i := range vs {
		ps[i] = &vs[i]
	}
	return ps
}

func CSVTime(t *Time) string {
	if t == nil {
		return ""
	}
	return lexicon.UTC(t.Time)
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
	s := fmt.Sprintf("%s %s: %s", f.Severity, ValueOf(f.Code), ValueOf(f.Message))
	if len(f.Items) > 0 {
		s += " [" + strings.Join(f.Items, "; ") + "]"
	}
	if f.Action != nil {
		s += " -> " + *f.Action
	}
	return s
}
