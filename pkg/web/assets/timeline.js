// The list of waves and vaults. Only the rows in view exist, so that ten
// thousand vaults cost what a screen of them does.

const view = { items: [], vaults: [], lines: new Map(), x: null, ticks: [], focus: -1, orphaned: false, height: 34, stale: true };
const grid = $("grid"), body = $("body");

// refresh looks again at everything: what is asked for, and the axis.
function refresh() {
  const { items, vaults: some } = listed();
  const at = view.vaults.indexOf(view.focus);
  view.items = items;
  view.vaults = some;
  // A vault that has left the list hands its place to the one that took it.
  if (!some.includes(view.focus)) view.focus = some.length ? some[Math.min(Math.max(at, 0), some.length - 1)] : -1;
  grid.setAttribute("aria-rowcount", items.length + 1);
  $("count").textContent = some.length === doc.vaults.length ? vaults(some.length)
    : count(some.length) + " of " + vaults(doc.vaults.length);
  redraw();
}

// redraw draws every row in view afresh.
function redraw() {
  for (const l of view.lines.values()) l.stale = true;
  const first = body.querySelector(".none");
  if (first) first.remove();
  if (!view.items.length) body.append(el("p", "none", "No vault matches. Clear the filter to see all."));
  view.height = parseFloat(getComputedStyle(grid).getPropertyValue("--row"));
  grid.classList.toggle("short", view.items.length < 14 || grid.classList.contains("paper"));
  body.style.height = Math.max(view.items.length, 2) * view.height + "px";
  view.x = extent();
  axis();
  draw();
}

function axis() {
  const at = $("axis");
  view.ticks = ticks(view.x, at.parentElement.clientWidth || 600);
  at.replaceChildren(...view.ticks.map((t) => {
    const e = el("span", "tick", t.text);
    e.style.left = percentOf(view.x, t.at) + "%";
    return e;
  }));
}

const keyOf = (item) => (item.wave === undefined ? "v" + item.vault : "w" + item.wave);

// inView lists the rows to draw with their places: what is in view, and the
// list's tab stop wherever it is. Without its row the focus would be gone as
// soon as somebody scrolls, and the arrows and Tab with it.
function inView() {
  const whole = grid.classList.contains("short");
  const top = whole ? 0 : grid.scrollTop, room = whole ? Infinity : grid.clientHeight;
  const first = Math.max(0, Math.floor(top / view.height) - 6);
  const rows = view.items.slice(first, Math.ceil((top + room) / view.height) + 6).map((item, n) => ({ item, at: first + n }));
  const stop = view.items.findIndex((item) => item.vault === view.focus);
  const row = { item: view.items[stop], at: stop };
  if (stop >= 0 && stop < first) rows.unshift(row);
  else if (stop >= first + rows.length) rows.push(row);
  return rows;
}

const tabStop = () => view.lines.get("v" + view.focus)?.line.querySelector("button");

// draw makes the rows that are in view, and lets the others go. A row that
// stays keeps its elements, and with them the focus; from a row that goes the
// focus moves to the tab stop, or to the list while that is empty.
function draw() {
  const shown = inView();
  const keep = new Set(shown.map((r) => keyOf(r.item))), focused = document.activeElement;
  const ours = body.contains(focused) || (view.orphaned && focused === grid);
  for (const [key, l] of view.lines) {
    if (keep.has(key)) continue;
    l.line.remove();
    view.lines.delete(key);
  }
  shown.forEach(({ item, at }, n) => {
    const key = keyOf(item);
    let l = view.lines.get(key);
    if (!l) view.lines.set(key, l = newLine(item));
    if (l.stale) {
      if (item.wave === undefined) fillVault(l.cells, item.vault, view.x);
      else fillWave(l.cells, item.wave, view.x);
      l.stale = false;
    }
    l.line.style.top = at * view.height + "px";
    l.line.setAttribute("aria-rowindex", at + 2);
    // The order on the page is the order of the list: for screen readers.
    if (body.children[n] !== l.line) body.insertBefore(l.line, body.children[n] || null);
  });
  if (!ours) return;
  const to = body.contains(focused) ? focused : tabStop() || grid;
  view.orphaned = to === grid;
  if (document.activeElement !== to) to.focus({ preventScroll: true });
}

// reveal scrolls to a vault and puts the focus on it.
function reveal(i) {
  const n = view.items.findIndex((item) => item.vault === i);
  if (n < 0) return false;
  view.focus = i;
  const top = n * view.height, head = body.offsetTop;
  if (!grid.classList.contains("short")) {
    if (top < grid.scrollTop) grid.scrollTop = top;
    if (top + view.height > grid.scrollTop + grid.clientHeight - head) grid.scrollTop = top + view.height - grid.clientHeight + head;
  }
  for (const l of view.lines.values()) l.stale = true;
  draw();
  tabStop()?.focus({ preventScroll: !grid.classList.contains("short") });
  return true;
}

let drawing = 0;
grid.addEventListener("scroll", () => {
  drawing ||= requestAnimationFrame(() => { drawing = 0; draw(); });
}, { passive: true });

let width = 0;
new ResizeObserver(() => {
  if (grid.clientWidth === width) return;
  width = grid.clientWidth;
  redraw();
}).observe(grid);

// One tab stop for the list, where the focus was last; the arrows go from vault
// to vault.
body.addEventListener("focusin", (e) => {
  const i = Number(e.target.dataset.vault ?? NaN);
  if (Number.isNaN(i) || i === view.focus) return;
  const was = tabStop();
  if (was) was.tabIndex = -1;
  e.target.tabIndex = 0;
  view.focus = i;
});
body.addEventListener("keydown", (e) => {
  const page = Math.max(1, Math.floor(grid.clientHeight / view.height) - 2);
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[e.key];
  if (by === undefined || !e.target.dataset.vault) return;
  e.preventDefault();
  const at = view.vaults.indexOf(Number(e.target.dataset.vault));
  reveal(view.vaults[Math.min(Math.max(at + by, 0), view.vaults.length - 1)]);
});
