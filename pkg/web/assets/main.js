// The page begins: filters, colours, printing.

const filter = $("filter");

function options(select, list, all) {
  const chosen = select.value;
  select.replaceChildren(...[["", all || "all"], ...list].map(([value, text]) => {
    const o = el("option", "", text);
    o.value = value;
    return o;
  }));
  select.value = chosen;
}

// offer lists what there is to choose from.
function offer() {
  if (filter.contains(document.activeElement) && document.activeElement.tagName === "SELECT") return; // it may be open
  const n = {};
  const labels = new Set();
  for (const v of doc.vaults) {
    n[v.status] = (n[v.status] || 0) + 1;
    for (const l of labelsOf(v)) labels.add(l);
  }
  const f = filter.elements;
  options(f.status, trouble.filter((s) => n[s] || s === asked.status).map((s) => [s, word(s) + " (" + count(n[s] || 0) + ")"]));
  options(f.wave, doc.waves.map((w, i) => [i, w.name]));
  options(f.subscription, doc.subscriptions.map((s, i) => [i, s.name]));
  options(f.label, [...labels].sort().slice(0, 500).map((l) => [l, l]));
  f.label.parentElement.hidden = labels.size === 0;
}

// What is asked for is kept in the address, so that it can be sent to somebody.
function remember() {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(asked)) if (v && v !== "all" && v !== "trouble") q.set(k, v);
  try { history.replaceState(null, "", q.size ? "#" + q : location.pathname + location.search); } catch { /* a browser that forbids it for files */ }
}

function recall() {
  const q = new URLSearchParams(location.hash.slice(1));
  for (const k of Object.keys(asked)) {
    if (!q.has(k)) continue;
    asked[k] = q.get(k);
    filter.elements[k].value = asked[k];
    asked[k] = filter.elements[k].value; // a choice that there is not is none
  }
}

let typing = 0;
function ask() {
  for (const k of Object.keys(asked)) asked[k] = filter.elements[k].value;
  grid.scrollTop = 0;
  view.focus = -1;
  remember();
  refresh();
}
filter.addEventListener("input", (e) => {
  clearTimeout(typing);
  typing = setTimeout(ask, e.target.name === "text" ? 120 : 0);
});
filter.addEventListener("reset", () => setTimeout(ask));
filter.addEventListener("submit", (e) => { e.preventDefault(); ask(); });

const themes = document.querySelectorAll("[data-theme-choice]");
function theme(choice) {
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  for (const b of themes) b.setAttribute("aria-pressed", b.dataset.themeChoice === choice);
}
for (const b of themes) {
  b.addEventListener("click", () => {
    theme(b.dataset.themeChoice);
    try { localStorage.setItem("fleetup-theme", b.dataset.themeChoice); } catch { /* not remembered, then */ }
  });
}
try { theme(localStorage.getItem("fleetup-theme") || "auto"); } catch { theme("auto"); }

// On paper: everything that needs a person, and the timeline where it fits.
const onPaper = 200;
addEventListener("beforeprint", () => {
  for (const d of document.querySelectorAll("#needs details")) { d.dataset.was = d.open; d.open = true; }
  if (view.items.length <= onPaper) { grid.classList.add("paper"); redraw(); }
  $("print-note").textContent = view.items.length <= onPaper ? "" : "The list of all " + vaults(doc.vaults.length) + " is not on paper: fleetup report -o csv writes it.";
});
addEventListener("afterprint", () => {
  for (const d of document.querySelectorAll("#needs details")) d.open = d.dataset.was === "true";
  grid.classList.remove("paper");
  redraw();
});

document.documentElement.classList.add("scripted");
document.documentElement.classList.toggle("live", doc.live);
offer();
recall();
refresh();
if (doc.live) {
  follow();
  setInterval(tick, 1000);
}
