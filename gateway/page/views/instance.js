// One orchestration: its timeline, what it waits for, its data, its family and its history.
import * as api from "../api.js";
import { go, instanceLink, link } from "../address.js";
import { brief, count, duration } from "../format.js";
import { useEvery, useLoaded } from "../loading.js";
import { Gantt } from "../parts/gantt.js";
import { Json } from "../parts/json.js";
import { List } from "../parts/list.js";
import { Failure, Shown } from "../parts/states.js";
import { Address, Fact, Said, Status, Tags, Time } from "../parts/words.js";
import { timeline } from "../timeline.js";
import { html, useMemo, useState } from "../vendor/preact-htm.js";
import { Actions } from "./actions.js";

const FINISHED = new Set(["Completed", "Failed", "Terminated", "Canceled"]);

export function Instance({ id, tab }) {
  const load = useLoaded((signal) => api.instance(id, signal), [id]);
  const isOver = FINISHED.has(load.data?.runtimeStatus);
  const live = api.useStream(isOver ? "" : api.instanceStream(id), load.again);
  return html`
    <div class="head">
      <a class="back" data-back href=${link(["instances"])} aria-label="All instances">←</a>
      <h1 class="mono">${id}</h1>
      ${load.data && html`<${Status} status=${load.data.isStalled ? "Stalled" : load.data.runtimeStatus} />`}
      ${!isOver && html`<span class="live" data-live=${live} title=${live ? "changes are shown as they come" : "not connected; trying again"}>live</span>`}
    </div>
    <${Shown} load=${load} what="Reading its history">${(data) => html`<${Found} state=${data} id=${id} tab=${tab} again=${load.again} />`}<//>
  `;
}

function Found({ state, id, tab, again }) {
  const isOver = FINISHED.has(state.runtimeStatus);
  const chart = useMemo(() => timeline(state, isOver), [state]);
  const now = useNow(!isOver);
  return html`
    <${Actions} state=${state} done=${again} />
    <dl class="facts wide">
      <${Fact} name="Orchestrator"><a href=${link(["instances"], { name: state.name })}>${state.name}</a>${state.version && html` <span class="faint">version ${state.version}</span>`}<//>
      <${Fact} name="Started"><${Time} at=${state.createdTime} /><//>
      <${Fact} name=${isOver ? "Ended" : "Last change"}><${Time} at=${state.lastUpdatedTime} /><//>
      <${Fact} name=${isOver ? "Took" : "For"}>${duration((isOver ? new Date(state.lastUpdatedTime) : now) - new Date(state.createdTime))}<//>
      ${Object.keys(state.tags ?? {}).length > 0 && html`<${Fact} name="Tags"><${Tags} tags=${state.tags} /><//>`}
    </dl>
    ${state.failure && html`<${Failure} error=${{ message: state.error }} />`}
    ${!isOver && html`<${Why} reasons=${state.why} activities=${state.activities} />`}
    <section class="card" aria-label="Timeline"><h2>Timeline</h2>${!state.isWhole && html`<p class="faint">Of ${count(state.events)} events the newest 2,000.</p>`}<${Gantt} chart=${chart} now=${now} /></section>
    <${Tabs} tab=${tab} id=${id} state=${state} />
  `;
}

/** The time now, as long as something goes on. */
function useNow(isLive) {
  const [now, setNow] = useState(Date.now());
  useEvery(isLive ? 500 : 3_600_000, () => isLive && setNow(Date.now()));
  return now;
}

const Why = ({ reasons, activities }) => html`
  <section class="card why" aria-label="What it waits for">
    <h2>Waits for</h2>
    ${reasons.length
      ? html`<ul>${reasons.map((reason, place) => html`<li key=${place} data-kind=${reason.kind}><${Said} text=${reason.text} />${about(reason)}</li>`)}</ul>`
      : html`<p class="faint">Nothing: it is at work.</p>`}
    ${activities.map((one) => html`<p key=${one.task_id} class="faint">Activity <strong>${one.name}</strong> runs since <${Time} at=${one.begun_at} />, attempt ${one.attempt}${one.progress != null && `, ${brief(one.progress)}`}</p>`)}
  </section>
`;

function about(reason) {
  const leads = ["child", "operation", "lock"].includes(reason.kind) && reason.about;
  return leads ? html` <${Address} address=${reason.about} />` : null;
}

function Tabs({ tab, id, state }) {
  const tabs = [["data", "Data"], ["history", `History (${count(state.events)})`], ["family", "Parent and children"]];
  const chosen = tabs.some(([name]) => name === tab) ? tab : "data";
  return html`
    <div class="tabs" role="tablist" aria-label="Details" onKeyDown=${(event) => step(event, tabs, chosen, id)}>
      ${tabs.map(([name, text]) => html`
        <button key=${name} type="button" role="tab" id=${`tab-${name}`} aria-selected=${String(name === chosen)} aria-controls="tab-panel"
          tabindex=${name === chosen ? 0 : -1} onClick=${() => go(link(["instances", id], { tab: name }), { replace: true })}>${text}</button>
      `)}
    </div>
    <section id="tab-panel" role="tabpanel" aria-labelledby=${`tab-${chosen}`}>
      ${chosen === "data" && html`<${Data} state=${state} />`}
      ${chosen === "history" && html`<${History} id=${id} events=${state.events} />`}
      ${chosen === "family" && html`<${Family} id=${id} state=${state} />`}
    </section>
  `;
}

function step(event, tabs, chosen, id) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const place = tabs.findIndex(([name]) => name === chosen);
  const [next] = tabs[(place + by + tabs.length) % tabs.length];
  go(link(["instances", id], { tab: next }), { replace: true });
  requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
}

const Data = ({ state }) => html`
  <div class="columns">
    <section class="card"><h2>Input</h2><${Json} value=${state.input} label="Input" /></section>
    <section class="card"><h2>Custom status</h2><${Json} value=${state.customStatus} label="Custom status" /></section>
    <section class="card"><h2>Output</h2><${Json} value=${state.output} label="Output" /></section>
  </div>
`;

function History({ id, events }) {
  const load = useLoaded((signal) => api.instanceHistory(id, signal), [id, events]);
  return html`<${Shown} load=${load}>${(history) => html`<${Events} history=${history} />`}<//>`;
}

function Events({ history }) {
  const [chosen, setChosen] = useState(null);
  return html`
    <div class="split">
      <${List} count=${history.length} height=${36} label="History"
        row=${(index) => html`
          <button type="button" class="row history-row plain" aria-pressed=${String(chosen === index)} onClick=${() => setChosen(index)}>
            <span class="number faint">${index + 1}</span><span>${history[index].EventType}</span><span class="cut mono">${subject(history[index])}</span>
            <span class="number"><${Time} at=${history[index].Timestamp} /></span>
          </button>`} />
      <div class="card">
        ${chosen === null ? html`<p class="faint">Choose an event to see all of it.</p>` : html`<h2>${history[chosen].EventType}</h2><${Json} value=${history[chosen]} label="Event" />`}
      </div>
    </div>
  `;
}

const subject = (event) => [event.FunctionName, event.Operation, event.Name, event.InstanceId, event.OrchestrationStatus, event.Reason].filter(Boolean).join(" ");

function Family({ id, state }) {
  return html`
    <ul class="tree" role="tree" aria-label="Parent and children">
      ${state.parentInstanceId && html`<li role="treeitem"><a class="mono" href=${instanceLink(state.parentInstanceId)}>${state.parentInstanceId}</a> <span class="faint">parent</span></li>`}
      <li role="treeitem" aria-expanded="true"><strong class="mono">${id}</strong> <${Status} status=${state.runtimeStatus} /><${Children} id=${id} depth=${1} /></li>
    </ul>
  `;
}

function Children({ id, depth }) {
  const load = useLoaded(async (signal) => (await api.instance(id, signal)).children, [id]);
  useEvery(5_000, load.again);
  return html`
    <${Shown} load=${load} what="Looking for children">${(children) => children.length
      ? html`<ul role="group">${children.map((child) => html`<${Child} key=${child.instanceId} child=${child} depth=${depth} />`)}</ul>`
      : depth === 1 && html`<p class="faint">It has started no others.</p>`}<//>
  `;
}

function Child({ child, depth }) {
  const [open, setOpen] = useState(false);
  return html`
    <li role="treeitem" aria-expanded=${String(open)}>
      <button type="button" class="plain fold" aria-label=${`Children of ${child.instanceId}`} aria-expanded=${String(open)} onClick=${() => setOpen(!open)} />
      <a class="mono" href=${instanceLink(child.instanceId)}>${child.instanceId}</a> ${child.name} ${child.runtimeStatus ? html`<${Status} status=${child.runtimeStatus} />` : html`<span class="faint">forgotten</span>`}
      ${open && html`<${Children} id=${child.instanceId} depth=${depth + 1} />`}
    </li>
  `;
}
