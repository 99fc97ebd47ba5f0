package dryrun

import (
	"cmp"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// planDocument is a plan as JSON shows it.
type planDocument struct {
	SchemaVersion  int                  `json:"schemaVersion"`
	Fingerprint    string               `json:"fingerprint"`
	Inventory      *string              `json:"inventory"`
	Cloud          fleet.CloudName      `json:"cloud"`
	CheckedAgainst bool                 `json:"checkedAgainstAzure"`
	Totals         map[fleet.Status]int `json:"totals"`
	FailureBudget  int                  `json:"failureBudget"`
	WorstCase      int                  `json:"worstCase"`
	AtOnce         int                  `json:"atOnce"`
	Waves          []planWave           `json:"waves"`
	Excluded       plannedVaults        `json:"excluded"`
	NotStarting    plannedVaults        `json:"notStarting"` // blocked, already, failed before …
	Findings       []planFinding        `json:"findings"`
	Forecast       planForecast         `json:"forecast"`

	Change             *string          `json:"change"`
	Ceiling            plan.Ceiling     `json:"ceiling"`
	SubscriptionBudget *plan.Budget     `json:"subscriptionBudget"`
	SameErrorHalt      int              `json:"sameErrorHalt"`
	MeasuredUpgrades   int              `json:"measuredUpgrades"` // that the predictions come from; 0: the model
	WhatIf             *whatIfOutput    `json:"whatIf"`
	Emulated           *report.Emulated `json:"emulated"` // the cloud is the emulator; null: it is not

	Upgrade *plannedUpgrade `json:"upgrade"` // what is done to each vault

	CheckedAt *report.Time `json:"checkedAt"` // when the vaults were checked; null: they were not
	ToStart   int          `json:"toStart"`   // as far as is known
	MayStart  int          `json:"mayStart"`  // with the busy and the unchecked ones: what the forecast is of
	AtMost    int          `json:"atMost"`    // if the run finds every vault ready that it checks again

	// of the ledger, before which no run of the plan begins; null: there is none
	Unfinished *Unfinished `json:"unfinishedRun"`

	Next []report.NextCommand `json:"next"` // what to type next, the first one first
}

// whatIfOutput is another forecast to compare with.
type whatIfOutput struct {
	Change    string       `json:"change"`
	EndsAtP50 *report.Time `json:"endsAtP50"`
	EndsAtP90 *report.Time `json:"endsAtP90"`
	Nights    *int         `json:"nights"`
	Upgraded  int          `json:"upgraded"`
	HaltedBy  *report.Halt `json:"haltedBy"`
	HaltedIn  *string      `json:"haltedIn"` // the wave that was open then

	Failed     int `json:"failed"`
	NotStarted int `json:"notStarted"` // kept from starting by the halt
	// null: nothing was drawn. What stands above is of the draw in the middle
	Draws *drawOutput `json:"draws"`
}

type planWave struct {
	Name        string        `json:"name"`
	Vaults      plannedVaults `json:"vaults"` // those that may start; status tells more
	MaxFailures *int          `json:"maxFailures"`
	AtOnce      int           `json:"atOnce"`
	Order       plan.Order    `json:"order"`
	SoakSeconds float64       `json:"soakSeconds"`
	NotBefore   *report.Time  `json:"notBefore"` // when it opens at the earliest; null: at once
	Approval    *string       `json:"approval"`  // before or after
	NotBy       *string       `json:"notBy"`     // who may not approve: "starter"; null: anybody may
	// it opens by itself: nothing of the wave is to be done, as far as is known
	Needless bool           `json:"approvalNeedless"`
	Calendar *plan.Calendar `json:"calendar"` // null: upgrades may always run
	Forecast waveForecast   `json:"forecast"`
	ToStart  int            `json:"toStart"`  // as far as is known
	MayStart int            `json:"mayStart"` // as many as vaults lists: the busy and the unchecked ones too
	lexicon.Group
}

type waveForecast struct {
	StartsAt  *report.Time `json:"startsAt"`
	EndsAtP50 *report.Time `json:"endsAtP50"`
	EndsAtP90 *report.Time `json:"endsAtP90"`
}

type planForecast struct {
	EndsAtP50         *report.Time `json:"endsAtP50"`
	EndsAtP90         *report.Time `json:"endsAtP90"`
	Nights            *int         `json:"nights"`
	LowerBoundSeconds float64      `json:"lowerBoundSeconds"`
	Ratio             *float64     `json:"ratio"`

	ByNight []planNight `json:"byNight"` // which nights start how many, with 90th percentiles
}

type planNight struct {
	Until  *report.Time `json:"until"` // when its window closes
	Starts int          `json:"starts"`
	From   *report.Time `json:"from"` // when the first of them starts
}

// plannedVaults are made when they are written.
type plannedVaults = layout.List[plannedVault]

type plannedVault struct {
	Vault               string             `json:"vault"`
	SubscriptionID      string             `json:"subscriptionId"`
	SubscriptionName    string             `json:"subscriptionName"`
	Name                string             `json:"name"`
	Location            string             `json:"location"`
	ResourceType        fleet.ResourceType `json:"resourceType"`
	TargetResourceGroup *string            `json:"targetResourceGroup"`
	Labels              map[string]string  `json:"labels"`
	Wave                string             `json:"wave"`
	Status              fleet.Status       `json:"status"`
	PredictedP50Seconds float64            `json:"predictedP50Seconds"`
	PredictedP90Seconds float64            `json:"predictedP90Seconds"`
	Reason              *string            `json:"reason"`
	HeldUntil           *report.Time       `json:"heldUntil"`
	HeldBy              *string            `json:"heldBy"`
	// a hold of the inventory that is over: the vault starts
	ExpiredHold   *expiredHold           `json:"expiredHold"`
	Calendar      *plan.Calendar         `json:"calendar"` // its own; null: its wave's
	ResourceGroup *string                `json:"resourceGroup"`
	ResourceID    *string                `json:"resourceId"`
	Request       *report.PlannedRequest `json:"request"` // that changes it
	// who held it by hand in an earlier run, and why: that hold is over, and the vault starts
	HeldEarlier *string `json:"heldEarlier"`
}

// expiredHold is a hold that keeps nothing out any more.
type expiredHold struct {
	Reason string       `json:"reason"`
	Until  *report.Time `json:"until"`
	By     *string      `json:"by"`
}

// planFinding is a finding of a vault, or of the plan as a whole.
type planFinding struct {
	Vault *string `json:"vault"`
	report.Finding
}

func (d *dryRun) printer() layout.Printer {
	return layout.Printer{Page: d.page, JSON: func(w io.Writer) error { return layout.WriteJSON(w, d.document()) },
		Rows: d.rows, CSV: d.csv, Along: d.opts.Along}
}

func (d *dryRun) rows(yield func(any) bool) {
	for i := range d.vaults {
		if !yield(d.planned(i)) {
			return
		}
	}
}

func (d *dryRun) list(vaults []int) plannedVaults {
	return plannedVaults{Len: len(vaults), At: func(i int) plannedVault { return d.planned(vaults[i]) }}
}

func (d *dryRun) planned(i int) plannedVault {
	x, v := &d.vaults[i], &d.plan.Vaults[i]
	pv := plannedVault{
		Vault: x.Vault, SubscriptionID: x.SubscriptionID, SubscriptionName: x.SubscriptionName, Name: x.Name,
		Location: x.Location, ResourceType: x.ResourceType, TargetResourceGroup: x.TargetResourceGroup,
		Labels: x.Labels, Wave: x.Wave, Status: d.shown(x), Reason: x.Reason,
		PredictedP50Seconds: v.Predicted.P50.Seconds(), PredictedP90Seconds: v.Predicted.P90.Seconds(),
	}
	if v.Hold != nil {
		pv.HeldUntil, pv.HeldBy = report.TimeOrNull(v.Hold.Until), report.StringOrNull(v.Hold.By)
	}
	if h := v.LapsedHold; h != nil && v.Hold == nil {
		pv.ExpiredHold = &expiredHold{h.Reason, report.TimeOrNull(h.Until), report.StringOrNull(h.By)}
	}
	if s := x.Status; rollout.StartsFrom(s) || s == fleet.Blocked {
		pv.HeldEarlier = report.StringOrNull(d.opts.Memory.Held[v.Key])
	}
	pv.ResourceGroup, pv.ResourceID, pv.Request = x.ResourceGroup, x.ResourceID, d.request(i)
	if v.Calendar > 0 {
		pv.Calendar = d.plan.CalendarFor(i)
	}
	return pv
}

// shown is the status to show: without a look at the cloud nothing is known to
// be ready.
func (d *dryRun) shown(x *report.Vault) fleet.Status {
	if x.Status == fleet.Ready && d.opts.Validations == nil {
		return fleet.Pending
	}
	return x.Status
}

func (d *dryRun) document() any {
	doc := planDocument{
		SchemaVersion: report.SchemaVersion, Fingerprint: d.plan.Fingerprint,
		Inventory: report.StringOrNull(d.plan.Inventory), Cloud: d.plan.Cloud.Name,
		CheckedAgainst: d.opts.Validations != nil, Totals: map[fleet.Status]int{}, FailureBudget: d.runBudget(),
		WorstCase: d.worstCase(), AtOnce: d.inFlight(), Waves: make([]planWave, len(d.plan.Waves)),
		Unfinished: d.opts.Unfinished, Findings: []planFinding{},
	}
	steps, ledger := d.next()
	doc.Next = report.NextCommands(steps, ledger, d.opts.Along)
	for w := range d.plan.Waves {
		wave := &d.plan.Waves[w]
		pw := planWave{Name: wave.Name, AtOnce: d.atOnce(w),
			Order:       cmp.Or(wave.Order, plan.OrderLongestFirst),
			SoakSeconds: wave.Soak.Seconds(), NotBefore: report.TimeOrNull(wave.NotBefore),
			Calendar: d.plan.CalendarOf(w), Forecast: d.waveForecast(w)}
		n := d.group(w)
		pw.Group, pw.ToStart, pw.MayStart = n.Group, n.toStart, n.toStart+n.busy+n.unchecked
		if a := wave.Approval; a != nil {
			pw.Approval, pw.NotBy = report.StringOrNull(string(a.When)), report.StringOrNull(a.NotBy)
			pw.Needless = a.When == plan.ApprovalAfter && d.needless(w) ||
				a.When == plan.ApprovalBefore && d.leftDone(w)
		}
		if n, ok := d.waveBudget(w); ok {
			pw.MaxFailures = &n
		}
		var vaults []int
		for _, i := range d.plan.Waves[w].Vaults {
			if rollout.StartsFrom(d.vaults[i].Status) {
				vaults = append(vaults, i)
			}
		}
		pw.Vaults = d.list(vaults)
		doc.Waves[w] = pw
	}
	for _, f := range report.FindingsOf(d.opts.Findings) {
		doc.Findings = append(doc.Findings, planFinding{Finding: f})
	}
	var excluded, notStarting []int
	for i := range d.vaults {
		x := &d.vaults[i]
		doc.Totals[d.shown(x)]++
		switch {
		case rollout.StartsFrom(x.Status):
		case x.Status == fleet.Excluded:
			excluded = append(excluded, i)
		default:
			notStarting = append(notStarting, i)
		}
		for _, f := range x.Findings {
			doc.Findings = append(doc.Findings, planFinding{report.StringOrNull(x.Vault), f})
		}
	}
	doc.Excluded, doc.NotStarting = d.list(excluded), d.list(notStarting)
	least, ratio, ok := d.ratio()
	doc.Forecast.LowerBoundSeconds = least.Seconds()
	if ok {
		ratio = math.Round(ratio*1000) / 1000
		doc.Forecast.Ratio = &ratio
	}
	doc.Forecast.EndsAtP50, doc.Forecast.EndsAtP90, doc.Forecast.Nights = ends(d.opts.P50), ends(d.opts.P90),
		nights(d.opts.P90)
	doc.Forecast.ByNight = []planNight{}
	if f := d.opts.P90; f != nil {
		for _, n := range f.Nights {
			doc.Forecast.ByNight = append(doc.Forecast.ByNight, planNight{report.TimeOrNull(n.Until), n.Starts,
				report.TimeOrNull(n.From)})
		}
	}
	doc.Change, doc.Ceiling, doc.SubscriptionBudget = report.StringOrNull(d.opts.Change),
		cmp.Or(d.plan.Ceiling, plan.CeilingSoft), d.plan.SubscriptionBudget
	doc.Upgrade, doc.Emulated = d.upgrade(), d.opts.Emulated
	doc.ToStart, doc.MayStart, doc.AtMost = d.starts(), d.may(), d.most()
	if doc.CheckedAgainst {
		doc.CheckedAt = report.TimeOrNull(d.checkedAt())
	}
	doc.SameErrorHalt, doc.MeasuredUpgrades = d.plan.SameErrorHalt, d.opts.Measured
	if w := d.opts.WhatIf; w != nil {
		doc.WhatIf = &whatIfOutput{Change: w.Text, EndsAtP50: ends(&w.P50), EndsAtP90: ends(&w.P90),
			Nights: nights(&w.P90), Upgraded: w.P50.Upgraded}
		if h := w.P50.Halt; h != nil {
			doc.WhatIf.HaltedBy, doc.WhatIf.HaltedIn = report.HaltOf(d.plan, h, w.P50.HaltedAt),
				report.StringOrNull(w.P50.HaltedIn)
		}
		doc.WhatIf.Failed, doc.WhatIf.NotStarted, doc.WhatIf.Draws = w.P50.Failed, w.P50.Left, d.drawn()
	}
	return doc
}

func (d *dryRun) waveForecast(w int) waveForecast {
	var f waveForecast
	if p := d.opts.P50; p != nil && w < len(p.Waves) {
		f.StartsAt, f.EndsAtP50 = report.TimeOrNull(p.Waves[w].StartsAt), report.TimeOrNull(p.Waves[w].EndsAt)
	}
	if p := d.opts.P90; p != nil && w < len(p.Waves) {
		f.EndsAtP90 = report.TimeOrNull(p.Waves[w].EndsAt)
	}
	return f
}

// nights is how many windows a forecast starts something in; null without
// windows.
func nights(f *rollout.Forecast) *int {
	if f == nil || len(f.Nights) == 0 {
		return nil
	}
	n := len(f.Nights)
	return &n
}

func ends(f *rollout.Forecast) *report.Time {
	if f == nil {
		return nil
	}
	return report.TimeOrNull(f.EndsAt)
}

// worstCase is how many vaults can fail before the run's budget has stopped
// everything: what it allows and what is under way when it is exceeded.
func (d *dryRun) worstCase() int { return min(d.runBudget()+d.flying(), d.may()) }

func (d *dryRun) csv(w io.Writer) error {
	type row struct {
		*report.Vault
		planned plannedVault
	}
	var columns []report.Column[row]
	lift := func(cs []report.Column[*report.Vault]) {
		for _, c := range cs {
			columns = append(columns, report.Column[row]{Name: c.Name,
				Cell: func(r row) string { return c.Cell(r.Vault) }})
		}
	}
	seconds := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	lift(report.IdentityColumns)
	columns = slices.Concat(columns, []report.Column[row]{
		{Name: "status", Cell: func(r row) string { return string(r.planned.Status) }},
		{Name: "predictedP50Seconds", Cell: func(r row) string { return seconds(r.planned.PredictedP50Seconds) }},
		{Name: "predictedP90Seconds", Cell: func(r row) string { return seconds(r.planned.PredictedP90Seconds) }},
		{Name: "reason", Cell: func(r row) string { return report.ValueOf(r.planned.Reason) }},
		{Name: "heldUntil", Cell: func(r row) string { return report.CSVTime(r.planned.HeldUntil) }},
		{Name: "heldBy", Cell: func(r row) string { return report.ValueOf(r.planned.HeldBy) }},
	})
	lift(report.ReasonColumns)
	lift(report.GroupColumns)
	columns = append(columns, report.Column[row]{Name: "request",
		Cell: func(r row) string { return r.planned.Request.Flat() }},
		report.Column[row]{Name: "expiredHold", Cell: func(r row) string {
			if h := r.planned.ExpiredHold; h != nil {
				return (&fleet.Hold{Reason: h.Reason, Until: h.Until.Value(), By: report.ValueOf(h.By)}).Words()
			}
			return ""
		}})
	rows := make([]row, len(d.vaults))
	for i := range d.vaults {
		rows[i] = row{&d.vaults[i], d.planned(i)}
	}
	return report.WriteCSV(w, columns, rows)
}
