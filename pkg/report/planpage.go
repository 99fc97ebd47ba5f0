package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

func (d *dryRun) page() *page {
	p, c := &page{}, clockIn(d.opts.Zone)
	change := ""
	if d.opts.Change != "" {
		change = d.opts.Change + dot
	}
	p.title("PLAN %s%s%s%s%stimes %s", d.plan.ShortFingerprint(), dot, change, or(d.plan.Inventory, "no file"), dot, c)
	p.line("%s Nothing was started.", d.permanence())
	if d.opts.Validations == nil {
		p.line("NOT CHECKED AGAINST AZURE: only what the inventory says is known; --validate makes every read-only check.")
	} else {
		p.line("%s", d.checkedWords())
	}
	p.line("%s = %s", vaults(len(d.vaults)), d.sum())
	d.waveTable(p, c)
	d.figures(p, c)
	d.whatIf(p, c)
	d.expired(p, c)
	if len(d.opts.Findings) > 0 {
		p.section("FINDINGS")
		for _, f := range d.opts.Findings {
			p.item("%s %s: %s", f.Severity, f.Code, f.Message)
			if f.Action != "" {
				p.sub("Do: %s", f.Action)
			}
		}
	}
	d.notStarting(p)
	d.requests(p)
	if !d.opts.WithoutNext {
		p.command("Next", or(d.opts.Next, d.nextCommand()))
	}
	return p.zoned(c, d.opts.Now)
}

// maxExpired is how many holds that are over are named one by one.
const maxExpired = 20

// expired names the vaults that start although the inventory holds them.
func (d *dryRun) expired(p *page, c clock) {
	var vs []int
	for _, i := range d.plan.Expired() {
		if mayStart(d.vaults[i].Status) {
			vs = append(vs, i)
		}
	}
	if len(vs) == 0 {
		return
	}
	p.section("EXPIRED HOLDS (%s): these start, although the inventory holds them", vaults(len(vs)))
	for n, i := range vs {
		if n == maxExpired && !d.opts.Details {
			p.item("and %s more; --details names them", number(len(vs)-n))
			break
		}
		p.item("%s: %s", d.vaults[i].Vault, d.holdWords(d.plan.Vaults[i].LapsedHold, c))
	}
	p.sub("Do: write a later until to keep them out, or remove the hold; a run of them wants --accept-expired-holds.")
}

// holdWords are a hold with until when it holds, and who asked for it.
func (d *dryRun) holdWords(h *fleet.Hold, c clock) string {
	s := h.Reason
	if h.By != "" {
		s += ", by " + h.By
	}
	if !h.Until.IsZero() {
		s += ", until " + c.full(h.Until)
	}
	return s
}

// checkedWords says how much was learnt from the cloud.
func (d *dryRun) checkedWords() string {
	cloud, unread := strings.ToUpper(cloudWords(d.plan.Cloud)), len(d.unread())
	read := len(d.opts.Validations) - len(d.with(func(v *Vault) bool { return v.Status == fleet.Pending && len(v.Findings) > 0 }))
	switch {
	case unread == 0:
		return fmt.Sprintf("CHECKED AGAINST %s: %s looked at.", cloud, vaults(read))
	case read <= 0:
		return fmt.Sprintf("NOT CHECKED AGAINST %s: nothing could be learnt about any vault; what stood in the way is named below.", cloud)
	}
	return fmt.Sprintf("CHECKED AGAINST %s: %s looked at; nothing could be learnt about %s more, see NOT CHECKED.", cloud, vaults(read), number(unread))
}

// unread are the vaults that were to be checked and could not be.
func (d *dryRun) unread() []*Vault {
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
		return or(c.ResourceManager, "own endpoints")
	}
	return "Azure"
}

// sum says what becomes of the vaults.
func (d *dryRun) sum() string {
	carried := len(d.with(func(v *Vault) bool { return v.Carried }))
	parts := []string{number(d.starts()) + " to start"}
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, number(n)+" "+what)
		}
	}
	count := func(s fleet.Status) int { return len(d.withStatus(s)) }
	add(count(fleet.Blocked), "blocked")
	add(count(fleet.Busy), "busy")
	add(count(fleet.Upgrading), "upgrading already")
	add(count(fleet.Already), d.words.already)
	add(count(fleet.Failed), "failed before, as the cloud remembers")
	add(carried, "failed or unknown from earlier runs")
	add(count(fleet.Pending), "not checked")
	add(count(fleet.Excluded), "held")
	return strings.Join(parts, " + ")
}

func (d *dryRun) waveTable(p *page, c clock) {
	g := grid{head: []string{"WAVE", "VAULTS", "AT ONCE", "HALTS AFTER", "STARTS", "END p50", "END p90", "THEN"}, right: map[int]bool{1: true, 2: true}}
	for w := range d.plan.Waves {
		n := 0
		for _, i := range d.plan.Waves[w].Vaults {
			if mayStart(d.vaults[i].Status) {
				n++
			}
		}
		f := d.waveForecast(w)
		g.rows = append(g.rows, []string{d.plan.Waves[w].Name, number(n), number(atOnce(d.left, w)), d.haltsAt(w),
			c.near(f.StartsAt.value(), d.opts.Now), c.near(f.EndsAtP50.value(), d.opts.Now), c.near(f.EndsAtP90.value(), d.opts.Now), d.then(w)})
	}
	if !slices.ContainsFunc(g.rows, func(r []string) bool { return r[len(r)-1] != "" }) {
		g.head = g.head[:len(g.head)-1]
		for i := range g.rows {
			g.rows[i] = g.rows[i][:len(g.rows[i])-1]
		}
	}
	p.table(g)
}

// then is what comes between a wave and the next.
func (d *dryRun) then(w int) string {
	var parts []string
	if s := d.plan.Waves[w].Soak; s > 0 {
		parts = append(parts, span(s)+" soak")
	}
	gate := func(w int, when plan.ApprovalWhen) bool {
		return w < len(d.plan.Waves) && d.plan.Waves[w].Approval != nil && d.plan.Waves[w].Approval.When == when
	}
	// The vaults behind a gate before a wave are checked when it has opened.
	switch after := gate(w, plan.ApprovalAfter); {
	case gate(w+1, plan.ApprovalBefore), after && !d.needless(w):
		parts = append(parts, "approval")
	case after:
		parts = append(parts, "no approval: nothing to do")
	}
	return strings.Join(parts, ", ")
}

// needless says what rollout.State.Needless will say of a wave, as far as is
// known.
func (d *dryRun) needless(w int) bool {
	already := 0
	for _, i := range d.plan.Waves[w].Vaults {
		switch d.vaults[i].Status {
		case fleet.Already:
			already++
		case fleet.Excluded:
		default:
			return false
		}
	}
	return already > 0
}

// haltsAt names the failure that halts the run while the wave goes on.
func (d *dryRun) haltsAt(w int) string {
	run, over := d.runBudget(), 1
	if d.plan.Ceiling == plan.CeilingHard {
		over = 0 // it may be used up, never exceeded
	}
	if own, ok := d.waveBudget(w); ok && own <= run {
		return plural(own+over, "failure", "failures")
	}
	return number(run+over) + " in the run"
}

func (d *dryRun) figures(p *page, c clock) {
	d.change(p)
	l := d.plan.Limits
	limits := []string{fmt.Sprintf("%d upgrades at once", l.Upgrades)}
	if l.PerSubscription > 0 {
		limits = append(limits, fmt.Sprintf("%d a subscription", l.PerSubscription))
	}
	if l.PerLocation > 0 {
		limits = append(limits, fmt.Sprintf("%d a location", l.PerLocation))
	}
	limits = append(limits, fmt.Sprintf("%d validations at once", l.Validations), fmt.Sprintf("%g requests a second and subscription", l.RequestsPerSecond))
	p.pair("Limits", "%s", strings.Join(limits, dot))
	if d.opts.P50 != nil && d.opts.P90 != nil {
		s := fmt.Sprintf("ends %s (p50) to %s (p90) if it starts %s", c.near(d.opts.P50.EndsAt, d.opts.Now), c.near(d.opts.P90.EndsAt, d.opts.Now), c.short(d.opts.Now))
		if n := nights(d.opts.P90); n != nil {
			s += dot + plural(*n, "night", "nights")
		}
		if d.opts.Measured > 0 {
			s += fmt.Sprintf("%sfrom %d measured upgrades", dot, d.opts.Measured)
		} else if u := d.plan.Upgrade; u != nil {
			s += fmt.Sprintf("%sguessed from upgrade.expected, %s a vault", dot, span(u.Options.Duration(fleet.OptionExpected)))
		}
		if least, ratio, ok := d.ratio(); ok {
			s += fmt.Sprintf("%s%s at best (%.2f ×)", dot, span(least), ratio)
		}
		p.pair("Forecast", "%s", s)
	}
	if e := d.opts.Emulated; e != nil {
		whose := "the forecast is the real service's"
		if d.opts.Measured > 0 {
			whose = "the forecast is measured on it"
		}
		p.pair("Emulated", "%s; %s", e.Words(), whose)
	}
	d.nights(p, c)
	if n := d.inFlight(); n > 0 {
		low, high := d.durations()
		impact := fmt.Sprintf("at most %s at once, %s–%s each", vaults(n), span(low), span(high))
		if d.words.classic {
			impact += ": no IaaS VM restore, new protection or ad-hoc backup on them"
		}
		p.pair("Impact", "%s", impact)
	}
	for _, line := range d.windows() {
		p.pair("Windows", "%s", line)
	}
	d.halts(p)
	worst := fmt.Sprintf("%d failed (budget %d + %d in flight)", d.worstCase(), d.runBudget(), d.flying())
	if d.plan.Ceiling == plan.CeilingHard {
		worst = fmt.Sprintf("%d failed: a hard ceiling counts what is in flight", d.worstCase())
	}
	if d.worstCase() < d.runBudget()+d.flying() {
		worst += ": every vault that may start"
	}
	p.pair("Worst case", "%s", worst)
	d.consents(p)
	d.targets(p)
	if bs := d.withStatus(fleet.Blocked); len(bs) > 0 && !d.opts.Details {
		p.pair("Blocked", "%s%sdetails: --details or -o csv", causeLine(causes(bs)), dot)
	}
	if vs := d.noted(); len(vs) > 0 && !d.opts.Details {
		p.pair("Noted", "%s%sdetails: --details or -o csv", noteLine(vs), dot)
	}
}

// noted are the vaults that start although something was found.
func (d *dryRun) noted() []*Vault {
	return d.with(func(v *Vault) bool { return v.Status == fleet.Ready && len(v.Findings) > 0 })
}

// noteLine counts what was found of vaults by its codes, the most frequent first.
func noteLine(vs []*Vault) string {
	n := map[string]int{}
	for _, v := range vs {
		for _, f := range v.Findings {
			n[or(str(f.Code), noCode)]++
		}
	}
	codes := slices.SortedFunc(maps.Keys(n), func(a, b string) int { return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b)) })
	parts := make([]string, len(codes))
	for i, code := range codes {
		parts[i] = number(n[code]) + " " + code
	}
	return strings.Join(parts, dot)
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

func (d *dryRun) consents(p *page) {
	n := 0
	for i := range d.left.Vaults {
		if v := &d.left.Vaults[i]; !v.Excluded() && (v.AcceptWarnings || len(v.Consents) > 0) {
			n++
		}
	}
	if n == 0 {
		p.pair("Consents", "none: a vault with a warning is blocked")
		return
	}
	what := "warnings"
	if d.words.classic {
		what = "prerequisite warnings, billing conversion among them"
	}
	p.pair("Consents", "%s: %s (acceptWarnings)", what, vaults(n))
}

// targets are the resource groups that vaults are in, or are to go to.
func (d *dryRun) targets(p *page) {
	if !d.words.classic {
		groups, subs, n := map[string]bool{}, map[string]bool{}, 0
		for i := range d.left.Vaults {
			if v := &d.left.Vaults[i]; !v.Excluded() {
				n++
				subs[v.SubscriptionID], groups[v.SubscriptionID+"/"+fleet.FoldName(v.ResourceGroup)] = true, true
			}
		}
		p.pair("Touches", "%s in %s of %s", vaults(n), plural(len(groups), "resource group", "resource groups"),
			plural(len(subs), "subscription", "subscriptions"))
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
	s := plural(len(create), "resource group", "resource groups")
	if may == 0 {
		s += ", none may be created"
	} else {
		s += fmt.Sprintf(", %d of them created where missing (createResourceGroup)", may)
	}
	p.pair("Targets", "%s", s)
}

// notStarting says what does not start and why.
func (d *dryRun) notStarting(p *page) {
	if bs := d.withStatus(fleet.Blocked); len(bs) > 0 && d.opts.Details {
		p.section("BLOCKED (%s)", vaults(len(bs)))
		p.showCauses(causes(bs))
	}
	reasons := func(heading string, vs []*Vault) {
		if len(vs) == 0 {
			return
		}
		p.section("%s (%s)", heading, vaults(len(vs)))
		for _, v := range vs {
			reason := or(str(v.Reason), "no reason given")
			if v.HeldBy != nil {
				reason += ", by " + *v.HeldBy
			}
			if v.HeldUntil != nil {
				reason += ", until " + clockIn(d.opts.Zone).full(v.HeldUntil.Time)
			}
			p.item("%s: %s", v.Vault, reason)
		}
	}
	reasons("HELD: by the inventory", d.withStatus(fleet.Excluded))
	carried := d.with(func(v *Vault) bool { return v.Carried })
	reasons("NOT TRIED AGAIN: failed or unknown from earlier runs; "+unbroken("fleetup reopen")+" permits another try", carried)
	reasons("FAILED BEFORE, as the cloud remembers: not started again", d.withStatus(fleet.Failed))
	if d.opts.Details {
		reasons("BUSY: tried again in the run", d.withStatus(fleet.Busy))
		reasons("UPGRADING ALREADY: followed, not started", d.withStatus(fleet.Upgrading))
		reasons(strings.ToUpper(d.words.already), d.withStatus(fleet.Already))
		if d.opts.Validations != nil {
			p.ready(d.withStatus(fleet.Ready))
		}
	}
	if vs := d.unread(); d.opts.Details {
		reasons("NOT CHECKED", vs)
	} else if len(vs) > 0 {
		p.section("NOT CHECKED (%s)", vaults(len(vs)))
		for _, c := range causes(vs) {
			p.item("%s: %s", vaults(len(c.vaults)), or(c.message, messageOf(c.vaults[0], c.code)))
		}
	}
}

func (d *dryRun) nextCommand() string {
	switch {
	case len(d.unread()) > 0:
		args := []string{"plan", d.plan.Inventory, "--validate"}
		if d.opts.Saved != "" {
			args = append(args, "--out", d.opts.Saved)
		}
		return command(append(args, d.opts.State)...)
	case d.opts.Saved != "":
		return onLedger(d.opts.State, unasked(d.plan, "run", d.opts.Saved)...)
	}
	return RunStep(d.plan, d.opts.Validations != nil, d.opts.Unattended).On(d.opts.State)
}

// RunStep is what to type to run a plan that is not saved: where there is
// nobody to be asked, on a real cloud, it must be saved first. checked says that
// its vaults have been checked just now.
func RunStep(p *plan.Plan, checked, unattended bool) Step {
	emulated := p.Cloud.Name == fleet.Emulator
	switch {
	case !emulated && (!checked || unattended):
		return Step{Args: []string{"plan", p.Inventory, "--validate", "--out", "FILE"}}
	case unattended:
		return Step{Args: unasked(p, "run", p.Inventory)}
	}
	return Step{Args: []string{"run", p.Inventory}}
}

// unasked adds to a command that starts a plan whatever it would ask about.
func unasked(p *plan.Plan, command ...string) []string {
	command = append(command, "--yes")
	if len(p.Expired()) > 0 {
		command = append(command, "--accept-expired-holds")
	}
	return confirmed(p, command...)
}
