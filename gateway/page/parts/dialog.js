// A dialog that asks before something is done, and takes what it needs to know.
import { html, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Failure } from "./states.js";

/**
 * @param fields what is asked: `{name, label, kind: "text" | "json" | "check", value, hint}`.
 * @param act does it with the values by name; the dialog closes when it is done.
 * @param danger it cannot be taken back.
 */
export function Dialog({ title, children, fields = [], verb, danger = false, act, close }) {
  const box = useRef(null);
  const [values, setValues] = useState(() => Object.fromEntries(fields.map((f) => [f.name, f.value ?? ""])));
  const [state, setState] = useState({ busy: false, error: null });
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = box.current;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  async function submit(event) {
    event.preventDefault();
    setState({ busy: true, error: null });
    try {
      await act(read(fields, values));
      close();
    } catch (error) {
      setState({ busy: false, error });
    }
  }
  const put = (name, value) => setValues({ ...values, [name]: value });
  return html`
    <dialog ref=${box} aria-label=${title} onCancel=${close} onClick=${(e) => e.target === box.current && close()}>
      <form onSubmit=${submit}>
        <h2>${title}</h2>
        <div class="dialog-text">${children}</div>
        ${fields.map((field) => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} put=${put} />`)}
        ${state.error && html`<${Failure} error=${state.error} />`}
        <div class="dialog-buttons">
          <button type="button" onClick=${close}>Back</button>
          <button type="submit" class=${danger ? "danger" : "main"} disabled=${state.busy}>${verb}</button>
        </div>
      </form>
    </dialog>
  `;
}

/** One thing that is asked, with its name. */
export function Field({ field, value, put }) {
  const { name, label = name, kind = "text", hint } = field;
  const id = `field-${name}`;
  const set = (event) => put(name, kind === "check" ? event.target.checked : event.target.value);
  const control = {
    check: () => html`<input id=${id} type="checkbox" checked=${Boolean(value)} onChange=${set} />`,
    json: () => html`<textarea id=${id} class="mono" rows="3" spellcheck=${false} value=${value} onInput=${set} />`,
    number: () => html`<input id=${id} type="number" step="any" value=${value} onInput=${set} />`,
    text: () => html`<input id=${id} type="text" autocomplete="off" value=${value} onInput=${set} />`,
  }[kind]();
  return html`
    <label class="field" data-kind=${kind} for=${id}>
      <span>${label}${hint && html`<small>${hint}</small>`}</span>${control}
    </label>
  `;
}

/** What the fields mean; empty JSON is `undefined`. */
export function read(fields, values) {
  return Object.fromEntries(fields.map((field) => [field.name, meant(field, values[field.name])]));
}

function meant(field, value) {
  if (field.kind === "number") {
    if (String(value).trim() === "") return undefined;
    return Number(value);
  }
  if (field.kind !== "json") return value;
  if (!value.trim()) return undefined;
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new Error(`${field.label ?? field.name} is not JSON (${error.message}); put text in quotes`);
  }
}
