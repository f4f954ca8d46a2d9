// What an event changed: places, before and after.
import { differences, written } from "../difference.js";
import { brief, count } from "../format.js";
import { html, useState } from "../vendor/preact-htm.js";

const FIRST = 50;

export function Changes({ before, after }) {
  const [most, setMost] = useState(FIRST);
  const found = differences(before, after);
  if (!found.length) return html`<p class="faint">Nothing of the state changed.</p>`;
  return html`
    <table class="changes">
      <thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
      <tbody>
        ${found.slice(0, most).map((change) => html`
          <tr key=${change.path.join("/")} data-change=${kind(change)}>
            <th scope="row" class="mono">${written(change.path) || "state"}</th>
            <td class="mono before" title=${brief(change.before, 1000)}>${brief(change.before)}</td>
            <td class="mono after" title=${brief(change.after, 1000)}>${brief(change.after)}<${By} change=${change} /></td>
          </tr>
        `)}
      </tbody>
    </table>
    ${found.length > most && html`<button type="button" class="quiet" onClick=${() => setMost(most + 500)}>${count(found.length - most)} more</button>`}
  `;
}

const kind = (change) => (change.before === undefined ? "added" : change.after === undefined ? "removed" : "changed");

/** By how much a number went up or down. */
function By({ change }) {
  if (typeof change.before !== "number" || typeof change.after !== "number") return null;
  const by = change.after - change.before;
  return html`<small class="by">${by > 0 ? "+" : "−"}${count(Math.abs(by))}</small>`;
}
