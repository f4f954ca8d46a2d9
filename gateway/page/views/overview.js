// How the store is, at a glance: statuses, speed, what waits longest, what needs somebody.
import * as api from "../api.js";
import { link } from "../address.js";
import { count } from "../format.js";
import { useEvery, useLoaded } from "../loading.js";
import { Address, Fact, Status, Time } from "../parts/words.js";
import { Spark } from "../parts/spark.js";
import { Shown } from "../parts/states.js";
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";

const EVERY = 2_000;
const KEPT = 60;
const STATUSES = ["Running", "Pending", "Suspended", "Failed", "Completed", "Terminated", "Canceled"];

export function Overview() {
  const load = useLoaded((signal) => api.overview(signal), ["overview"]);
  useEvery(EVERY, load.again);
  const speed = useSpeed(load.data);
  return html`
    <div class="head"><h1>Overview</h1>${load.data && html`<span class="faint mono">${load.data.store.location}</span>`}</div>
    <${Shown} load=${load} what="Looking at the store">${(data) => html`
      ${data.store.failure && html`<div class="state failure" role="alert"><strong>The store takes nothing for now: ${data.store.failure}</strong><span>What was acknowledged is safe. Look at the disk; it goes on by itself.</span></div>`}
      <${Counts} counts=${data.counts} entities=${data.entities} />
      <div class="columns">
        <${Measure} title="Throughput" value=${speed.rate.at(-1)} unit="events/s" values=${speed.rate} />
        <${Measure} title="Time of a commit" value=${speed.latency.at(-1)} unit="ms" values=${speed.latency} />
        <${Measure} title="Waiting messages" value=${data.store.waiting} unit="" values=${speed.waiting} />
      </div>
      <div class="columns two">
        <${Oldest} oldest=${data.oldest} quarantined=${data.store.quarantined} />
        <${Health} store=${data.store} />
      </div>
    `}<//>
  `;
}

/** Rates from the counters of one look to the next. */
function useSpeed(data) {
  const last = useRef(null);
  const [speed, setSpeed] = useState({ rate: [], latency: [], waiting: [] });
  useEffect(() => {
    if (!data) return;
    const before = last.current;
    last.current = data;
    const add = (values, value) => [...values, value].slice(-KEPT);
    setSpeed((old) => ({
      rate: before ? add(old.rate, api.rate(before, data)) : old.rate,
      latency: before ? add(old.latency, api.latency(before, data)) : old.latency,
      waiting: add(old.waiting, data.store.waiting),
    }));
  }, [data]);
  return speed;
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

function Measure({ title, value, unit, values }) {
  const text = value == null ? "–" : value < 10 ? Number(value.toFixed(1)).toString() : count(Math.round(value));
  return html`
    <section class="card measure" aria-label=${title}>
      <h2>${title}</h2>
      <p><strong>${text}</strong> <span class="faint">${value == null ? "" : unit}</span></p>
      <${Spark} values=${values} label=${`${title}, the last two minutes`} most=${KEPT} />
    </section>
  `;
}

const Oldest = ({ oldest, quarantined }) => html`
  <section class="card">
    <h2>Needs a look</h2>
    ${quarantined > 0 && html`<p><a href=${link(["quarantine"])}><strong>${count(quarantined)}</strong> in quarantine</a></p>`}
    ${oldest.length
      ? html`<table class="plain-table">
          <thead><tr><th scope="col">Waits longest</th><th scope="col"></th><th scope="col" class="number">Since</th></tr></thead>
          <tbody>${oldest.map((item) => html`
            <tr key=${item.address}><td><${Address} address=${item.address} /></td><td>${item.status && html`<${Status} status=${item.status} />`}</td><td class="number"><${Time} at=${item.since} relative /></td></tr>
          `)}</tbody>
        </table>`
      : html`<p class="faint">Nothing waits.</p>`}
  </section>
`;

const DURABLE = {
  power: "power: what is acknowledged survives loss of power",
  process: "process: what is acknowledged survives a crash of the process",
  nothing: "nothing: kept in memory only",
};

const Health = ({ store }) => html`
  <section class="card">
    <h2>Store</h2>
    <dl class="facts">
      <${Fact} name="Health"><span class="status" data-status=${store.healthy ? "Completed" : "Failed"}><i aria-hidden="true" />${store.healthy ? "works" : "takes nothing"}</span><//>
      <${Fact} name="Durability"><span title=${DURABLE[store.durability]}>${store.durability}</span><//>
      ${store.facts.map(([name, text]) => html`<${Fact} key=${name} name=${name}>${text}<//>`)}
    </dl>
  </section>
`;

