// A form for an operation of an entity, made from its signature; to signal it or to call it.
import * as api from "../api.js";
import { Field, read } from "../parts/dialog.js";
import { Json } from "../parts/json.js";
import { Failure } from "../parts/states.js";
import { html, useState } from "../vendor/preact-htm.js";

const UNTYPED = [{ name: "input", type: "JSON", required: false }];

/** What is known of an operation of which only the name is known: a function-style entity's. */
const untyped = (name) => ({ name, text: "", doc: "", readonly: false, parameters: UNTYPED });

export const Operate = ({ operations, kind, name, done }) => html`
  <section class="card" aria-label="Operate">
    <h2>Operate</h2>
    <${Choose} operations=${operations} kind=${kind} name=${name} done=${done} />
  </section>
`;

function Choose({ operations, kind, name, done }) {
  const [chosen, setChosen] = useState(operations[0]?.name ?? "");
  const operation = operations.find((one) => one.name === chosen) ?? untyped(chosen);
  const isKnown = operations.length > 0;
  return html`
    <label class="field"><span>Operation</span>
      ${isKnown
        ? html`<select value=${chosen} onChange=${(event) => setChosen(event.target.value)}>${operations.map((one) => html`<option key=${one.name} value=${one.name} selected=${one.name === chosen}>${one.name}${one.readonly ? " (read only)" : ""}</option>`)}</select>`
        : html`<input type="text" value=${chosen} onInput=${(event) => setChosen(event.target.value)} />`}
    </label>
    <p class="signature mono">${operation.text}</p>
    ${operation.doc && html`<p class="faint">${operation.doc}</p>`}
    <${Form} key=${isKnown ? chosen : ""} operation=${operation} kind=${kind} name=${name} done=${done} />
  `;
}

function Form({ operation, kind, name, done }) {
  const fields = operation.parameters.map(asField);
  const [values, setValues] = useState(() => Object.fromEntries(fields.map((field) => [field.name, field.value ?? ""])));
  const [state, setState] = useState({ busy: false, error: null, told: null });
  async function send(wait) {
    setState({ busy: true, error: null, told: null });
    try {
      const given = left(fields, read(fields, values));
      const result = await api.operate(kind, name, operation, given, wait);
      setState({ busy: false, error: null, told: wait ? { result } : { accepted: true } });
      done();
    } catch (error) {
      setState({ busy: false, error, told: null });
    }
  }
  const submit = (event) => {
    event.preventDefault();
    send(event.submitter?.value !== "signal");
  };
  return html`
    <form onSubmit=${submit}>
      ${fields.map((field) => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} put=${(which, value) => setValues({ ...values, [which]: value })} />`)}
      <div class="actions">
        <button type="submit" value="call" class="main" disabled=${state.busy || !operation.name || !api.may("operate")}>Call</button>
        ${!operation.readonly && html`<button type="submit" value="signal" disabled=${state.busy || !operation.name || !api.may("operate")}>Signal</button>`}
      </div>
    </form>
    <div role="status">
      ${state.error && html`<${Failure} error=${state.error} />`}
      ${state.told?.accepted && html`<p class="done">Accepted: it is on disk, and will be applied once.</p>`}
      ${state.told && !state.told.accepted && html`<div class="done">Answer: <${Json} value=${state.told.result} label="Answer" /></div>`}
    </div>
  `;
}

/** An optional parameter that is left empty is not sent: the method's own default counts. */
function left(fields, given) {
  const kept = Object.entries(given).filter(([name, value]) => {
    const field = fields.find((one) => one.name === name);
    if (value === undefined && field.required) throw new Error(`${name} is needed (${field.hint})`);
    return value !== undefined && (field.required || value !== "");
  });
  return Object.fromEntries(kept);
}

const KINDS = { int: "number", float: "number", str: "text", bool: "check" };

/** A parameter as a field; what is no plain value is written as JSON. */
function asField({ name, type, required }) {
  const kind = KINDS[type] ?? "json";
  const isCheck = kind === "check" && required;
  const hint = `${type}${required ? "" : ", optional"}${kind === "json" ? ", as JSON" : ""}`;
  return { name, kind: kind === "check" && !isCheck ? "json" : kind, label: name, hint, required, value: isCheck ? false : "" };
}
