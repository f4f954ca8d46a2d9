// JSON as a tree that folds: deep and long parts are drawn only when they are opened.
import { html, useState } from "../vendor/preact-htm.js";
import { place } from "../difference.js";
import { count, plural } from "../format.js";

const CHUNK = 100;
const LONG = 400;

/**
 * @param value any JSON value; `undefined` shows as nothing there.
 * @param marks places (of `difference.js`) that changed, as a Map to "added" or "changed".
 * @param open how many levels are open at first.
 */
export function Json({ value, marks, open = 2, label = "JSON" }) {
  if (value === undefined) return html`<span class="faint">nothing</span>`;
  return html`
    <div class="json" role="group" aria-label=${label}>
      <${Node} value=${value} path=${[]} marks=${marks} open=${open} />
    </div>
  `;
}

function Node({ name, value, path, marks, open }) {
  const mark = marks?.get(place(path));
  const isTree = typeof value === "object" && value !== null;
  return html`
    <div class="json-node" data-mark=${mark}>
      ${isTree
        ? html`<${Branch} name=${name} value=${value} path=${path} marks=${marks} open=${open} />`
        : html`<${Name} name=${name} /><${Leaf} value=${value} />`}
    </div>
  `;
}

const Name = ({ name }) => name !== undefined && html`<span class="json-name">${`${name}: `}</span>`;

function Branch({ name, value, path, marks, open }) {
  const isList = Array.isArray(value);
  const names = Object.keys(value);
  const [isOpen, setOpen] = useState(open > 0 && names.length <= CHUNK);
  const [shown, setShown] = useState(CHUNK);
  if (!names.length) return html`<${Name} name=${name} /><span class="faint">${isList ? "[ ]" : "{ }"}</span>`;
  const size = plural(names.length, isList ? "item" : "field");
  return html`
    <button type="button" class="json-fold" aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)}>
      <${Name} name=${name} /><span class="json-size">${isList ? `[ ${size} ]` : `{ ${size} }`}</span>
    </button>
    ${isOpen &&
    html`<div class="json-inside">
      ${names.slice(0, shown).map(
        (inner) => html`
          <${Node} key=${inner} name=${inner} value=${value[inner]} path=${[...path, inner]} marks=${marks} open=${open - 1} />
        `,
      )}
      ${shown < names.length &&
      html`<button type="button" class="quiet" onClick=${() => setShown(shown + 10 * CHUNK)}>
        ${count(names.length - shown)} more
      </button>`}
    </div>`}
  `;
}

function Leaf({ value }) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value !== "string") {
    return html`<span class="json-value" data-type=${value === null ? "null" : typeof value}>${String(value)}</span>`;
  }
  if (value.length <= LONG || isWhole) return html`<span class="json-value" data-type="string">${JSON.stringify(value)}</span>`;
  return html`
    <span class="json-value" data-type="string">${JSON.stringify(value.slice(0, LONG))}</span>
    <button type="button" class="quiet" onClick=${() => setWhole(true)}>all ${count(value.length)} characters</button>
  `;
}
