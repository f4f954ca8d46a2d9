// Orchestrations: searching and filtering them, and one beside its own view.
import * as api from "../api.js";
import { go, instanceLink, link } from "../address.js";
import { useEvery, usePages, useSettled } from "../loading.js";
import { count } from "../format.js";
import { List } from "../parts/list.js";
import { Empty, Failure, Loading } from "../parts/states.js";
import { Status, Tags, Time } from "../parts/words.js";
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { Instance } from "./instance.js";

const STATUSES = ["Running", "Pending", "Suspended", "Failed", "Completed", "Terminated", "Canceled"];
const EMPTY = { prefix: "", name: "", status: "", tag: "", from: "", to: "", order: "" };

export function Instances({ path, query }) {
  if (path[0] !== undefined) return html`<${Instance} key=${path[0]} id=${path[0]} tab=${query.get("tab")} />`;
  return html`<${Search} query=${query} />`;
}

function Search({ query }) {
  const given = Object.fromEntries(Object.keys(EMPTY).map((name) => [name, query.get(name) ?? ""]));
  const [filter, setFilter] = useState(given);
  useEffect(() => setFilter(given), [query.toString()]);
  const settled = useSettled(filter, 200);
  useEffect(() => {
    if (JSON.stringify(settled) === JSON.stringify(filter)) go(link(["instances"], settled), { replace: true });
  }, [JSON.stringify(settled)]);
  const pages = usePages((token, signal) => api.instances(settled, token, signal), settled);
  const [live, setLive] = useState(false);
  useEvery(3_000, () => live && pages.items.length <= 100 && pages.again());
  const put = (name) => (event) => setFilter({ ...filter, [name]: event.target.value });
  const isFiltered = Object.values(filter).some(Boolean);
  return html`
    <div class="head">
      <h1>Instances</h1>
      <span class="faint" role="status">${said(pages)}</span>
      <span class="grow" />
      <label class="switch"><input type="checkbox" checked=${live} onChange=${(e) => setLive(e.target.checked)} />live</label>
    </div>
    <form class="filters" role="search" aria-label="Search instances" onSubmit=${(event) => event.preventDefault()}>
      <label class="wide">Id begins with<input type="search" placeholder="press / to search" value=${filter.prefix} onInput=${put("prefix")} /></label>
      <label>Orchestrator<input type="text" value=${filter.name} onInput=${put("name")} /></label>
      <label>Status<select value=${filter.status} onChange=${put("status")}>
        <option value="">any</option>
        ${STATUSES.map((status) => html`<option key=${status} value=${status} selected=${status === filter.status}>${status}</option>`)}
      </select></label>
      <label>Tag<input type="text" placeholder="name=value" value=${filter.tag} onInput=${put("tag")} /></label>
      <label>Order<select value=${filter.order} onChange=${put("order")}>
        <option value="">changed last</option><option value="id" selected=${filter.order === "id"}>by id</option>
      </select></label>
      <div class="between">
        <label>Started from<input type="datetime-local" value=${filter.from} onInput=${put("from")} /></label>
        <label>to<input type="datetime-local" value=${filter.to} onInput=${put("to")} /></label>
        ${isFiltered && html`<button type="button" class="quiet" onClick=${() => setFilter(EMPTY)}>Clear</button>`}
      </div>
    </form>
    <${Found} pages=${pages} isFiltered=${isFiltered} />
  `;
}

const said = (pages) => (pages.items.length ? `${count(pages.items.length)}${pages.next ? " and more" : ""}` : "");

function Found({ pages, isFiltered }) {
  const rows = pages.items;
  if (pages.error) return html`<${Failure} error=${pages.error} again=${pages.again} />`;
  if (!rows.length && pages.busy) return html`<${Loading} what="Searching" />`;
  if (!rows.length && isFiltered) return html`<${Empty} title="Nothing fits.">Clear a filter, or look for another id: only its beginning is searched.<//>`;
  if (!rows.length) return html`<${Empty} title="There are no orchestrations yet.">Start one with <code>client.start(…)</code>.<//>`;
  return html`
    <div class="row row-titles" aria-hidden="true"><span>Instance</span><span>Orchestrator</span><span>Status</span><span class="number">Started</span><span class="number">Last change</span></div>
    <${List} count=${rows.length} height=${44} label="Instances" seen=${(_, last) => last > rows.length - 30 && pages.more()}
      row=${(index) => html`<${Row} state=${rows[index]} />`} />
  `;
}

const Row = ({ state }) => html`
  <a class="row instance-row" href=${instanceLink(state.instanceId)}>
    <span class="mono cut">${state.instanceId}<${Tags} tags=${state.tags} /></span>
    <span class="cut">${state.name}</span>
    <span><${Status} status=${state.isStalled ? "Stalled" : state.runtimeStatus} /></span>
    <span class="number"><${Time} at=${state.createdTime} /></span>
    <span class="number"><${Time} at=${state.lastUpdatedTime} /></span>
  </a>
`;
