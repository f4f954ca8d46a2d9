// Small pieces of text that mean something: times, statuses, addresses.
import { addressLink } from "../address.js";
import { ago, local, utc } from "../format.js";
import { html } from "../vendor/preact-htm.js";

/** A moment in local time; UTC on hover. */
export function Time({ at, relative = false }) {
  if (!at) return html`<span class="faint">–</span>`;
  const date = at instanceof Date ? at : new Date(at);
  const text = relative ? ago(date) : local(date);
  return html`<time datetime=${date.toISOString()} title=${utc(date)}>${text}</time>`;
}

/** A status as a dot and a word. */
export const Status = ({ status }) =>
  html`<span class="status" data-status=${status}><i aria-hidden="true" />${status}</span>`;

/** The address of an orchestration or an entity, as a link to it. */
export const Address = ({ address }) =>
  html`<a class="mono" href=${addressLink(address)}>${address}</a>`;

const UTC = /(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)/;

/** Words of the server's, with the times in them as times. */
export const Said = ({ text }) =>
  text.split(UTC).map((part) => (UTC.test(part) ? html`<${Time} at=${part.replace(" ", "T")} />` : part));

/** A name and a value, in lists of facts. */
export const Fact = ({ name, children }) =>
  html`<div class="fact"><dt>${name}</dt><dd>${children}</dd></div>`;

export const Tags = ({ tags }) =>
  Object.entries(tags ?? {}).map(
    ([name, value]) => html`<span class="tag" key=${name}>${name}=${value}</span>`,
  );
