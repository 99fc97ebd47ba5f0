// What a row of the timeline shows.

const percentOf = (x, t) => (100 * (Math.min(Math.max(t, x.from), x.to) - x.from)) / (x.to - x.from);

// bar adds a stretch of time to a cell; where it lies outside, it adds nothing.
function bar(cell, x, from, to, className) {
  if (to < x.from || from > x.to) return;
  const b = el("span", className);
  const left = percentOf(x, from);
  b.style.left = left + "%";
  b.style.width = percentOf(x, to) - left + "%";
  cell.append(b);
}

function marks(cell, x) {
  for (const t of view.ticks) {
    const g = el("span", "grid-line");
    g.style.left = percentOf(x, t.at) + "%";
    cell.append(g);
  }
  if (doc.live) {
    const n = el("span", "now-line");
    n.style.left = percentOf(x, now()) + "%";
    cell.append(n);
  }
}

// newLine makes the row of a wave or a vault, to be filled.
function newLine(item) {
  const line = el("div", item.wave === undefined ? "line" : "line wave"), cells = {};
  line.setAttribute("role", "row");
  for (const name of ["status", "name", "time", "took"]) {
    cells[name] = el("span", "c-" + name);
    cells[name].setAttribute("role", "cell");
    line.append(cells[name]);
  }
  if (item.wave === undefined) {
    const open = el("button");
    open.type = "button";
    open.dataset.vault = item.vault;
    cells.name.append(open);
  }
  return { line, cells, stale: true };
}

function fillWave(c, i, x) {
  const w = doc.waves[i];
  const all = Object.values(w.totals).reduce((a, b) => a + b, 0) - (w.totals.excluded || 0); // held ones stand apart
  c.status.textContent = c.status.title = w.status;
  c.name.replaceChildren("Wave " + w.name + " ", el("small", "", count(w.totals.upgraded || 0) + " of " + count(all)), el("span", "quiet", " " + word("upgraded")));
  c.time.replaceChildren();
  marks(c.time, x);
  const end = w.endedAt || (w.startedAt ? doc.endedAt || now() : 0);
  if (w.startedAt) {
    bar(c.time, x, w.startedAt, end, "span");
    if (!w.endedAt && w.late > end) bar(c.time, x, end, w.late, "ahead");
  }
  c.took.textContent = w.startedAt ? span(end - w.startedAt) : "";
  c.time.append(el("span", "quiet", !w.startedAt ? "not begun" : w.endedAt ? dayTime(w.startedAt) + " to " + dayTime(w.endedAt)
    : "since " + dayTime(w.startedAt) + (w.late ? ", expected to end between " + dayTime(w.likely) + " and " + dayTime(w.late) : "")));
}

function fillVault(c, i, x) {
  const v = doc.vaults[i], open = c.name.firstChild;
  c.status.replaceChildren(icon(v.status), has(v, "overdue") ? "overdue" : word(v.status));
  if (open.textContent !== v.vault) open.textContent = open.title = v.vault;
  open.tabIndex = view.focus === i ? 0 : -1;
  c.time.replaceChildren();
  marks(c.time, x);
  const running = v.flying || has(v, "not ours");
  const end = v.end || (running ? now() : 0);
  if (v.start && end && end >= x.from && !has(v, "from before this run")) {
    bar(c.time, x, v.start, end, "span b-" + v.status + (has(v, "overdue") ? " b-overdue" : ""));
    if (running && v.p90 && v.start + v.p90 > end) bar(c.time, x, end, v.start + v.p90, "ahead");
    c.time.append(el("span", "quiet", dayTime(v.start) + (v.end ? " to " + dayTime(v.end) : ", under way")));
  } else {
    const f = (v.findings || [])[0];
    const why = el("span", "why", v.reason || (f ? f.message : "") || "");
    why.title = why.textContent;
    c.time.append(why);
  }
  c.took.textContent = v.start && end ? took(v, end) : "";
}
