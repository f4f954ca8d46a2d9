// The Gantt view of an orchestration: one row for each task, time from left to right.
import { addressLink } from "../address.js";
import { duration, local } from "../format.js";
import { ticks } from "../timeline.js";
import { html, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";
import { List } from "./list.js";

const HEIGHT = 30;
const BAR = 12;
const LEAST = 3;
/** However short something was, it can be seen. */
const CLOSE = 1.3;
/** Close up, so much of the time until something happened last is in sight. */

const WORDS = { itself: "orchestration", operation: "call", sent: "sends" };
const OUTCOMES = { Running: "under way", held: "held now", Completed: "" };

/** @param chart of `timeline.js`. @param now where what lasts ends, in milliseconds. */
export function Gantt({ chart, now }) {
  const [isWhole, setWhole] = useState(false);
  const box = useRef(null);
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.max(120, entry.contentRect.width)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const present = chart.to ?? Math.max(now, chart.from + 1);
  const close = chart.from + (chart.last - chart.from) * CLOSE;
  const isLong = close > chart.from && present - chart.from > close - chart.from + 2_000 && present > 2 * close - chart.from;
  const end = isLong && !isWhole ? close : present;
  const span = Math.max(end - chart.from, 1);
  const scale = { from: chart.from, end, x: (at) => ((Math.min(at, end) - chart.from) / span) * (width - 12) + 4 };
  const marks = ticks(span, Math.max(2, Math.floor(width / 90)));
  return html`
    <div class="gantt" data-live=${chart.to === null}>
      <div class="gantt-axis">
        <span class="gantt-began" title="when it began">${local(new Date(chart.from))}</span>
        <div class="gantt-plot" ref=${box}>
          <svg width=${width} height="22" aria-hidden="true">
            ${marks.map((at) => html`
              <g key=${at}>
                <line x1=${scale.x(chart.from + at)} x2=${scale.x(chart.from + at)} y1="16" y2="22" />
                <text x=${scale.x(chart.from + at)} y="12" text-anchor=${!at ? "start" : scale.x(chart.from + at) > width - 24 ? "end" : "middle"}>${at ? duration(at) : "0"}</text>
              </g>
            `)}
          </svg>
        </div>
      </div>
      <${List}
        count=${chart.rows.length}
        height=${HEIGHT}
        label="Timeline of tasks"
        tall="content"
        row=${(index) => html`<${Row} row=${chart.rows[index]} scale=${scale} width=${width} marks=${marks} />`}
      />
      <div class="gantt-foot">
        <${Legend} rows=${chart.rows} />
        ${isLong && html`<button type="button" class="quiet" aria-pressed=${String(isWhole)} onClick=${() => setWhole(!isWhole)}>${isWhole ? "Show what happened" : `Show up to now (${duration(present - chart.from)})`}</button>`}
      </div>
    </div>
  `;
}

function Row({ row, scale, width, marks }) {
  const text = said(row, scale.end);
  return html`
    <div class="gantt-row" title=${text}>
      <div class="gantt-name" data-kind=${row.kind}>
        ${row.about ? html`<a href=${addressLink(row.about)}>${row.name}</a>` : html`<button type="button" class="plain">${row.name}</button>`}
        ${row.attempts > 1 && html`<small>×${row.attempts}</small>`}
        ${row.about && row.about !== row.name && html`<small class="mono">${row.about}</small>`}
      </div>
      <div class="gantt-plot">
        <svg width=${width} height=${HEIGHT} role="img" aria-label=${text} data-kind=${row.kind} data-outcome=${row.outcome}>
          ${marks.map((at) => html`<line key=${at} class="gantt-line" x1=${scale.x(scale.from + at)} x2=${scale.x(scale.from + at)} y1="0" y2=${HEIGHT} />`)}
          ${row.bars.map((bar, place) => html`<${Bar} key=${place} bar=${bar} scale=${scale} thin=${bar.kind === "wait" || bar.kind === "pause"} />`)}
          ${row.marks.map((mark, place) => html`<path key=${place} class="gantt-mark" d=${diamond(scale.x(mark.at))} />`)}
        </svg>
      </div>
    </div>
  `;
}

function Bar({ bar, scale, thin }) {
  const start = scale.x(bar.from);
  const length = Math.max(LEAST, scale.x(bar.to ?? scale.end) - start);
  const tall = thin ? BAR / 3 : BAR;
  return html`
    <rect class="gantt-bar" data-kind=${bar.kind} data-open=${bar.to === null}
      x=${start} y=${(HEIGHT - tall) / 2} width=${length} height=${tall} rx=${tall / 4} />
  `;
}

const diamond = (x) => `M${x} ${HEIGHT / 2 - 6}l5 6l-5 6l-5 -6z`;

/** A row in words, for those who do not see it. */
function said(row, end) {
  const kind = WORDS[row.kind] ?? row.kind;
  const spent = row.bars.reduce((sum, bar) => sum + (bar.kind === "pause" ? 0 : (bar.to ?? end) - bar.from), 0);
  const parts = [`${kind} ${row.name}`];
  if (row.bars.length) parts.push(duration(spent));
  if (row.attempts > 1) parts.push(`${row.attempts} attempts`);
  if (row.marks.length) parts.push(row.marks.length === 1 ? local(new Date(row.marks[0].at)) : `${row.marks.length} times`);
  if (row.due && row.outcome === "Running") parts.push(`due ${local(new Date(row.due))}`);
  parts.push(OUTCOMES[row.outcome] ?? row.outcome, row.note);
  return parts.filter(Boolean).join(", ");
}

const MEANINGS = [["run", "at work"], ["wait", "waiting"], ["hold", "holds a lock"], ["failed", "failed"], ["pause", "suspended"]];

/** What the bars that are there mean. */
function Legend({ rows }) {
  const kinds = new Set(rows.flatMap((row) => row.bars.map((bar) => bar.kind)));
  const hasMarks = rows.some((row) => row.marks.length);
  return html`
    <ul class="gantt-legend" aria-label="Legend">
      ${MEANINGS.filter(([kind]) => kinds.has(kind)).map(([kind, word]) => html`<li key=${kind}><i data-kind=${kind} />${word}</li>`)}
      ${hasMarks && html`<li><i data-kind="mark" />event or signal</li>`}
    </ul>
  `;
}
