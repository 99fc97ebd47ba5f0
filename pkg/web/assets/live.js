// What changes while the run goes on, over server-sent events.

const link = $("link");
const againAfter = 10000; // where the server refuses the stream, after which a browser does not try by itself
let stream = null, lastSaid = { text: "", key: "", at: 0 };

function connected(className, text) {
  link.hidden = false;
  link.className = "link " + className;
  if (link.textContent !== text) link.textContent = text;
}

// current says that the page is up to date: live, where a process carries the run out.
function current() {
  connected("", doc.carried ? "live" : "following the ledger");
}

function follow() {
  stream = new EventSource("events?after=" + encodeURIComponent(doc.version));
  stream.addEventListener("open", current);
  stream.addEventListener("error", () => {
    connected("lost", "connection lost since " + clockTime(now()) + ", trying again");
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, againAfter);
  });
  stream.addEventListener("snapshot", (e) => {
    const d = JSON.parse(e.data), parts = d.parts;
    delete d.parts;
    doc = d;
    offer();
    tick();
    changed({ parts, now: d.now });
    refresh();
  });
  stream.addEventListener("diff", (e) => {
    const d = JSON.parse(e.data);
    Object.assign(doc, { version: d.version, live: d.live, carried: d.carried, now: d.now, endedAt: d.endedAt, waves: d.waves });
    for (const [i, v] of Object.entries(d.rows || {})) doc.vaults[i] = v;
    changed(d);
    if (d.rows) {
      offer();
      refreshSoon();
    }
  });
  stream.addEventListener("end", () => {
    stream.close();
    doc.live = false;
    connected("over", "the run's process has ended; this is its last word");
    refresh();
  });
  stream.addEventListener("next", () => location.reload());
}

function changed(d) {
  clockOffset = d.now - Date.now();
  for (const [name, html] of Object.entries(d.parts || {})) swap($(name), html);
  if (d.trouble) connected("lost", d.trouble);
  else current();
  if (d.say) announce(d.say);
}

// announce tells a screen reader how the run stands: at once when something
// needs a person or the run changes its status, else only now and then.
function announce(text) {
  const key = document.querySelector(".verdict").className + document.querySelectorAll(".task").length;
  if (text === lastSaid.text || (key === lastSaid.key && Date.now() - lastSaid.at < 60000)) return;
  lastSaid = { text, key, at: Date.now() };
  $("announce").textContent = text;
}

// swap puts a part of the page in place of the one before. The HTML is the
// server's own, with every text escaped. What was open stays open, and the
// focus stays where it was; nothing moves while somebody selects text in it.
const waiting = new Map();
function swap(at, html) {
  const selection = getSelection();
  if (selection && !selection.isCollapsed && at.contains(selection.anchorNode)) {
    waiting.set(at, html);
    return;
  }
  waiting.delete(at);
  const open = new Map([...at.querySelectorAll("details[id]")].map((x) => [x.id, x.open]));
  const focused = at.contains(document.activeElement) ? pathOf(at, document.activeElement) : null;
  const scrolled = [...at.querySelectorAll(".scroll")].map((x) => x.scrollLeft);
  at.innerHTML = html;
  for (const x of at.querySelectorAll("details[id]")) if (open.has(x.id)) x.open = open.get(x.id);
  at.querySelectorAll(".scroll").forEach((x, i) => { x.scrollLeft = scrolled[i] || 0; });
  if (focused) at.querySelector(focused)?.focus({ preventScroll: true });
}

// pathOf finds an element again in the same part drawn anew.
function pathOf(root, e) {
  if (e.dataset.vault) return `[data-vault="${e.dataset.vault}"]`;
  const steps = [];
  for (; e !== root; e = e.parentElement) {
    if (e.id) { steps.unshift("#" + CSS.escape(e.id)); break; }
    steps.unshift(`${e.tagName}:nth-child(${[...e.parentElement.children].indexOf(e) + 1})`);
  }
  return steps.join(" > ");
}

document.addEventListener("selectionchange", () => {
  if (waiting.size && getSelection().isCollapsed) for (const [at, html] of [...waiting]) swap(at, html);
});

// The list is drawn anew once a frame at most, whatever comes in.
let soon = 0;
function refreshSoon() {
  soon ||= requestAnimationFrame(() => { soon = 0; refresh(); });
}

// tick moves the bars of what is under way.
function tick() {
  if (doc.live && !document.hidden) redraw();
}
