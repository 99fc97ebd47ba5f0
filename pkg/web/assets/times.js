// Times, in the zone that the rest of the page uses.

const formats = {};
function formatted(name, options, t) {
  formats[name] ||= new Intl.DateTimeFormat("en-GB", { timeZone: doc.zone, hourCycle: "h23", ...options });
  return formats[name].format(t).replace(",", "");
}
const clockTime = (t) => formatted("minute", { hour: "2-digit", minute: "2-digit" }, t);
const dayTime = (t) => formatted("day", { weekday: "short", hour: "2-digit", minute: "2-digit" }, t);
const dayOnly = (t) => formatted("date", { weekday: "short", day: "numeric", month: "short" }, t);
const fullTime = (t) => formatted("full", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }, t);

// span writes a duration as the rest of the program does (lexicon.Span).
function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (whole, one, rest, other) => whole + one + (rest ? String(rest).padStart(2, "0") + other : "");
  if (s < 60) return s + "s";
  if (s < 600) return two(Math.floor(s / 60), "m", s % 60, "s");
  if (s < 3600) return Math.floor(s / 60) + "m";
  if (s < 48 * 3600) return two(Math.floor(s / 3600), "h", Math.floor(s / 60) % 60, "m");
  return two(Math.floor(s / 86400), "d", Math.floor(s / 3600) % 24, "h");
}

// took is how long an upgrade took, or takes until end.
const took = (v, end) => (v.endedLate ? "at most " : "") + span(end - v.start);

// now is the time on the clock of the run: the browser's may be wrong, and a
// frozen page has stopped.
let clockOffset = doc.live ? doc.now - Date.now() : 0;
const now = () => (doc.live ? Date.now() + clockOffset : doc.now);

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
const steps = [second, 2 * second, 5 * second, 10 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
  hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 30 * day];

// extent is the stretch of time that the timeline shows.
function extent() {
  const end0 = doc.endedAt || now();
  let from = doc.startedAt || end0, to = end0;
  for (const v of doc.vaults) {
    // What was upgraded before the run has no part in its time.
    if (v.flying && v.p90 && v.start + v.p90 > to) to = v.start + v.p90;
  }
  const current = doc.waves.find((w) => w.startedAt && !w.endedAt);
  if (current && current.late && asked.range === "all") to = Math.max(to, current.late);
  if (asked.range !== "all") from = Math.max(from, end0 - Number(asked.range) * hour);
  to = Math.max(Math.min(to, 2 * end0 - from), from + 10 * second); // what is to come takes half of it at most
  const room = (to - from) * 0.02;
  return { from: from - room, to: to + room };
}

// offsetOf is how far the zone is from UTC, so that ticks fall on whole hours
// where people live.
function offsetOf(t) {
  const part = new Intl.DateTimeFormat("en-US", { timeZone: doc.zone, timeZoneName: "longOffset" }).formatToParts(t).find((p) => p.type === "timeZoneName");
  const m = /GMT([+-])(\d\d):(\d\d)/.exec(part ? part.value : "");
  return m ? (m[1] === "-" ? -1 : 1) * (Number(m[2]) * hour + Number(m[3]) * minute) : 0;
}

// ticks are the marks of the axis, no more than fit a width.
function ticks(x, width) {
  const most = Math.max(1, Math.floor(width / 76));
  const step = steps.find((s) => (x.to - x.from) / s <= most) || steps.at(-1);
  const offset = offsetOf(x.from);
  const out = [];
  for (let t = Math.ceil((x.from + offset) / step) * step - offset; t < x.to; t += step) {
    const midnight = (t + offset) % day === 0;
    out.push({ at: t, text: midnight && step >= 10 * minute || step >= day ? dayOnly(t) : step < minute ? formatted("second", { hour: "2-digit", minute: "2-digit", second: "2-digit" }, t) : clockTime(t) });
  }
  return out;
}
