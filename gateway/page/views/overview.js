// How the store is, at a glance: statuses, speed, what waits longest, what needs somebody.
import * as api from "../api.js";
import { link } from "../address.js";
import { bytes, count, plural } from "../format.js";
import { useEvery, useLoaded } from "../loading.js";
import { Address, Fact, Status, Time } from "../parts/words.js";
import { Spark } from "../parts/spark.js";
import { Shown } from "../parts/states.js";
import { html } from "../vendor/preact-htm.js";

const EVERY = 2_000;
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
const mean = (numbers) => sum(numbers) / numbers.length;
const most = (numbers) => Math.max(...numbers);
const STATUSES = ["Running", "Pending", "Suspended", "Failed", "Completed", "Terminated", "Canceled"];

export function Overview() {
  const load = useLoaded((signal) => api.overview(signal), ["overview"]);
  useEvery(EVERY, load.again);
  return html`
    <div class="head"><h1>Overview</h1>${load.data && html`<span class="faint mono" title=${load.data.store.location}>${load.data.store.location.split("/").at(-1)}</span>`}</div>
    <${Shown} load=${load} what="Looking at the store">${(data) => html`
      ${data.problem && html`<div class="state failure" role="alert"><strong>The store takes nothing for now: ${data.problem}</strong><span>What was acknowledged is safe. Look at the disk; it goes on by itself.</span></div>`}
      <${Counts} counts=${data.instances} entities=${sum(Object.values(data.entities))} />
      <div class="columns">
        <${Measure} title="Throughput" unit="events/s" of=${mean} values=${data.seconds.map((second) => second.events)} />
        <${Measure} title="Latency, mean" unit="ms" of=${mean} values=${data.seconds.map((second) => (second.commits ? second.meanLatencyMs : null))} />
        <${Measure} title="Latency, slowest" unit="ms" of=${most} values=${data.seconds.map((second) => (second.commits ? second.maxLatencyMs : null))} />
      </div>
      <div class="columns two">
        <${Oldest} oldest=${data.oldestWaiting} quarantined=${data.quarantined} />
        <${Health} data=${data} />
      </div>
    `}<//>
  `;
}

function Counts({ counts, entities }) {
  const shown = STATUSES.filter((status) => counts[status] || ["Running", "Failed", "Completed"].includes(status));
  return html`
    <ul class="tiles" aria-label="How many there are">
      <li><a class="tile" href=${link(["entities"])}><strong>${count(entities)}</strong><span>Entities</span></a></li>
      ${shown.map((status) => html`
        <li key=${status}>
          <a class="tile" href=${link(["instances"], { status })}><strong>${count(counts[status] ?? 0)}</strong><${Status} status=${status} /></a>
        </li>
      `)}
    </ul>
  `;
}

/** How a number went in the last two minutes, second by second, and what it is lately. */
function Measure({ title, unit, values, of }) {
  const latest = values.slice(-5).filter((value) => value !== null);
  const now = latest.length ? of(latest) : null;
  return html`
    <section class="card measure" aria-label=${title}>
      <h2>${title}</h2>
      <p><strong>${rounded(now)}</strong> <span class="faint">${now === null ? "" : unit}</span></p>
      <${Spark} values=${values} label=${`${title}, the last two minutes`} />
    </section>
  `;
}

const rounded = (value) => (value === null ? "–" : value < 10 ? Number(value.toFixed(1)).toString() : count(Math.round(value)));

const Oldest = ({ oldest, quarantined }) => html`
  <section class="card">
    <h2>Needs a look</h2>
    <dl class="facts">
      <${Fact} name="Waits longest">${oldest ? html`<${Address} address=${oldest.instanceId} /> <${Status} status=${oldest.runtimeStatus} /> <span class="faint">started <${Time} at=${oldest.createdTime} relative /></span>` : html`<span class="faint">nothing waits</span>`}<//>
      <${Fact} name="Quarantine"><a href=${link(["quarantine"])}>${quarantined ? html`<strong>${plural(quarantined, "message")}</strong> set aside` : "empty"}</a><//>
    </dl>
  </section>
`;

const DURABLE = {
  power: "what is acknowledged survives loss of power",
  process: "what is acknowledged survives a crash of the process",
  nothing: "in memory only",
};

const Health = ({ data: { store, backlog, version, streams } }) => html`
  <section class="card">
    <h2>Store</h2>
    <dl class="facts">
      <${Fact} name="Health"><span class="status" data-status=${store.healthy ? "Completed" : "Failed"}><i aria-hidden="true" />${store.healthy ? (store.recovering ? "recovers from a crash" : "works") : store.failure}</span><//>
      <${Fact} name="Durability">${store.durability} <span class="faint">${DURABLE[store.durability] ?? ""}</span><//>
      <${Fact} name="Backlog">${count(backlog.waiting)} waiting <span class="faint">${count(backlog.active)} active, ${count(backlog.busy)} at work</span><//>
      ${store.bytes !== null && html`<${Fact} name="Size">${bytes(store.bytes)}<//>`}
      ${store.walBytes !== null && html`<${Fact} name="Write-ahead log">${bytes(store.walBytes)}<//>`}
      ${store.freeBytes !== null && html`<${Fact} name="Free disk">${bytes(store.freeBytes)}<//>`}
      <${Fact} name="Version">perdure ${version} <span class="faint">${plural(streams, "stream")}</span><//>
    </dl>
  </section>
`;
