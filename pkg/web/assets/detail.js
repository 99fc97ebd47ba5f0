// Everything about one vault.

function showDetail(i) {
  const v = doc.vaults[i], to = $("detail-body");
  $("detail-title").textContent = v.vault;
  to.replaceChildren();
  const list = el("dl");
  const pair = (name, value) => {
    if (value === undefined || value === "") return;
    const dd = el("dd");
    dd.append(value);
    list.append(el("dt", "", name), dd);
  };
  const status = el("span");
  status.append(icon(v.status), " " + [word(v.status), ...(v.flags || [])].join(", "));
  pair("Status", status);
  pair("Why", v.reason);
  pair("Wave", waveOf(v));
  pair("Subscription", subscription(v).name + " (" + subscription(v).id + ")");
  pair("Location", v.location);
  pair("Resource type", v.type);
  pair("Target group", v.target);
  pair("Resource group", v.group);
  pair("Labels", labelsOf(v).join(", "));
  pair("Started", v.start ? fullTime(v.start) : "");
  pair("Ended", v.end ? fullTime(v.end) + (v.endedLate ? " or before" : "") : "");
  pair("Took", v.start && v.end ? took(v, v.end) : "");
  pair("Expected", v.p50 ? span(v.p50) + " to " + span(v.p90) : "");
  pair("Attempt", v.attempt ? String(v.attempt) : "");
  pair("Operation", v.op ? el("code", "", v.op) : "");
  pair("Resource ID", v.id ? el("code", "", v.id) : "");
  pair("New resource", v.newId ? el("code", "", v.newId) : "");
  pair("Request IDs", (v.requests || []).join(", "));
  to.append(list);
  if (v.reading) to.append(...readingText(v.reading));
  for (const f of v.findings || []) to.append(...findingText(f));
  if (v.support) {
    const copy = el("button", "small", "copy");
    copy.type = "button";
    copy.dataset.copyMessage = "";
    const h = el("h3", "", "Support message ");
    h.append(copy);
    to.append(h, el("pre", "", v.support));
  }
  to.scrollTop = 0;
  $("detail").showModal();
}

function readingText(r) {
  const out = [el("h3", "", "Last reading, " + fullTime(r.at)), el("p", "", r.what)];
  if (r.differs) out.push(itemList(r.differs));
  if (r.poll) out.push(el("p", "", "The operation's address answers " + r.poll));
  if (r.action) out.push(el("p", "", "Do: " + r.action));
  return out;
}

function findingText(f) {
  const out = [el("h3", "", f.severity + (f.code ? ": " + f.code : ""))];
  if (f.message) out.push(el("p", "", f.message));
  if (f.action) out.push(el("p", "", "Do: " + f.action));
  if (f.heading) out.push(el("p", "of-items", f.heading + ":"));
  if (f.items) out.push(itemList(f.items));
  return out;
}

function itemList(items) {
  const ul = el("ul", "items");
  ul.append(...items.map((s) => el("li", "", s)));
  return ul;
}

document.addEventListener("click", (e) => {
  const at = e.target.closest("[data-vault]");
  if (!at) return;
  e.preventDefault();
  asker = { element: at, within: at.closest("section"), vault: at.dataset.vault };
  showDetail(Number(at.dataset.vault));
});

// The focus goes back to where it came from, even if that was drawn afresh
// meanwhile; from a vault that has left the list, to the one in its place.
let asker = null;
$("detail").addEventListener("close", () => {
  const to = asker.element.isConnected ? asker.element : asker.within.querySelector(`[data-vault="${asker.vault}"]`);
  (to || (asker.within.contains(body) && tabStop()) || asker.within).focus({ preventScroll: true });
});

// A click beside the dialog closes it, as Escape does.
$("detail").addEventListener("click", (e) => { if (e.target === e.currentTarget) e.currentTarget.close(); });
