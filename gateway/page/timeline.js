// What an orchestration did, as rows of bars: from its history, for the Gantt view. Pure.
//
// A task that is tried again has one row; what lies between two attempts is its waiting. A lock is
// waited for, then held until it is let go. What has no length (events, signals) is a mark.

/**
 * @typedef {{from: number, to: number | null, kind: "run" | "wait" | "hold" | "failed" | "pause"}} Bar
 *   Milliseconds since 1970; `to` is null while it lasts.
 * @typedef {{at: number, text: string}} Mark
 * @typedef {{key: string, kind: string, name: string, note: string, about: string, outcome: string,
 *   bars: Bar[], marks: Mark[]}} Row
 */

const millis = (event) => event.time / 1000;

/** @returns {{rows: Row[], from: number, to: number | null}} */
export function timeline(events) {
  const chart = new Chart();
  for (const event of events) chart.take(event);
  return chart.done();
}

class Chart {
  rows = [];
  tasks = new Map();
  held = new Map();
  from = null;
  to = null;

  take(event) {
    this.from ??= millis(event);
    HANDLERS[event.event]?.(this, event, millis(event));
  }

  row(key, kind, name, { note = "", about = "", at = null } = {}) {
    const row = { key, kind, name, note, about, outcome: "open", bars: [], marks: [] };
    if (at !== null) row.bars.push({ from: at, to: null, kind: kind === "timer" || kind === "lock" ? "wait" : "run" });
    this.rows.push(row);
    return row;
  }

  task(event, kind, name, more) {
    const row = this.row(`task-${event.id}`, kind, name, { at: millis(event), ...more });
    this.tasks.set(event.id, row);
    return row;
  }

  end(event, outcome, text = "") {
    const row = this.tasks.get(event.id);
    const bar = row?.bars.at(-1);
    if (!bar) return;
    bar.to = millis(event);
    if (outcome === "failed") bar.kind = "failed";
    row.outcome = outcome;
    if (text) row.note = text;
  }

  /** A mark in the row of its name, which is made when it is the first. */
  mark(key, kind, name, at, text, about = "") {
    const row = this.rows.find((found) => found.key === key) ?? this.row(key, kind, name, { about });
    row.outcome = "done";
    row.marks.push({ at, text });
  }

  /** A timer whose end begins another attempt is that task's waiting, not a row. */
  absorb(row, at) {
    const last = this.rows.at(-1);
    const timer = this.rows.findLast((found) => found.kind === "timer" && found.bars[0]?.to === at);
    const before = row.bars.at(-1)?.to ?? at;
    if (timer && timer.bars[0].from >= before && (timer === last || timer.bars[0].from - before < 1)) {
      this.rows.splice(this.rows.indexOf(timer), 1);
    }
    if (at > before) row.bars.push({ from: before, to: at, kind: "wait" });
  }

  done() {
    return { rows: this.rows, from: this.from ?? 0, to: this.to };
  }
}

function failureText(event) {
  return event.failure ? `${event.failure.error_type}: ${event.failure.message}` : "";
}

const completed = (chart, event) => chart.end(event, "done");
const failed = (chart, event) => chart.end(event, "failed", failureText(event));

const HANDLERS = {
  ExecutionStarted(chart, event, at) {
    const row = chart.row("itself", "itself", event.name, { at });
    row.bars[0].kind = "run";
    chart.itself = row;
  },
  TaskScheduled(chart, event, at) {
    const first = event.first ? chart.tasks.get(event.first) : null;
    if (!first) {
      chart.task(event, "activity", event.name);
      return;
    }
    chart.absorb(first, at);
    first.bars.push({ from: at, to: null, kind: "run" });
    first.outcome = "open";
    first.attempts = event.attempt ?? 1;
    chart.tasks.set(event.id, first);
  },
  TaskCompleted: completed,
  TaskFailed: failed,
  SubOrchestrationInstanceCreated(chart, event) {
    chart.task(event, "child", event.name, { about: event.instance_id, note: event.instance_id });
  },
  SubOrchestrationInstanceCompleted: completed,
  SubOrchestrationInstanceFailed: failed,
  TimerCreated(chart, event) {
    chart.task(event, "timer", "timer").due = event.fire_at / 1000;
  },
  TimerFired: completed,
  EntityOperationCalled(chart, event) {
    chart.task(event, "call", event.operation, { about: event.entity, note: event.entity });
  },
  EntityOperationCompleted: completed,
  EntityOperationFailed: failed,
  EntityOperationSignaled(chart, event, at) {
    const key = `signal-${event.entity}-${event.operation}`;
    chart.mark(key, "signal", event.operation, at, `signal ${event.operation}`, event.entity);
  },
  EntityLockRequested(chart, event) {
    chart.task(event, "lock", event.entity, { about: event.entity });
  },
  EntityLockGranted(chart, event, at) {
    const row = chart.tasks.get(event.id);
    if (!row) return;
    row.bars.at(-1).to = at;
    row.bars.push({ from: at, to: null, kind: "hold" });
    row.outcome = "held";
    chart.held.set(event.entity, row);
  },
  EntityUnlockSent(chart, event, at) {
    const row = chart.held.get(event.entity);
    if (!row) return;
    row.bars.at(-1).to = at;
    row.outcome = event.undo ? "undone" : "done";
    chart.held.delete(event.entity);
  },
  EventRaised(chart, event, at) {
    chart.mark(`event-${event.name}`, "event", event.name, at, `event ${event.name}`);
  },
  EventSent(chart, event, at) {
    const key = `sent-${event.instance_id}-${event.name}`;
    chart.mark(key, "sent", event.name, at, `event ${event.name}`, event.instance_id);
  },
  ExecutionSuspended(chart, event, at) {
    chart.itself?.bars.push({ from: at, to: null, kind: "pause" });
  },
  ExecutionResumed(chart, event, at) {
    const pause = chart.itself?.bars.findLast((bar) => bar.kind === "pause");
    if (pause) pause.to ??= at;
  },
  ExecutionRewound(chart, event, at) {
    chart.to = null;
    if (!chart.itself) return;
    chart.itself.bars.push({ from: at, to: null, kind: "run" });
    chart.itself.outcome = "open";
  },
  ContinueAsNew: (chart, event, at) => ended(chart, at, "done"),
  ExecutionTerminated: (chart, event, at) => ended(chart, at, "failed"),
  ExecutionCompleted: (chart, event, at) => ended(chart, at, event.status === "Completed" ? "done" : "failed"),
};

/** Whatever is still open goes no further than the end. */
function ended(chart, at, outcome) {
  chart.to = at;
  for (const row of chart.rows) {
    for (const bar of row.bars) bar.to ??= at;
    if (row.outcome === "open" || row.outcome === "held") row.outcome = row.kind === "itself" ? outcome : "left";
  }
}

const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];
const DAYS = [1, 2, 7, 14, 30, 90, 365];
const STEPS = [
  ...NICE,
  ...SECONDS.map((seconds) => seconds * 1_000),
  ...DAYS.map((days) => days * 86_400_000),
];

/** Where an axis from 0 to *span* has its lines: at most *most*, at round distances. */
export function ticks(span, most) {
  const step = STEPS.find((size) => span / size <= most) ?? span / most;
  const found = [];
  for (let at = 0; at <= span; at += step) found.push(at);
  return found;
}
