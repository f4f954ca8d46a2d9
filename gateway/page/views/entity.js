// One entity: its state at any version of its past, what changed it, its queue and its lock.
import * as api from "../api.js";
import { entityLink, go, link } from "../address.js";
import { differences, place } from "../difference.js";
import { count } from "../format.js";
import { useLoaded } from "../loading.js";
import { Changes } from "../parts/changes.js";
import { Json } from "../parts/json.js";
import { List } from "../parts/list.js";
import { Slider } from "../parts/slider.js";
import { Empty, Failure, Shown } from "../parts/states.js";
import { Address, Fact, Said, Time } from "../parts/words.js";
import { usePast } from "../past.js";
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm.js";
import { Operate } from "./operate.js";

export function Entity({ kind, name, version }) {
  const load = useLoaded((signal) => api.entity(kind, name, signal), [kind, name]);
  const live = api.useStream(api.entityStream(kind, name), load.again);
  return html`
    <div class="head entity-head">
      <a class="back" data-back href=${link(["entities", kind])} aria-label=${`All of kind ${kind}`}>←</a>
      <div><a class="faint" href=${link(["entities", kind])}>${kind}</a><h1 class="mono">${name}</h1></div>
      <span class="grow" />
      <span class="live" data-live=${live} title=${live ? "changes are shown as they come" : "not connected; trying again"}>live</span>
    </div>
    <${Shown} load=${load} what="Reading its past">${(entity) => html`<${Found} entity=${entity} kind=${kind} name=${name} version=${version} again=${load.again} />`}<//>
  `;
}

function Found({ entity, kind, name, version, again }) {
  const past = usePast(kind, name);
  const { historyBegins: first, version: last } = entity;
  const present = entity.modifiedTime === null ? undefined : entity.state;
  const asked = version === null || !/^\d+$/.test(version) ? last : Math.min(last, Math.max(first, Number(version)));
  past.put(last, present);
  const move = (next) => go(entityLink(kind, name, { version: next === last ? null : next }), { replace: true });
  useArrows(asked, first, last, move);
  const now = useLatest(past.state(asked));
  const before = useLatest(asked > first ? past.state(asked - 1) : { state: undefined });
  const event = asked > first ? past.event(asked, last) : undefined;
  return html`
    <${Facts} entity=${entity} />
    <div class="card slider-card"><${Slider} first=${first} last=${last} at=${asked} move=${move} event=${event} /></div>
    <div class="columns two">
      <${StateCard} now=${now} before=${before} at=${asked} last=${last} />
      <${ChangeCard} now=${now} before=${before} event=${event} at=${asked} first=${first} last=${last} latest=${present} />
    </div>
    <div class="columns two">
      <${EventLog} past=${past} first=${first} last=${last} at=${asked} move=${move} />
      <${Operate} operations=${entity.operations} kind=${kind} name=${name} done=${again} />
    </div>
  `;
}

/** While the next is on its way, the one before stays. */
function useLatest(found) {
  const latest = useRef(found);
  if (found) latest.current = found;
  return latest.current;
}

/** With nothing else in focus, left and right go through versions. */
function useArrows(at, first, last, move) {
  const latest = useRef(null);
  latest.current = { ArrowLeft: Math.max(first, at - 1), ArrowRight: Math.min(last, at + 1) };
  useEffect(() => {
    const onKey = (event) => {
      const isFree = event.target === document.body || event.target.closest(".list-row, .step, main#view:focus");
      if (isFree && event.key in latest.current && !event.altKey && !event.ctrlKey && !event.metaKey) move(latest.current[event.key]);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [last, first]);
}

function Facts({ entity }) {
  const reasons = entity.why.filter((reason) => reason.kind !== "nothing");
  return html`
    <dl class="facts wide">
      <${Fact} name="Version">${count(entity.version)}<//>
      <${Fact} name="Changed"><${Time} at=${entity.modifiedTime} /><//>
      <${Fact} name="Queue">${entity.waiting ? html`<strong>${count(entity.waiting)}</strong> waiting` : "empty"}<//>
      <${Fact} name="Lock">${entity.lockedBy ? html`held by <${Address} address=${entity.lockedBy} />` : "free"}<//>
    </dl>
    ${reasons.length > 0 && html`<ul class="reasons" aria-label="What it waits for">${reasons.map((reason, index) => html`<li key=${index} data-kind=${reason.kind}><${Said} text=${reason.text} /></li>`)}</ul>`}
  `;
}

function StateCard({ now, before, at, last }) {
  const marks = useMemo(() => changed(before?.state, now?.state), [before, now]);
  return html`
    <section class="card" aria-label="State" data-past=${at !== last}>
      <h2>State ${at === last ? "now" : `at version ${count(at)}`}</h2>
      ${now?.error ? html`<${Failure} error=${now.error} />` : !now ? html`<p class="faint">…</p>` : now.state === undefined ? html`<${Empty} title="It had no state.">${at === 0 ? "This is before its first event." : "It was deleted."}<//>` : html`<${Json} value=${now.state} marks=${marks} open=${3} label="State" />`}
    </section>
  `;
}

function changed(before, after) {
  if (before === undefined || after === undefined) return new Map();
  return new Map(differences(before, after).map((one) => [place(one.path), one.before === undefined ? "added" : "changed"]));
}

function ChangeCard({ now, before, event, at, first, last, latest }) {
  const [withNow, setWithNow] = useState(false);
  const compares = withNow && at !== last;
  return html`
    <section class="card" aria-label="What changed">
      <div class="card-head">
        <h2>${compares ? "From here to now" : "What changed"}</h2><span class="grow" />
        ${at !== last && html`<label class="switch"><input type="checkbox" checked=${withNow} onChange=${(e) => setWithNow(e.target.checked)} />compare with now</label>`}
      </div>
      ${at === first && !compares
        ? html`<p class="faint">${first === 0 ? "Before its first event there is nothing." : "What was before this version is purged."}</p>`
        : html`
            ${!compares && event && html`<${Told} event=${event} />`}
            ${now && before && (compares ? html`<${Changes} before=${now.state} after=${latest} />` : html`<${Changes} before=${before.state} after=${now.state} />`)}
          `}
    </section>
  `;
}

const Told = ({ event }) => html`
  <p class="told">
    <code>${event.operation}</code> ${event.kind === "deleted" ? "deleted it" : event.kind === "recorded" ? html`recorded <code>${event.name}</code>` : "changed fields"},
    ${" "}<${Time} at=${event.time} />${event.caller && html`, sent by <${Address} address=${event.caller} />`}
    ${event.request_id && html`<br /><small class="faint">request <span class="mono">${event.request_id}</span></small>`}
  </p>
  ${event.data && html`<details open><summary>${event.name}${event.event_version > 1 ? `, version ${event.event_version}` : ""}</summary><${Json} value=${event.data} label="Event" /></details>`}
`;

const ROW = 36;

function EventLog({ past, first, last, at, move }) {
  const rows = last - first;
  return html`
    <section class="card events" aria-label="Event log">
      <div class="card-head"><h2>Event log</h2><span class="faint">${count(rows)}</span></div>
      ${rows
        ? html`<${List} count=${rows} height=${ROW} label="Events, newest first" tall="content" at=${at > first ? last - at : null}
            row=${(index) => html`<${EventRow} version=${last - index} event=${past.event(last - index, last)} isChosen=${last - index === at} move=${move} />`} />`
        : html`<p class="faint">Nothing has happened to it${first ? " since its history was purged" : ""}.</p>`}
    </section>
  `;
}

const EventRow = ({ version, event, isChosen, move }) => html`
  <button type="button" class="row event-row plain" aria-pressed=${String(isChosen)} onClick=${() => move(version)}>
    <span class="number faint">${count(version)}</span>
    <span class="cut">${event ? html`<code>${event.operation}</code> ${event.name && html`<span class="faint">${event.name}</span>`}${event.kind === "deleted" && html`<span class="badge">deleted</span>`}` : html`<span class="faint">${event === null ? "…" : "purged"}</span>`}</span>
    <span class="number">${event && html`<${Time} at=${event.time} />`}</span>
  </button>
`;
