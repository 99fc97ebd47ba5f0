package dryrun

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

func (d *dryRun) page() *layout.Page {
	p, c := &layout.Page{}, lexicon.ClockIn(d.opts.Zone)
	change := ""
	if d.opts.Change != "" {
		change = d.opts.Change + lexicon.Dot
	}
	p.Title("PLAN %s%s%s%s%stimes %s", d.plan.ShortFingerprint(), lexicon.Dot, change,
		lexicon.Or(d.plan.Inventory, "no file"), lexicon.Dot, c)
	p.Line("%s Nothing was started.", d.permanence())
	if d.opts.Validations == nil {
		p.Line("NOT CHECKED AGAINST %s: only what the inventory says is known; --validate makes every read-only "+
			"check.", d.against())
	} else {
		p.Line("%s", d.checkedWords(c))
	}
	if d.opts.Unfinished != nil {
		d.opts.Unfinished.says(p)
	}
	p.Line("%s = %s", lexicon.Vaults(len(d.vaults)), d.sum())
	if n := d.byLedger(); n > 0 {
		p.Line("By the ledger %s, %s nothing done: the run checks each again, and starts it only if that is so no "+
			"more.",
			lexicon.Or(d.opts.Ledger, "of earlier runs"), lexicon.Plural(n, "vault needs", "vaults need"))
	}
	if s := d.undone(c); s != "" {
		p.Line("%s", s)
	}
	if s := Strangers(d.plan, d.opts.Memory.Vaults, d.opts.Ledger); s != "" {
		p.Line("%s", s)
	}
	d.waitsFirst(p, c)
	d.waveTable(p, c)
	d.figures(p, c)
	d.whatIf(p, c)
	d.expired(p, c)
	d.heldByHand(p)
	if len(d.opts.Findings) > 0 {
		p.Section("FINDINGS")
		for _, f := range d.opts.Findings {
			p.Item("%s %s: %s", f.Severity, f.Code, f.Message)
			if f.Action != "" {
				p.Sub("Do: %s", f.Action)
			}
		}
	}
	d.notStarting(p)
	d.requests(p)
	if d.opts.Unkept && d.opts.Validations != nil {
		p.Command("To keep these checks in the plan",
			report.CommandOn("plan", d.opts.Saved, "--validate", "--out", d.opts.Saved, d.opts.State))
	}
	steps, ledger := d.next()
	report.NextLines(p, steps, ledger)
	return p.Zoned(c, d.opts.Now)
}

// maxExpired is how many holds that are over are named one by one.
const maxExpired = 20

// expired names the vaults that start although the inventory holds them.
func (d *dryRun) expired(p *layout.Page, c lexicon.Clock) {
	vs := Expired(d.plan, d.opts)
	if len(vs) == 0 {
		return
	}
	p.Section("EXPIRED HOLDS (%s): these start, although the inventory holds them", lexicon.Vaults(len(vs)))
	for n, i := range vs {
		if n == maxExpired && !d.opts.Details {
			p.Item("and %s more; --details names them", lexicon.Number(len(vs)-n))
			break
		}
		blocked := ""
		if d.vaults[i].Status == fleet.Blocked {
			blocked = "; blocked when it was checked"
		}
		p.Item("%s: %s%s", d.vaults[i].Vault, d.holdWords(d.plan.Vaults[i].LapsedHold, c), blocked)
	}
	p.Sub("Do: write a later until to keep them out of the run, or remove the hold. A run that starts them needs " +
		"--accept-expired-holds.")
}

// holdWords are a hold with until when it holds, and who asked for it.
func (d *dryRun) holdWords(h *fleet.Hold, c lexicon.Clock) string {
	s := h.Reason
	if h.By != "" {
		s += ", by " + h.By
	}
	if !h.Until.IsZero() {
		s += ", until " + c.Minute(h.Until)
	}
	return s
}

// checkedWords says how much was learnt from the cloud; of checks that the plan holds
// also when, and what a run does with them.
func (d *dryRun) checkedWords(c lexicon.Clock) string {
	if at := d.opts.CheckedAt; !at.IsZero() {
		when := fmt.Sprintf("%s (%s ago), when the plan was made", c.Near(at, d.opts.Now),
			lexicon.Span(d.opts.Now.Sub(at)))
		again := fmt.Sprintf(" A run checks every vault again, and starts those that are ready then: at most %s.",
			lexicon.Number(d.most()))
		return d.learnt(", "+when) + again
	}
	return d.learnt("")
}

// against is the cloud in capitals; the address of one is left as it is.
func (d *dryRun) against() string {
	cloud := cloudWords(d.plan.Cloud)
	if strings.Contains(cloud, "://") {
		return cloud
	}
	return strings.ToUpper(cloud)
}

func (d *dryRun) learnt(when string) string {
	cloud, unread := d.against()+when, len(d.unread())
	read := len(d.opts.Validations) - len(d.with(func(v *report.Vault) bool {
		return v.Status == fleet.Pending &&
			len(v.Findings) > 0
	}))
	switch {
	case unread == 0:
		return fmt.Sprintf("CHECKED AGAINST %s: %s looked at.", cloud, lexicon.Vaults(read))
	case read <= 0:
		return fmt.Sprintf("NOT CHECKED AGAINST %s: nothing could be learnt about any vault; what stood in the way "+
			"is named below.", cloud)
	}
	return fmt.Sprintf("CHECKED AGAINST %s: %s looked at; nothing could be learnt about %s more, see NOT CHECKED.",
		cloud, lexicon.Vaults(read), lexicon.Number(unread))
}

// unread are the vaults that were to be checked and could not be.
func (d *dryRun) unread() []*report.Vault {
	if d.opts.Validations == nil {
		return nil
	}
	return d.withStatus(fleet.Pending)
}

// cloudWords names a cloud for a sentence.
func cloudWords(c fleet.Cloud) string {
	switch c.Name {
	case fleet.Emulator:
		return "the emulator"
	case fleet.CustomCloud:
		return lexicon.Or(c.ResourceManager, "own endpoints")
	}
	return "Azure"
}

// Strangers says that a ledger's runs were of other vaults than the plan is; empty where
// they were not, or where it knows none. That is as it should be where a fleet is
// upgraded part by part on one ledger, and a mistake where it is another fleet's.
func Strangers(p *plan.Plan, known []fleet.Key, ledger string) string {
	all, common := rollout.Meets(known, p)
	if all == 0 || common > 0 {
		return ""
	}
	return fmt.Sprintf("The ledger %s knows %s, and none of this plan: its runs were of others. That is right where "+
		"a fleet is %s part by part; "+
		"status, refresh and reopen then know those of the newest run alone. For another fleet name a ledger of its "+
		"own with --state.",
		lexicon.Or(ledger, "of earlier runs"), lexicon.Vaults(all), p.Kind.Direction().Words().Done)
}

// byLedger counts the vaults of which the ledger alone says that they do not start.
func (d *dryRun) byLedger() (n int) {
	for i := range d.vaults {
		if _, ok := d.opts.prospects().AsWanted(d.plan.Vaults[i].Key); ok && d.vaults[i].Status == fleet.Already &&
			!d.vaults[i].Carried {
			n++
		}
	}
	return n
}

// undone says which of the vaults that may start earlier runs had left as wanted and took
// back since, and when: who reads that they start wonders about the night that did them.
func (d *dryRun) undone(c lexicon.Clock) string {
	n, last := 0, time.Time{}
	for i := range d.vaults {
		if u, ok := d.opts.Memory.Undone[d.plan.Vaults[i].Key]; ok && rollout.StartsFrom(d.vaults[i].Status) {
			if n++; u.At.After(last) {
				last = u.At
			}
		}
	}
	if n == 0 {
		return ""
	}
	when := ""
	if !last.IsZero() {
		when = ", the last " + c.Full(last)
	}
	return fmt.Sprintf("By the ledger %s, %s %s %s%s: %s again.", lexicon.Or(d.opts.Ledger, "of earlier runs"),
		lexicon.Plural(n, "vault to start was", "vaults to start were"), d.undoneWord(), d.byEarlierRuns(), when,
		map[bool]string{true: "it starts", false: "they start"}[n == 1])
}

// undoneWord is what was done to those: the other way than the plan's.
func (d *dryRun) undoneWord() string {
	if d.plan.Kind.Direction() == fleet.DirectionRollback {
		return fleet.DirectionUpgrade.Words().Done
	}
	return fleet.DirectionRollback.Words().Done
}

// sum says what becomes of the vaults.
func (d *dryRun) sum() string {
	carried := len(d.with(func(v *report.Vault) bool { return v.Carried }))
	parts := []string{lexicon.Number(d.starts()) + " to start"}
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, lexicon.Number(n)+" "+what)
		}
	}
	count := func(s fleet.Status) int { return len(d.withStatus(s)) }
	add(count(fleet.Blocked), "blocked")
	add(count(fleet.Busy), "busy")
	add(count(fleet.Upgrading), d.words.Doing+" already")
	ours := len(d.with(func(v *report.Vault) bool { return v.Earlier }))
	add(ours, d.words.Done+" "+d.byEarlierRuns())
	add(count(fleet.Already)-ours, d.words.Already)
	add(count(fleet.Failed), "failed before, as the cloud remembers")
	add(carried, "failed or unknown from "+d.earlierRuns())
	add(count(fleet.Pending), "not checked")
	add(count(fleet.Excluded), "held")
	return strings.Join(parts, " + ")
}

// waveTable shows the waves. VAULTS is what it is of a run's waves; how many of them
// start, and how many are held, stands beside it where it is not all, and not none.
func (d *dryRun) waveTable(p *layout.Page, c lexicon.Clock) {
	type column struct {
		head  string
		right bool
		shown bool
		spare int // which of them a narrow terminal does without first; 0: it is shown
	}
	columns := []column{{"WAVE", false, true, 0}, {"VAULTS", true, true, 0}, {"TO START", true, false, 0},
		{"BUSY", true, false, 0}, {"NOT CHECKED", true, false, 0},
		{"AT ONCE", true, true, 3}, {"HALTS AFTER", false, true, 0}, {"STARTS", false, true, 2},
		{"END p50", false, true, 1}, {"END p90", false, true, 0},
		{"HELD", true, false, 0}, {"THEN", false, false, 0}}
	const toStart, busy, unchecked, held, then = 2, 3, 4, 10, 11
	var rows [][]string
	for w := range d.plan.Waves {
		n, f, next := d.group(w), d.waveForecast(w), d.then(w, c)
		columns[toStart].shown = columns[toStart].shown || n.toStart != n.Of
		columns[busy].shown = columns[busy].shown || n.busy > 0
		columns[unchecked].shown = columns[unchecked].shown || n.unchecked > 0
		columns[held].shown = columns[held].shown || n.Held > 0
		columns[then].shown = columns[then].shown || next != ""
		rows = append(rows, []string{d.plan.Waves[w].Name, lexicon.Number(n.Of), lexicon.Number(n.toStart),
			lexicon.Number(n.busy), lexicon.Number(n.unchecked), lexicon.Number(d.atOnce(w)), d.haltsAt(w),
			c.Near(f.StartsAt.Value(), d.opts.Now), c.Near(f.EndsAtP50.Value(), d.opts.Now),
			c.Near(f.EndsAtP90.Value(), d.opts.Now), lexicon.Number(n.Held), next})
	}
	g := layout.Grid{Right: map[int]bool{}, Wrap: columns[then].shown, Spare: make([]int, 3),
		Rows: make([][]string, len(rows))}
	for i, col := range columns {
		if !col.shown {
			continue
		}
		if col.spare > 0 {
			g.Spare[col.spare-1] = len(g.Head)
		}
		g.Right[len(g.Head)] = col.right
		g.Head = append(g.Head, col.head)
		for r := range rows {
			g.Rows[r] = append(g.Rows[r], rows[r][i])
		}
	}
	p.Table(g)
}

// waveGroup counts the vaults of a wave.
type waveGroup struct {
	lexicon.Group
	toStart, busy, unchecked int // of those that are not held: what may start, see may
}

func (d *dryRun) group(w int) (g waveGroup) {
	n := map[fleet.Status]int{}
	for _, i := range d.plan.Waves[w].Vaults {
		n[d.vaults[i].Status]++
	}
	g.toStart, g.busy, g.unchecked = n[fleet.Ready], n[fleet.Busy], n[fleet.Pending]
	g.Group = lexicon.CountGroup(func(s fleet.Status) int { return n[s] })
	return g
}

// haltsAt names the failure that halts the run while the wave goes on.
func (d *dryRun) haltsAt(w int) string {
	run, over := d.runBudget(), 1
	if d.plan.Ceiling == plan.CeilingHard {
		over = 0 // it may be used up, never exceeded
	}
	if own, ok := d.waveBudget(w); ok && own <= run {
		return lexicon.Plural(own+over, "failure", "failures")
	}
	return lexicon.Number(run+over) + " in the run"
}

func (d *dryRun) figures(p *layout.Page, c lexicon.Clock) {
	d.change(p)
	l := d.plan.Limits
	limits := []string{lexicon.Number(l.Upgrades) + " " + d.words.Nouns + " at once"}
	if l.PerSubscription > 0 {
		limits = append(limits, fmt.Sprintf("%d a subscription", l.PerSubscription))
	}
	if l.PerLocation > 0 {
		limits = append(limits, fmt.Sprintf("%d a location", l.PerLocation))
	}
	limits = append(limits, fmt.Sprintf("%d validations at once", l.Validations),
		fmt.Sprintf("%g requests a second and subscription", l.RequestsPerSecond))
	p.Pair("Limits", "%s", strings.Join(limits, lexicon.Dot))
	if d.opts.P50 != nil && d.opts.P90 != nil {
		s := ""
		if d.unsure() != "" {
			s = "of " + d.mayWords() + ": "
		}
		s += fmt.Sprintf("ends %s (p50) to %s (p90) if it starts %s", c.Near(d.opts.P50.EndsAt, d.opts.Now),
			c.Near(d.opts.P90.EndsAt, d.opts.Now), c.Short(d.opts.Now))
		if n := nights(d.opts.P90); n != nil {
			s += lexicon.Dot + lexicon.Plural(*n, "night", "nights")
		}
		if d.opts.Measured > 0 {
			s += fmt.Sprintf("%sfrom %d measured %s", lexicon.Dot, d.opts.Measured, d.words.Nouns)
		} else if u := d.plan.Upgrade; u != nil {
			s += fmt.Sprintf("%sguessed from upgrade.expected, %s a vault", lexicon.Dot,
				lexicon.Span(u.Options.Duration(fleet.OptionExpected)))
		}
		if least, ratio, ok := d.ratio(); ok {
			s += lexicon.Dot + fmt.Sprintf("no schedule of these limits is shorter than %s: the p50 takes %.2f × that",
				lexicon.Span(least), ratio)
		}
		p.Pair("Forecast", "%s", s)
	}
	if e := d.opts.Emulated; e != nil {
		whose := "the forecast is the real service's"
		if d.opts.Measured > 0 {
			whose = "the forecast is measured on it, in its own time"
		}
		p.Pair("Emulated", "%s; %s", e.Words(d.words), whose)
	}
	d.nights(p, c)
	if n := d.inFlight(); n > 0 {
		low, high := d.durations()
		impact := fmt.Sprintf("at most %s at once, %s–%s each", lexicon.Vaults(n), lexicon.Span(low),
			lexicon.Span(high))
		if d.words.Classic {
			impact += ": no IaaS VM restore, new protection or ad-hoc backup on them"
		}
		p.Pair("Impact", "%s", impact)
	}
	for _, line := range d.windows() {
		p.Pair("Windows", "%s", line)
	}
	d.halts(p)
	worst := fmt.Sprintf("%d failed", d.worstCase())
	switch {
	case d.plan.Ceiling == plan.CeilingHard:
		worst += ": a hard ceiling counts what is in flight"
	case d.worstCase() < d.runBudget()+d.flying():
		worst += fmt.Sprintf(": every vault that may start; the budget allows %d + %d in flight", d.runBudget(),
			d.flying())
	default:
		worst += fmt.Sprintf(" (budget %d + %d in flight)", d.runBudget(), d.flying())
	}
	p.Pair("Worst case", "%s", worst)
	d.consents(p)
	d.targets(p)
	if bs := d.withStatus(fleet.Blocked); len(bs) > 0 && !d.opts.Details {
		p.Pair("Blocked", "%s%sdetails: --details or -o csv", report.CauseLine(report.CausesOf(bs)), lexicon.Dot)
	}
	if vs := d.noted(); len(vs) > 0 && !d.opts.Details {
		p.Pair("Noted", "%s%sdetails: --details or -o csv", noteLine(vs), lexicon.Dot)
	}
}

// noted are the vaults that start although something was found.
func (d *dryRun) noted() []*report.Vault {
	return d.with(func(v *report.Vault) bool { return v.Status == fleet.Ready && len(v.Findings) > 0 })
}

// noteLine counts the vaults of which something was found by its codes, the most frequent
// first.
func noteLine(vs []*report.Vault) string {
	n, several := map[string]int{}, 0
	for _, v := range vs {
		of := map[string]bool{}
		for _, f := range v.Findings {
			of[lexicon.Or(report.ValueOf(f.Code), standing.NoCode)] = true
		}
		for code := range of {
			n[code]++
		}
		if len(of) > 1 {
			several++
		}
	}
	codes := slices.SortedFunc(maps.Keys(n),
		func(a, b string) int { return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b)) })
	parts := make([]string, len(codes))
	for i, code := range codes {
		parts[i] = lexicon.Number(n[code]) + " " + code
	}
	return strings.Join(parts, lexicon.Dot) + report.UnderSeveral(several)
}

// durations are the shortest median and the longest 90th percentile of what
// starts.
func (d *dryRun) durations() (low, high time.Duration) {
	for i := range d.left.Vaults {
		v := &d.left.Vaults[i]
		if v.Excluded() {
			continue
		}
		if low == 0 || v.Predicted.P50 < low {
			low = v.Predicted.P50
		}
		high = max(high, v.Predicted.P90)
	}
	return low, high
}

func (d *dryRun) consents(p *layout.Page) {
	n := 0
	for i := range d.left.Vaults {
		if v := &d.left.Vaults[i]; !v.Excluded() && (v.AcceptWarnings || len(v.Consents) > 0) {
			n++
		}
	}
	if n == 0 {
		p.Pair("Consents", "none: a vault with a warning is blocked")
		return
	}
	what := "warnings"
	if d.words.Classic {
		what = "prerequisite warnings, billing conversion among them"
	}
	p.Pair("Consents", "%s: %s (acceptWarnings)", what, lexicon.Vaults(n))
}

// targets are the resource groups that vaults are in, or are to go to.
func (d *dryRun) targets(p *layout.Page) {
	if !d.words.Classic {
		groups, subs := map[string]bool{}, map[string]bool{}
		for i := range d.left.Vaults {
			if v := &d.left.Vaults[i]; !v.Excluded() {
				subs[v.SubscriptionID], groups[v.SubscriptionID+"/"+fleet.FoldName(v.ResourceGroup)] = true, true
			}
		}
		p.Pair("Touches", "%s in %s of %s", d.mayWords(),
			lexicon.Plural(len(groups), "resource group", "resource groups"),
			lexicon.Plural(len(subs), "subscription", "subscriptions"))
		return
	}
	create := map[string]bool{}
	for i := range d.left.Vaults {
		if v := &d.left.Vaults[i]; !v.Excluded() {
			k := v.SubscriptionID + "/" + fleet.FoldName(v.TargetResourceGroup)
			create[k] = create[k] || v.CreateResourceGroup
		}
	}
	may := 0
	for _, yes := range create {
		if yes {
			may++
		}
	}
	s := lexicon.Plural(len(create), "resource group", "resource groups")
	if may == 0 {
		s += ", none may be created"
	} else {
		s += fmt.Sprintf(", %d of them created where missing (createResourceGroup)", may)
	}
	p.Pair("Targets", "%s", s)
}

// notStarting says what does not start and why.
func (d *dryRun) notStarting(p *layout.Page) {
	if bs := d.withStatus(fleet.Blocked); len(bs) > 0 && d.opts.Details {
		p.Section("BLOCKED (%s)", lexicon.Vaults(len(bs)))
		report.ShowCauses(p, report.CausesOf(bs))
	}
	reasons := func(heading string, vs []*report.Vault) {
		if len(vs) == 0 {
			return
		}
		p.Section("%s (%s)", heading, lexicon.Vaults(len(vs)))
		for _, v := range vs {
			p.Item("%s: %s", v.Vault, reasonOf(v, lexicon.ClockIn(d.opts.Zone)))
		}
	}
	held, unheld := report.ByHolder(d.withStatus(fleet.Excluded))
	reasons("HELD: by the inventory", held)
	reasons("HELD: "+report.CannotRollBack, unheld)
	carried := d.with(func(v *report.Vault) bool { return v.Carried })
	reasons(notTriedAgain(d.opts.Unfinished, d.opts.Memory.Reopens(d.plan)), carried)
	reasons("FAILED BEFORE, as the cloud remembers: not started again", d.withStatus(fleet.Failed))
	if d.opts.Details {
		reasons("BUSY: tried again in the run", d.withStatus(fleet.Busy))
		reasons(strings.ToUpper(d.words.Doing)+" ALREADY: followed, not started", d.withStatus(fleet.Upgrading))
		reasons(strings.ToUpper(d.words.Done+" "+d.byEarlierRuns()),
			d.with(func(v *report.Vault) bool { return v.Earlier }))
		reasons(strings.ToUpper(d.words.Already),
			d.with(func(v *report.Vault) bool { return v.Status == fleet.Already && !v.Earlier }))
		if d.opts.Validations != nil {
			showReady(p, d.withStatus(fleet.Ready))
		}
	}
	if vs := d.unread(); d.opts.Details {
		reasons("NOT CHECKED", vs)
	} else if len(vs) > 0 {
		p.Section("NOT CHECKED (%s)", lexicon.Vaults(len(vs)))
		for _, c := range report.CausesOf(vs) {
			p.Item("%s: %s", lexicon.Vaults(len(c.Vaults)),
				lexicon.Or(c.Message, report.MessageOf(c.Vaults[0], c.Code)))
		}
	}
}

// next is what to type next, on the ledger: what its run wants first, or what the plan does.
func (d *dryRun) next() (steps []report.Step, ledger string) {
	switch u := d.opts.Unfinished; {
	case d.opts.WithoutNext:
	case u != nil:
		return u.steps, u.path
	case len(d.unread()) > 0:
		steps = []report.Step{{Args: d.checked()}}
	case d.totals[fleet.Blocked] > 0 && d.may() == 0:
		steps = report.Steps([]standing.Step{{For: standing.WhenUnblocked, Args: d.checked()}})
	case d.opts.Saved != "":
		steps = []report.Step{{Args: unasked(d.plan, d.opts, "run", d.opts.Saved)}}
	default:
		steps = []report.Step{RunStep(d.plan, d.opts)}
	}
	return steps, d.opts.State
}

// checked are the arguments of this plan with every check.
func (d *dryRun) checked() []string {
	args := []string{"plan", d.plan.Inventory, "--validate"}
	if d.opts.Saved != "" {
		args = append(args, "--out", d.opts.Saved)
	}
	return args
}

// RunStep is what to type to run a plan that is not saved: where there is
// nobody to be asked, on a real cloud, it must be saved first.
func RunStep(p *plan.Plan, o PlanOptions) report.Step {
	emulated := p.Cloud.Name == fleet.Emulator
	switch {
	case !emulated && (o.Validations == nil || o.Unattended):
		return report.Step{Args: []string{"plan", p.Inventory, "--validate", "--out", "FILE"}}
	case o.Unattended:
		return report.Step{Args: unasked(p, o, "run", p.Inventory)}
	}
	return report.Step{Args: []string{"run", p.Inventory}}
}

// unasked adds to a command that starts a plan whatever it would ask about.
func unasked(p *plan.Plan, o PlanOptions, command ...string) []string {
	command = append(command, "--yes")
	if len(Expired(p, o)) > 0 {
		command = append(command, "--accept-expired-holds")
	}
	return standing.Confirmed(p, command...)
}
