// Entities: their kinds, their keys, and the chosen one beside the list.
import * as api from "../api.js";
import { entityLink, go, link } from "../address.js";
import { count } from "../format.js";
import { useEvery, useLoaded, usePages, useSettled } from "../loading.js";
import { List } from "../parts/list.js";
import { Empty, Failure, Loading, Shown } from "../parts/states.js";
import { Time } from "../parts/words.js";
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { Entity } from "./entity.js";

export function Entities({ path, query }) {
  const [kind, key] = path;
  const load = useLoaded((signal) => api.kinds(signal), ["kinds"]);
  useEvery(10_000, load.again);
  return html`
    <div class="entities" data-chosen=${key !== undefined}>
      <aside class="entities-list" aria-label="Choose an entity">
        <div class="head"><h1>Entities</h1></div>
        <${Shown} load=${load}>${(kinds) => html`<${Choose} kinds=${kinds} kind=${kind} chosen=${key} query=${query} />`}<//>
      </aside>
      <div class="entities-one">
        ${key === undefined
          ? html`<${Empty} title="Choose an entity.">Its state, its queue and all of its past are shown here.<//>`
          : html`<${Entity} key=${`${kind}@${key}`} kind=${kind} name=${key} version=${query.get("version")} />`}
      </div>
    </div>
  `;
}

function Choose({ kinds, kind, chosen, query }) {
  const names = kinds;
  const open = kind ?? names.find((item) => item.count)?.name ?? names[0]?.name;
  useEffect(() => {
    if (!kind && open && matchMedia("(min-width: 62rem)").matches) go(link(["entities", open]), { replace: true });
  }, [kind, open]);
  if (!names.length) return html`<${Empty} title="This app has no entities.">Register a class with <code>@app.entity</code>.<//>`;
  return html`
    <nav class="kinds" aria-label="Kinds">
      ${names.map((item) => html`
        <a key=${item.name} class="chip" href=${link(["entities", item.name])} aria-current=${item.name === open ? "true" : undefined}>${item.name} <small>${count(item.count)}</small></a>
      `)}
    </nav>
    ${open && html`<${Keys} key=${open} kind=${open} chosen=${chosen} query=${query} />`}
  `;
}

function Keys({ kind, chosen, query }) {
  const [prefix, setPrefix] = useState(query.get("key") ?? "");
  const settled = useSettled(prefix, 200);
  const pages = usePages((token, signal) => api.entities(kind, settled, token, signal), [kind, settled]);
  useEffect(() => {
    if (chosen === undefined) go(link(["entities", kind], { key: settled }), { replace: true });
  }, [settled]);
  const rows = pages.items;
  return html`
    <label class="search"><span class="unseen">Key begins with</span>
      <input type="search" placeholder="Key begins with…   (/)" value=${prefix} onInput=${(event) => setPrefix(event.target.value)} onKeyDown=${(event) => event.key === "Enter" && rows.length && go(entityLink(kind, rows[0].entityId.key))} />
    </label>
    ${pages.error && html`<${Failure} error=${pages.error} again=${pages.again} />`}
    ${!rows.length && pages.busy && html`<${Loading} />`}
    ${!rows.length && !pages.busy && !pages.error && html`<${Empty} title=${prefix ? "No key begins so." : "There are none of this kind yet."}>${prefix ? "Look for another beginning." : "The first signal makes one."}<//>`}
    ${rows.length > 0 && html`
      <${List} count=${rows.length} height=${40} label=${`Entities of kind ${kind}`} seen=${(_, last) => last > rows.length - 30 && pages.more()}
        row=${(index) => html`
          <a class="row key-row" href=${entityLink(kind, rows[index].entityId.key)} aria-current=${rows[index].entityId.key === chosen ? "true" : undefined}>
            <span class="mono cut">${rows[index].entityId.key}</span>
            ${rows[index].unreadable && html`<span class="badge bad" title=${rows[index].unreadable}>damaged</span>`}
            ${rows[index].lockedBy && html`<span class="badge" title=${`locked by ${rows[index].lockedBy}`}>locked</span>`}
            <small class="faint number"><${Time} at=${rows[index].modifiedTime} relative /></small>
          </a>`} />
    `}
  `;
}
