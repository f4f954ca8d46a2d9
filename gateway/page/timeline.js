// What an orchestration did, as rows of bars for the Gantt view: from the server's timeline. Pure.
//
// A task that is tried again has one row; what lies between two attempts is its waiting. A lock is
// waited for, then held until it is let go. What has no length (events, signals) is a mark.

/**
 * @typedef {{from: number, to: number | null, kind: "run" | "wait" | "hold" | "failed" | "pause"}} Bar
 *   Milliseconds since 1970; `to` is null while it lasts.
 * @typedef {{at: number, text: string}} Mark
 * @typedef {{kind: string, name: string, about: string, outcome: string, note: string,
 *   attempts: number, bars: Bar[], marks: Mark[]}} Row
 */

const moment = (text) => (text ? Date.parse(text) : null);

const row = (kind, name, about = "") => ({ kind, name, about, outcome: "Running", note: "", attempts: 1, bars: [], marks: [] });

/**
 * @param state of the orchestration, with its `timeline`.
 * @returns {{rows: Row[], from: number, to: number | null, last: number}} *last*: when something
 *   began or ended last.
 */
export function timeline(state, isOver) {
  const from = moment(state.createdTime);
  const to = isOver ? moment(state.lastUpdatedTime) : null;
  const itself = row("itself", state.name);
  itself.outcome = state.runtimeStatus;
  itself.bars.push({ from, to, kind: state.runtimeStatus === "Failed" ? "failed" : "run" });
  const rows = [itself];
  const byFirst = new Map();
  const byName = new Map();
  for (const one of waitsOfRetries(state.timeline)) {
    if (one.kind === "event") point(one, itself, byName, rows);
    else task(one, byFirst, rows);
  }
  for (const each of rows) for (const bar of each.bars) bar.to ??= to;
  return { rows, from, to, last: latest(rows, from) };
}

/** When something began or ended last. */
function latest(rows, from) {
  const times = rows.flatMap((each) => [...each.bars.flatMap((bar) => [bar.from, bar.to ?? from]), ...each.marks.map((mark) => mark.at)]);
  return times.reduce((most, time) => Math.max(most, time), from);
}

/** All but the timers that only lie between two attempts: their task shows them as waiting. */
function waitsOfRetries(all) {
  const again = new Set(all.filter((one) => one.attempt > 1).map((one) => one.start));
  return all.filter((one) => one.kind !== "timer" || !again.has(one.end));
}

const OPEN = { timer: "wait", lock: "wait" };

function task(one, byFirst, rows) {
  const from = moment(one.start);
  const to = moment(one.end);
  let found = one.first ? byFirst.get(one.first) : undefined;
  if (found) {
    const before = found.bars.at(-1).to;
    if (before !== null && from > before) found.bars.push({ from: before, to: from, kind: "wait" });
  } else {
    found = row(one.kind, one.name || one.entity || one.kind, one.instanceId ?? one.entity);
    if (one.first) byFirst.set(one.first, found);
    rows.push(found);
  }
  found.bars.push({ from, to, kind: one.status === "Failed" ? "failed" : OPEN[one.kind] ?? "run" });
  found.attempts = one.attempt ?? 1;
  found.outcome = one.status;
  found.note = one.error ?? "";
  found.due = one.kind === "timer" ? moment(one.fireAt) : null;
  if (one.kind === "lock" && to !== null) {
    found.bars.push({ from: to, to: moment(one.released), kind: "hold" });
    if (!one.released) found.outcome = "held";
  }
}

function point(one, itself, byName, rows) {
  const at = moment(one.start);
  if (one.type === "ExecutionSuspended") itself.bars.push({ from: at, to: null, kind: "pause" });
  else if (one.type === "ExecutionResumed") {
    const pause = itself.bars.findLast((bar) => bar.kind === "pause" && bar.to === null);
    if (pause) pause.to = at;
  } else if (one.type.startsWith("Execution") || one.type === "ContinueAsNew") {
    itself.marks.push({ at, text: one.type });
  } else {
    const key = `${one.type} ${one.name}`;
    if (!byName.has(key)) {
      byName.set(key, row(KINDS[one.type] ?? "event", one.name));
      rows.push(byName.get(key));
    }
    const found = byName.get(key);
    found.outcome = "Completed";
    found.marks.push({ at, text: one.name });
  }
}

const KINDS = { EventRaised: "event", EventSent: "sent", EntityOperationSignaled: "signal" };

const MILLIS = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];
const DAYS = [1, 2, 7, 14, 30, 90, 365];
const STEPS = [...MILLIS, ...SECONDS.map((size) => size * 1_000), ...DAYS.map((size) => size * 86_400_000)];

/** Where an axis from 0 to *span* has its lines: at most *most*, at round distances. */
export function ticks(span, most) {
  const step = STEPS.find((size) => span / size <= most) ?? span / most;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, place) => place * step);
}
