// Messages that were set aside because they crashed the process or could not be read.
import * as api from "../api.js";
import { count } from "../format.js";
import { usePages } from "../loading.js";
import { Dialog } from "../parts/dialog.js";
import { List } from "../parts/list.js";
import { Empty, Failure, Loading } from "../parts/states.js";
import { Address, Time } from "../parts/words.js";
import { html, useState } from "../vendor/preact-htm.js";

export function Quarantine() {
  const pages = usePages((token, signal) => api.quarantine(token, signal), ["quarantine"]);
  const [asked, setAsked] = useState(null);
  const rows = pages.items;
  return html`
    <div class="head"><h1>Quarantine</h1>${rows.length > 0 && html`<span class="faint">${count(rows.length)}${pages.next ? "+" : ""}</span>`}</div>
    ${pages.error && html`<${Failure} error=${pages.error} again=${pages.again} />`}
    ${!rows.length && pages.busy && html`<${Loading} />`}
    ${!rows.length && !pages.busy && !pages.error && html`<${Empty} title="Nothing was set aside.">Messages that crash the process again and again come here, and the others go on.<//>`}
    ${rows.length > 0 && html`
      <${List} count=${rows.length} height=${64} label="Quarantine" seen=${(_, last) => last >= rows.length && pages.more()}
        row=${(index) => html`<${Row} row=${rows[index]} ask=${setAsked} />`} />
    `}
    ${asked && html`<${Ask} asked=${asked} close=${() => setAsked(null)} done=${pages.again} />`}
  `;
}

const Row = ({ row, ask }) => html`
  <div class="row quarantine-row">
    <div class="row-main">
      <span><${Address} address=${row.address} /> ${row.operation && html`<code>${row.operation}</code>`} <small class="faint">message ${row.id}, <${Time} at=${row.time} /></small></span>
      <span class="reason" title=${row.reason}>${row.reason}</span>
    </div>
    <span class="faint">${row.attempts > 0 ? `${row.attempts} attempts` : ""}</span>
    <button type="button" disabled=${!api.may("admin")} onClick=${() => ask({ what: "redrive", row })}>Send again</button>
    <button type="button" class="danger quiet" disabled=${!api.may("admin")} onClick=${() => ask({ what: "discard", row })}>Discard</button>
  </div>
`;

function Ask({ asked, close, done }) {
  const { what, row } = asked;
  const act = async () => {
    await (what === "redrive" ? api.redrive(row.id) : api.discard(row.id));
    done();
  };
  return what === "redrive"
    ? html`<${Dialog} title=${`Send message ${row.id} again?`} verb="Send again" act=${act} close=${close}>It goes to ${row.address} once more; if it crashes the process again, it is set aside again.<//>`
    : html`<${Dialog} title=${`Discard message ${row.id}?`} verb="Discard" danger act=${act} close=${close}>It is forgotten, and who waits for it is told that it failed. This cannot be taken back.<//>`;
}
