// Schedules: what is started again and again, when next, and pausing it.
import * as api from "../api.js";
import { instanceLink, link } from "../address.js";
import { count, duration } from "../format.js";
import { useEvery, usePages } from "../loading.js";
import { Dialog } from "../parts/dialog.js";
import { Empty, Failure, Loading } from "../parts/states.js";
import { Json } from "../parts/json.js";
import { Status, Time } from "../parts/words.js";
import { html, useState } from "../vendor/preact-htm.js";

export function Schedules({ path }) {
  const pages = usePages((token, signal) => api.schedules(token, signal), ["schedules"]);
  const [asked, setAsked] = useState(null);
  useEvery(5_000, () => pages.items.length <= 100 && !asked && pages.again());
  const { items, error, busy } = pages;
  return html`
    <div class="head"><h1>Schedules</h1></div>
    ${error && html`<${Failure} error=${error} again=${pages.again} />`}
    ${!items.length && busy && html`<${Loading} />`}
    ${!items.length && !busy && !error && html`<${Empty} title="There are no schedules.">Make one with <code>client.schedule(id, orchestrator, every=…)</code>.<//>`}
    <div class="cards">${items.map((item) => html`<${Card} key=${item.id} item=${item} ask=${setAsked} open=${item.id === path[0]} />`)}</div>
    ${pages.next && !busy && html`<button type="button" onClick=${pages.more}>More</button>`}
    ${asked && html`<${Ask} asked=${asked} close=${() => setAsked(null)} done=${pages.again} />`}
  `;
}

const Card = ({ item, ask, open }) => html`
  <article class="card schedule" aria-label=${item.id} data-open=${open}>
    <div class="card-head">
      <h2><a href=${link(["schedules", item.id])}>${item.id}</a></h2>
      <${Status} status=${item.isPaused ? "Suspended" : item.nextAt ? "Running" : "Completed"} />
      <span class="grow" />
      <button type="button" disabled=${!api.may("operate")} onClick=${() => ask({ what: "trigger", item })}>Start now</button>
      ${item.isPaused
        ? html`<button type="button" disabled=${!api.may("operate")} onClick=${() => ask({ what: "resume", item })}>Resume</button>`
        : html`<button type="button" disabled=${!api.may("operate")} onClick=${() => ask({ what: "pause", item })}>Pause</button>`}
    </div>
    <p>
      Starts <a href=${link(["instances"], { name: item.orchestrator })}>${item.orchestrator}</a> ${rhythm(item)}.
      ${" "}${item.nextAt ? html`Next: <${Time} at=${item.nextAt} />.` : "No next time."}
      ${" "}${item.lastAt && html`Last: <${Time} at=${item.lastAt} />${item.lastStatus ? `, ${item.lastStatus}` : ""}.`}
    </p>
    ${item.problem && html`<p class="state failure">${item.problem}</p>`}
    ${item.note && html`<p class="faint">${item.note}</p>`}
    <p class="faint">${count(item.started)} started, ${count(item.skipped)} left out${item.running.length ? html`; running: ${item.running.map((id) => html`<a class="mono" key=${id} href=${instanceLink(id)}>${id}</a> `)}` : ""}</p>
    ${item.input != null && html`<details><summary>Input</summary><${Json} value=${item.input} /></details>`}
  </article>
`;

const rhythm = (item) => (item.every ? `every ${duration(item.every * 1_000)}` : html`by <code>${item.cron}</code> (${item.timezone})`);

const WORDS = {
  pause: ["Pause", "It starts nothing by itself until it is resumed; what runs goes on."],
  resume: ["Resume", "It goes on with its next time; those that have passed are left out."],
  trigger: ["Start now", "It starts one run now, beside its times."],
};

function Ask({ asked: { what, item }, close, done }) {
  const [verb, text] = WORDS[what];
  const fields = what === "trigger" ? [] : [{ name: "note", label: "Note" }];
  const act = async ({ note }) => {
    await api.scheduleAct(item.id, what, note);
    done();
  };
  return html`<${Dialog} title=${`${verb}: ${item.id}`} verb=${verb} fields=${fields} act=${act} close=${close}>${text}<//>`;
}
