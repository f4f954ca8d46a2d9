// What a view shows instead of data: it is loading, there is nothing, or it failed; and what to do.
import { html } from "../vendor/preact-htm.js";

export const Loading = ({ what = "Loading" }) =>
  html`<p class="state" role="status"><span class="pulse" aria-hidden="true" />${what}…</p>`;

export const Empty = ({ title, children }) =>
  html`<div class="state empty"><strong>${title}</strong><span>${children}</span></div>`;

const REMEDIES = {
  0: "The server does not answer. Is it still running?",
  401: "You are not logged in any more. Open the link that the server shows at its start.",
  403: "Your role does not allow this.",
  404: "It may have been purged, or never been there.",
  429: "Too much waits already. Try again in a moment.",
  503: "The store takes nothing for now: look at its disk.",
};

/** An error, in the server's words, with what helps. */
export const Failure = ({ error, again }) => html`
  <div class="state failure" role="alert">
    <strong>${error.message}</strong>
    <span>${REMEDIES[error.status] ?? ""}</span>
    ${again && html`<button type="button" class="quiet" onClick=${again}>Try again</button>`}
  </div>
`;

/** The data of a load, or what stands for it. */
export function Shown({ load, what, children }) {
  if (load.data !== null) {
    return html`${load.error && html`<${Failure} error=${load.error} again=${load.again} />`}${children(load.data)}`;
  }
  if (load.error) return html`<${Failure} error=${load.error} again=${load.again} />`;
  return html`<${Loading} what=${what} />`;
}
