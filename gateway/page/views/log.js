// The change feed: everything that is committed, as it comes.
import * as api from "../api.js";
import { go, link } from "../address.js";
import { brief, count } from "../format.js";
import { useLoaded, useSettled } from "../loading.js";
import { Json } from "../parts/json.js";
import { List } from "../parts/list.js";
import { Empty, Shown } from "../parts/states.js";
import { Address, Time } from "../parts/words.js";
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm.js";

const FIRST = 200;
const KEPT = 5_000;
const PAUSE = 150;
const EMPTY = { of: "", kind: "", address: "", text: "", after: "" };

export function Log({ query }) {
  const given = Object.fromEntries(Object.keys(EMPTY).map((name) => [name, query.get(name) ?? ""]));
  const [filter, setFilter] = useState(given);
  useEffect(() => setFilter(given), [query.toString()]);
  const settled = useSettled(filter, 250);
  useEffect(() => {
    if (JSON.stringify(settled) === JSON.stringify(filter)) go(link(["log"], settled), { replace: true });
  }, [JSON.stringify(settled)]);
  const { text, ...wanted } = settled;
  const load = useLoaded((signal) => api.changes(wanted, FIRST, signal), wanted);
  const put = (name) => (event) => setFilter({ ...filter, [name]: event.target.value });
  return html`
    <div class="head"><h1>Log</h1></div>
    <form class="filters" role="search" aria-label="Filter the log" onSubmit=${(event) => event.preventDefault()}>
      <label class="wide">Contains<input type="search" placeholder="press / to search" value=${filter.text} onInput=${put("text")} /></label>
      <label>Of<select value=${filter.of} onChange=${put("of")}>
        ${[["", "everything"], ["entities", "entities"], ["orchestrations", "orchestrations"]].map(([value, word]) => html`<option key=${value} value=${value} selected=${value === filter.of}>${word}</option>`)}
      </select></label>
      <label>Kind<input type="text" value=${filter.kind} onInput=${put("kind")} /></label>
      <label>Address<input type="text" placeholder="@kind@key, or an id" value=${filter.address} onInput=${put("address")} /></label>
      <label>Behind position<input type="text" placeholder="0.0: the first" value=${filter.after} onInput=${put("after")} /></label>
      ${Object.values(filter).some(Boolean) && html`<button type="button" class="quiet" onClick=${() => setFilter(EMPTY)}>Clear</button>`}
    </form>
    <${Shown} load=${load} what="Reading the log">${(first) => html`<${Feed} key=${JSON.stringify(wanted)} first=${first} wanted=${wanted} text=${text} />`}<//>
  `;
}

function Feed({ first, wanted, text }) {
  const [changes, setChanges] = useState(first);
  const [paused, setPaused] = useState(false);
  const [chosen, setChosen] = useState(null);
  const come = useCollected(paused, (more) => setChanges((old) => [...old, ...more].slice(-KEPT)));
  const live = api.useFeed(wanted, first.at(-1)?.position ?? wanted.after, come);
  const shown = useMemo(() => changes.filter((change) => contains(change, text)), [changes, text]);
  const newest = shown.length - 1;
  return html`
    <div class="log-bar">
      <span class="live" data-live=${live && !paused}>live</span>
      <button type="button" aria-pressed=${String(paused)} onClick=${() => setPaused(!paused)}>${paused ? "Go on" : "Pause"}</button>
      <span class="faint" role="status">${count(shown.length)} changes${paused ? ", paused" : ""}</span>
    </div>
    ${!shown.length
      ? html`<${Empty} title="Nothing here yet.">What is committed from now on is shown as it comes.<//>`
      : html`<div class="split">
          <${List} count=${shown.length} height=${36} label="Changes, newest first"
            row=${(index) => html`<${Row} change=${shown[newest - index]} isChosen=${shown[newest - index].position === chosen?.position} choose=${setChosen} />`} />
          <div class="card">${chosen ? html`<${Chosen} change=${chosen} />` : html`<p class="faint">Choose a change to see all of it.</p>`}</div>
        </div>`}
  `;
}

/** Changes are taken in groups, a few times a second, however quickly they come. */
function useCollected(paused, take) {
  const waiting = useRef([]);
  const latest = useRef(null);
  latest.current = () => {
    if (paused || !waiting.current.length) return;
    take(waiting.current.splice(0));
  };
  useEffect(() => {
    const timer = setInterval(() => latest.current(), PAUSE);
    return () => clearInterval(timer);
  }, []);
  return (change) => {
    waiting.current.push(change);
    if (waiting.current.length > KEPT) waiting.current.shift();
  };
}

const contains = (change, text) => !text || JSON.stringify(change).toLowerCase().includes(text.toLowerCase());

const what = (change) => change.EventType ?? change.operation ?? "";
const said = (change) => {
  if (change.EventType) return [change.FunctionName, change.Operation, change.Name, change.OrchestrationStatus, change.Reason].filter(Boolean).join(" ");
  return change.kind === "deleted" ? "deleted" : `${change.name ?? ""} ${brief(change.data ?? change.changes, 120)}`;
};

const Row = ({ change, isChosen, choose }) => html`
  <button type="button" class="row log-row plain" aria-pressed=${String(isChosen)} onClick=${() => choose(change)}>
    <span class="number"><${Time} at=${change.time} /></span>
    <span class="mono cut">${change.address}</span>
    <span class="cut"><code>${what(change)}</code></span>
    <span class="cut mono faint">${said(change)}</span>
  </button>
`;

const Chosen = ({ change }) => html`
  <h2>${what(change)}</h2>
  <p><${Address} address=${change.address} />${change.version && html` <a href=${`${link(["entities", change.entityId.name, change.entityId.key], { version: change.version })}`}>version ${count(change.version)}</a>`}</p>
  <${Json} value=${change} label="Change" open=${3} />
`;
