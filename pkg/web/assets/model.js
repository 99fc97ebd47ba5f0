// The data of the page, and which of it is asked for.

const $ = (id) => document.getElementById(id);

// el makes an element; what is given as text can never become markup.
function el(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function icon(status) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon s-" + status);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-" + status);
  svg.append(use);
  return svg;
}

const trouble = ["failed", "unknown", "blocked", "upgrading", "starting", "busy", "deferred", "ready", "validating", "pending", "upgraded", "already", "excluded"];
const rank = new Map(trouble.map((s, i) => [s, i]));

// word is what people read for a status, as the page's other parts have it.
const word = (s) => doc.words[s] || s;

// doc is what the server wrote; a live page changes it.
let doc = JSON.parse($("data").textContent);

const asked = { text: "", status: "", wave: "", subscription: "", label: "", order: "trouble", range: "all" };

const count = (n) => n.toLocaleString("en");
const vaults = (n) => (n === 1 ? "1 vault" : count(n) + " vaults");
const subscription = (v) => doc.subscriptions[v.sub] || { id: "", name: "" };
const waveOf = (v) => (doc.waves[v.wave] ? doc.waves[v.wave].name : "");
const labelsOf = (v) => Object.entries(v.labels || {}).map(([k, s]) => k + "=" + s);
const has = (v, flag) => (v.flags || []).includes(flag);

// words is everything about a vault that the search looks at.
const wordsOf = new WeakMap();
function words(v) {
  let s = wordsOf.get(v);
  if (s === undefined) {
    const parts = [v.vault, v.status, word(v.status), v.location, v.type, v.target, v.group, v.op, v.newId, v.id, v.reason, waveOf(v), subscription(v).id];
    parts.push(...labelsOf(v), ...(v.requests || []), ...(v.flags || []));
    for (const f of v.findings || []) parts.push(f.code, f.message, f.action, ...(f.items || []));
    s = parts.filter(Boolean).join("\n").toLowerCase();
    wordsOf.set(v, s);
  }
  return s;
}

function matches(v, terms) {
  return (!asked.status || v.status === asked.status) &&
    (asked.wave === "" || v.wave === Number(asked.wave)) &&
    (asked.subscription === "" || v.sub === Number(asked.subscription)) &&
    (!asked.label || labelsOf(v).includes(asked.label)) &&
    terms.every((t) => words(v).includes(t));
}

// found lists the indexes of the vaults that are asked for, in order.
function found() {
  const terms = asked.text.toLowerCase().split(/\s+/).filter(Boolean);
  const out = [];
  doc.vaults.forEach((v, i) => { if (matches(v, terms)) out.push(i); });
  const by = orders[asked.order] || orders.trouble;
  return out.sort((a, b) => by(doc.vaults[a], doc.vaults[b]) || a - b);
}

const started = (v) => v.start || Infinity;
const orders = {
  trouble: (a, b) => rank.get(a.status) - rank.get(b.status) || has(b, "overdue") - has(a, "overdue") || compare(started(a), started(b)),
  wave: (a, b) => a.wave - b.wave || compare(started(a), started(b)),
  start: (a, b) => compare(started(a), started(b)),
  name: (a, b) => compare(a.vault.toLowerCase(), b.vault.toLowerCase()),
};
function compare(a, b) { return a < b ? -1 : a > b ? 1 : 0; }

// listed is found() with the waves among it: {wave} and {vault} by index.
function listed() {
  const all = found();
  const touched = new Set(all.map((i) => doc.vaults[i].wave));
  const items = [];
  if (asked.order !== "wave") {
    doc.waves.forEach((_, w) => { if (touched.has(w)) items.push({ wave: w }); });
    return { vaults: all, items: items.concat(all.map((vault) => ({ vault }))) };
  }
  let last = -1;
  for (const vault of all) {
    const w = doc.vaults[vault].wave;
    if (w !== last) items.push({ wave: w });
    last = w;
    items.push({ vault });
  }
  return { vaults: all, items };
}
