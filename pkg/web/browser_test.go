package web

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	inBrowser = flag.Bool("browser", false, "look at the page in the Chromium of this machine too")
	shots     = flag.String("shots", "", "with -browser: write screenshots into this `DIR`")
)

// browser is a headless Chromium with a profile of its own. Tests in it run one
// after the other: a browser takes all of a machine.
func browser(t *testing.T) context.Context {
	t.Helper()
	if !*inBrowser {
		t.Skip("needs a Chromium: go test ./pkg/web -browser")
	}
	options := []chromedp.ExecAllocatorOption{chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.UserDataDir(t.TempDir())}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("no Chromium could be started (apt-get install chromium): %v", err)
	}
	return ctx
}

// tab is a page in the browser.
type tab struct {
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	messages []string
}

// open opens an address in a tab of that size, in light or dark.
func open(t *testing.T, browser context.Context, url string, width, height int64, scheme string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.messages = append(b.messages, m.String())
			b.mu.Unlock()
		}
	}()
	b.do(chromedp.EmulateViewport(width, height), media(scheme),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, performance.Enable,
				performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
			return err
		}), chromedp.Navigate(url))
	return b
}

// busy is how much of a processor the page's thread has had: that does not
// depend on what else the machine does.
func (b *tab) busy() time.Duration {
	b.t.Helper()
	var all float64
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		got, err := chromedp.Call(ctx, performance.GetMetrics, cdp.Empty{})
		for _, m := range got.Metrics {
			if m.Name == "TaskDuration" {
				all = m.Value
			}
		}
		return err
	}))
	return time.Duration(all * float64(time.Second)).Round(time.Millisecond)
}

func media(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what an expression of the page's world is.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to become true, also of a page that is loaded anew meanwhile.
func (b *tab) until(expression string) {
	b.t.Helper()
	for tries := 0; ; tries++ {
		_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(time.Minute)))
		if err == nil {
			return
		}
		if gone := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(),
			"Cannot find context"); tries == 5 || !gone {
			b.t.Fatalf("%s does not come true: %v", expression, err)
		}
	}
}

// quiet makes sure that the page has nothing to complain about.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		b.t.Errorf("the console says: %s", m)
	}
}

func (b *tab) shot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// fits makes sure that nothing sticks out at the side.
func (b *tab) fits() {
	b.t.Helper()
	if wide := eval[float64](b,
		`document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
		b.t.Errorf("the page is %v pixels too wide: %s", wide,
			eval[string](b,
				`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.tagName + "." + e.className).join(", ")`))
	}
}

// contrasts lists the texts whose contrast is under 4.5, by WCAG's formula.
const contrasts = `(() => {
  const numbers = (c) => c.match(/[\d.]+/g).map(Number);
  const lum = (c) => { const [r, g, b] = numbers(c).slice(0, 3).map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const opaque = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor, n = numbers(c); if (n.length === 3 || n[3] === 1) return c; } return "rgb(255,255,255)"; };
  const bad = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest("script, style, option")) continue;
    seen++;
    const a = lum(getComputedStyle(e).color), b = lum(opaque(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.add(ratio.toFixed(2) + " " + e.tagName + "." + e.className + " " + walk.currentNode.data.trim().slice(0, 30));
  }
  return seen < 50 ? "only " + seen + " texts seen" : [...bad].slice(0, 10).join("\n");
})()`

// file writes a frozen page and returns its address.
func file(t *testing.T, page []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, page, 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// rows is how many rows of vaults exist.
const rowCount = `document.querySelectorAll("#body .line:not(.wave)").length`

func TestBrowserShowsAFrozenReport(t *testing.T) {
	in := browser(t)
	url := file(t, frozen(t, troubledNight(60)))
	for _, width := range []int64{1440, 360} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprint(width, scheme), func(t *testing.T) {
				b := open(t, in, url, width, 900, scheme)
				b.fits()
				if bad := eval[string](b, contrasts); bad != "" {
					t.Errorf("contrast under 4.5:\n%s", bad)
				}
				if dark := eval[bool](b,
					`getComputedStyle(document.body).backgroundColor === "rgb(13, 18, 24)"`); dark != (scheme == "dark") {
					t.Errorf("dark is %v under %s", dark, scheme)
				}
				if n := eval[int](b, rowCount); n < 10 || n > 60 {
					t.Errorf("%d rows", n)
				}
				b.shot(fmt.Sprintf("report-%d-%s", width, scheme))
				b.quiet()
			})
		}
	}
}

// TestBrowserShowsTheWholeTableOfWaves: it does not scroll sideways, whatever its waves
// are called and however many have begun; and the timeline shows how they stand in full.
func TestBrowserShowsTheWholeTableOfWaves(t *testing.T) {
	in := browser(t)
	v := troubledNight(400)
	for i, name := range []string{"canary-of-the-harbour", "everything-else-in-the-north", "rest"} {
		for x := range v.Vaults {
			if v.Vaults[x].Wave == v.Waves[i].Name {
				v.Vaults[x].Wave = name
			}
		}
		v.Waves[i].Name, v.Waves[i].EndedAt = name, after(8*time.Hour)
	}
	v.Waves[1].Status = "awaiting-approval"
	url := file(t, frozen(t, v))
	for _, width := range []int64{1440, 1300, 800} {
		b := open(t, in, url, width, 900, "light")
		b.fits()
		if wide := eval[float64](b,
			`(() => { const s = document.querySelector(".scroll"); return s.scrollWidth - s.clientWidth; })()`); wide > 0 {
			t.Errorf("at %d pixels %v of the table of waves are hidden", width, wide)
		}
		if cut := eval[string](b,
			`[...document.querySelectorAll("#body .wave .c-status")].filter(s => s.scrollWidth > s.clientWidth).map(s => s.textContent).join()`); cut != "" {
			t.Errorf("at %d pixels the timeline cuts %s", width, cut)
		}
		b.shot(fmt.Sprintf("waves-%d", width))
	}
}

func TestBrowserFiltersAndExplains(t *testing.T) {
	in := browser(t)
	b := open(t, in, file(t, frozen(t, troubledNight(400))), 1440, 900, "light")
	count := `document.getElementById("count").textContent`
	set := func(name, value string) {
		eval[bool](b,
			fmt.Sprintf(
				`(() => { const e = document.forms.filter.elements[%q]; e.value = %q; e.dispatchEvent(new Event("input", { bubbles: true })); return true; })()`, name, value))
	}
	if first := eval[string](b,
		`document.querySelector("#body .line:not(.wave)").textContent`); !strings.HasPrefix(first, "failed") {
		t.Errorf("failures are not first: %s", first)
	}
	set("text", "agenttooold SRV-0027")
	b.until(count + ` === "1 of 400 vaults"`)
	set("text", "")
	set("status", "blocked")
	set("subscription", "2")
	b.until(count + `.endsWith(" of 400 vaults") && !` + count + `.startsWith("1 ")`)
	if stray := eval[string](b,
		`[...document.querySelectorAll("#body .line:not(.wave)")].map(l => l.textContent).find(s => !s.startsWith("blocked") || !s.includes("dev/")) || ""`); stray != "" {
		t.Errorf("blocked vaults of dev include %q", stray)
	}
	if hash := eval[string](b, `location.hash`); hash != "#status=blocked&subscription=2" {
		t.Errorf("the address does not keep the filter: %q", hash)
	}
	b.do(chromedp.Reload())
	b.until(`document.forms.filter.elements.status.value === "blocked" && ` + count + `.endsWith(" of 400 vaults")`)
	b.do(chromedp.Click(chromedp.CSS("#filter button[type=reset]")))
	b.until(count + ` === "400 vaults"`)

	// By keyboard: into the list, down two, open, and back out.
	b.do(chromedp.Focus(chromedp.CSS("#body button[tabindex='0']")), chromedp.KeyEvent(kb.ArrowDown),
		chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter))
	b.until(`document.getElementById("detail").open`)
	if got := eval[string](b, `document.getElementById("detail").textContent`); !strings.Contains(got,
		"Operation4cc27b8b") || !strings.Contains(got, "Support message") {
		t.Errorf("the details are %q", got)
	}
	b.shot("detail")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.getElementById("detail").open && document.activeElement.dataset.vault !== undefined`)
	b.do(chromedp.KeyEvent(kb.End))
	b.until(
		`document.activeElement.dataset.vault !== undefined && document.activeElement.closest(".line").getAttribute("aria-rowindex") === document.querySelector("[aria-rowcount]").getAttribute("aria-rowcount")`)
	if n := eval[int](b, rowCount); n > 60 {
		t.Errorf("%d rows exist", n)
	}
	b.do(chromedp.Click(chromedp.CSS("[data-theme-choice=dark]")))
	b.until(`getComputedStyle(document.body).backgroundColor === "rgb(13, 18, 24)"`)
	b.quiet()
}

// TestBrowserOpensTenThousand: what it took is logged, not judged: the machine
// may be busy.
func TestBrowserOpensTenThousand(t *testing.T) {
	in := browser(t)
	url := file(t, frozen(t, troubledNight(10000)))
	began := time.Now()
	b := open(t, in, url, 1440, 900, "light")
	b.until(rowCount + " > 10")
	t.Logf("10,000 vaults: open after %s, of which its thread was busy %s; the page says %v ms to its load event",
		time.Since(began).Round(time.Millisecond), b.busy(),
		eval[float64](b, `Math.round(performance.getEntriesByType("navigation")[0].loadEventEnd)`))
	if n := eval[int](b, rowCount); n > 60 {
		t.Errorf("%d rows exist", n)
	}
	took := eval[float64](b,
		`(() => { const f = document.forms.filter; const t = performance.now(); f.elements.text.value = "vault-09999"; f.dispatchEvent(new Event("submit", { cancelable: true })); return performance.now() - t; })()`)
	t.Logf("a search takes %.0f ms", took)
	b.until(`document.getElementById("count").textContent === "1 of 10,000 vaults"`)
	b.quiet()
}

// TestBrowserPrintsWhatNeedsAPerson: on paper nothing of it is folded away.
func TestBrowserPrintsWhatNeedsAPerson(t *testing.T) {
	in := browser(t)
	b := open(t, in, file(t, frozen(t, troubledNight(400))), 1440, 900, "dark")
	eval[bool](b, `dispatchEvent(new Event("beforeprint"))`)
	if n := eval[int](b, `document.querySelectorAll("#needs details:not([open])").length`); n != 0 {
		t.Errorf("%d groups are closed on paper", n)
	}
	eval[bool](b, `dispatchEvent(new Event("afterprint"))`)
	if n := eval[int](b, `document.querySelectorAll("#needs details:not([open])").length`); n == 0 {
		t.Error("after printing the groups stay open")
	}
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF())
	if err != nil || len(pdf) < 20000 {
		t.Errorf("%d bytes of PDF: %v", len(pdf), err)
	}
	if *shots != "" {
		_ = os.WriteFile(filepath.Join(*shots, "report.pdf"), pdf, 0o600) // to be looked at
	}
	b.quiet()
}

// TestBrowserFollowsALiveRun: what happens shows without a reload, what was
// open stays open, the focus stays, and the end is said.
func TestBrowserFollowsALiveRun(t *testing.T) {
	in := browser(t)
	x := serve(t, 400, Config{})
	x.start(0)
	b := open(t, in, x.server.URL(), 1440, 900, "dark")
	b.until(`document.getElementById("link").textContent === "live"`)
	b.until(rowCount + ` > 10 && document.querySelector("#body .b-upgrading") !== null`)
	b.do(chromedp.Focus(chromedp.CSS("#body button[tabindex='0']")))
	eval[string](b, `document.activeElement.dataset.mark = "here"`)
	x.start(1)
	x.fail(1)
	b.until(`document.querySelector("#body .line:not(.wave)").textContent.startsWith("failedprod/vault-00001")`)
	b.until(
		`document.getElementById("task-support-1") !== null && document.getElementById("verdict").textContent.includes("1 NEEDS YOU")`)
	if !eval[bool](b,
		`document.activeElement.dataset.mark === "here" && document.activeElement.textContent === "prod/vault-00000"`) {
		t.Error("the focus moved though the vault is still there")
	}
	eval[bool](b, `document.getElementById("message-support-1").open = true`)
	x.start(2)
	b.until(
		`[...document.querySelectorAll("#body .line")].some(l => l.textContent.startsWith("upgradingprod/vault-00002"))`)
	if !eval[bool](b, `document.getElementById("message-support-1").open`) {
		t.Error("what was open closed")
	}
	b.until(`document.getElementById("announce").textContent.includes("1 NEEDS YOU")`)
	b.shot("live")
	// The next run of the ledger is shown in its place.
	x.begin("20260317-next")
	b.until(`document.body.textContent.includes("20260317-next") &&
		document.getElementById("link").textContent === "live"`)
	x.server.Close()
	b.until(`document.getElementById("link").textContent.includes("ended")`)
	b.quiet()
}

// TestBrowserKeepsTheFocus: whoever goes through the list by keyboard keeps the
// place, whatever scrolls, is drawn anew, moves or leaves the list.
func TestBrowserKeepsTheFocus(t *testing.T) {
	in := browser(t)
	x := serve(t, 400, Config{})
	b := open(t, in, x.server.URL(), 1440, 900, "light")
	b.until(`document.getElementById("link").textContent === "live"`)
	const grid = `document.getElementById("grid")`
	on := func(vault string) string { return fmt.Sprintf(`document.activeElement.textContent === %q`, vault) }
	drawn := func(n int) string {
		return fmt.Sprintf(
			`[...document.querySelectorAll("#body .line")].some(l => l.textContent.includes("prod/vault-%05d"))`, n)
	}
	scroll := func(to string, shows int) {
		eval[float64](b, grid+`.scrollTop = `+to)
		b.until(drawn(shows))
	}
	filter := func(status string) {
		eval[bool](b,
			fmt.Sprintf(
				`(() => { const e = document.forms.filter.elements.status; if (![...e.options].some(o => o.value === %[1]q)) return false; e.value = %[1]q; e.dispatchEvent(new Event("input", { bubbles: true })); return true; })()`, status))
	}

	// The list scrolls under somebody who has not been in it: Tab still leads there.
	scroll(grid+`.scrollHeight`, 399)
	if n := eval[int](b, `document.querySelectorAll("#body button[tabindex='0']").length`); n != 1 {
		t.Errorf("the list has %d tab stops after scrolling, want 1", n)
	}
	scroll("0", 0)

	// A wheel scrolls the row with the focus away; the arrows go on from it.
	b.do(chromedp.Focus(chromedp.CSS("#body button[tabindex='0']")))
	b.until(on("prod/vault-00000"))
	scroll(grid+`.scrollHeight`, 399)
	if !eval[bool](b, on("prod/vault-00000")) {
		t.Errorf("after scrolling the focus is on %q", eval[string](b, `document.activeElement.tagName`))
	}
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	b.until(on("prod/vault-00001") + ` && ` + grid + `.scrollTop < 200`)

	// So does the row that somebody clicked or came to otherwise.
	scroll("0", 3)
	eval[bool](b, `(document.querySelector("#body [data-vault='3']").focus(), true)`)
	scroll(grid+`.scrollHeight`, 399)
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	b.until(on("prod/vault-00004"))

	// At the end of the list, while failures move rows above.
	b.do(chromedp.KeyEvent(kb.End))
	b.until(on("prod/vault-00399"))
	for i := range 3 {
		x.start(390 + i)
		x.fail(390 + i)
	}
	b.until(`document.getElementById("verdict").textContent.includes("3 NEED YOU")`)
	scroll("0", 392)
	if !eval[bool](b, on("prod/vault-00399")) {
		t.Errorf("after changes the focus is on %q", eval[string](b, `document.activeElement.tagName`))
	}

	// The vault with the focus moves from the end to the top, out of what was drawn.
	scroll(grid+`.scrollHeight`, 398)
	x.start(399)
	x.fail(399)
	b.until(`document.getElementById("verdict").textContent.includes("4 NEED YOU")`)
	b.until(`document.querySelector("#body [data-vault='399']").closest(".line").textContent.startsWith("failed")`)
	b.until(on("prod/vault-00399"))

	// It leaves the list: the one in its place has the focus; then the list is
	// empty, and the next to come has it.
	x.start(0)
	x.start(1)
	b.until(
		`[...document.forms.filter.elements.status.options].some(o => o.value === "upgrading" && o.textContent.includes("(2)"))`)
	filter("upgrading")
	b.until(`document.getElementById("count").textContent.startsWith("2 of")`)
	b.do(chromedp.Focus(chromedp.CSS("#body button[tabindex='0']")))
	b.until(on("prod/vault-00000"))
	x.fail(0)
	b.until(`document.getElementById("count").textContent.startsWith("1 of")`)
	b.until(on("prod/vault-00001"))
	x.fail(1)
	b.until(`document.getElementById("count").textContent.startsWith("0 of")`)
	x.start(2)
	b.until(on("prod/vault-00002"))
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.getElementById("detail").open`)
	x.start(3)
	x.fail(2)
	b.until(
		`document.querySelector("#body [data-vault='3']") !== null && document.getElementById("count").textContent.startsWith("1 of")`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.getElementById("detail").open && ` + on("prod/vault-00003"))
	b.quiet()
}

// TestBrowserStaysLiveWithTenThousand: how long a change takes to show is
// logged, not judged.
func TestBrowserStaysLiveWithTenThousand(t *testing.T) {
	in := browser(t)
	x := serve(t, 10000, Config{})
	began := time.Now()
	b := open(t, in, x.server.URL(), 1440, 900, "light")
	b.until(rowCount + ` > 10 && document.getElementById("link").textContent === "live"`)
	t.Logf("10,000 vaults, live: open after %s, of which its thread was busy %s; the page says %v ms to its load event",
		time.Since(began).Round(time.Millisecond), b.busy(),
		eval[float64](b, `Math.round(performance.getEntriesByType("navigation")[0].loadEventEnd)`))
	for i := range 5 {
		began, busy := time.Now(), b.busy()
		x.start(i)
		b.until(fmt.Sprintf(
			`[...document.querySelectorAll("#body .line")].some(l => l.textContent.startsWith("upgradingprod/vault-%05d"))`, i))
		t.Logf("a start shows after %s, of which its thread was busy %s", time.Since(began).Round(time.Millisecond),
			b.busy()-busy)
	}
	b.quiet()
}
