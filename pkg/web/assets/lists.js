// Lists to take away, and texts to copy.

// A cell that begins like a formula is text: spreadsheets run the others. A semicolon
// parts cells in many regions.
function csvCell(s) {
  s = String(s ?? "").replace(/^(?=[\t\r\n])/, "'").replace(/(^|;)([ "]*[=+\-@])/g, "$1'$2");
  return /[",\r\n]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s;
}

const iso = (t) => (t ? new Date(t).toISOString() : "");
const columns = [
  ["vault", (v) => v.vault], ["status", (v) => v.status], ["wave", waveOf],
  ["subscriptionId", (v) => subscription(v).id], ["subscriptionName", (v) => subscription(v).name],
  ["location", (v) => v.location], ["resourceType", (v) => v.type], ["targetResourceGroup", (v) => v.target],
  ["labels", (v) => labelsOf(v).join("; ")], ["operationId", (v) => v.op], ["startedAt", (v) => iso(v.start)], ["endedAt", (v) => iso(v.end)],
  ["upgradedResourceId", (v) => v.newId], ["requestIds", (v) => (v.requests || []).join(" ")], ["reason", (v) => v.reason],
  ["codes", (v) => (v.findings || []).map((f) => f.code).join(" | ")],
  ["what to do", (v) => (v.findings || []).map((f) => f.action).filter(Boolean).join(" | ")],
  ["items", (v) => (v.findings || []).flatMap((f) => f.items || []).join("; ")],
  ["resourceGroup", (v) => v.group], ["resourceId", (v) => v.id],
  ["endedLate", (v) => String(!!v.endedLate)],
];
const newIds = columns.filter(([name]) => ["vault", "subscriptionId", "resourceType", "location", "upgradedResourceId"].includes(name));

function csv(some, cols) {
  const lines = [cols.map(([name]) => name)].concat(some.map((v) => cols.map(([, cell]) => cell(v))));
  return lines.map((l) => l.map(csvCell).join(",") + "\r\n").join("");
}

function save(name, text) {
  const a = el("a");
  a.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from a file or over plain HTTP may not have the clipboard.
    const area = el("textarea");
    area.value = text;
    (button.closest("dialog") || document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const was = button.textContent;
  button.textContent = "copied";
  button.classList.add("done");
  setTimeout(() => { button.textContent = was; button.classList.remove("done"); }, 1500);
}

const runName = () => "fleetup-" + doc.run.replace(/[^\w-]/g, "_");
document.addEventListener("click", (e) => {
  const b = e.target.closest("button");
  if (!b) return;
  if (b.id === "csv") save(runName() + ".csv", csv(view.vaults.map((i) => doc.vaults[i]), columns));
  if (b.dataset.csv) save(runName() + "-" + b.closest("li").id + ".csv", csv(b.dataset.csv.split(" ").map((i) => doc.vaults[i]), columns));
  if (b.dataset.csvMap !== undefined) save(runName() + "-new-ids.csv", csv(doc.vaults.filter((v) => v.newId), newIds));
  if (b.dataset.copyPrevious !== undefined) copy(b, b.previousElementSibling.textContent);
  if (b.dataset.copyMessage !== undefined) copy(b, b.closest("li, #detail-body").querySelector("pre").textContent);
});
