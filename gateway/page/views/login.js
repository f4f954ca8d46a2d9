// What is shown to who has not logged in: how to.
import { html } from "../vendor/preact-htm.js";

export const Login = ({ error }) => html`
  <main id="view" class="login">
    <img src="page/icon.svg" alt="" width="48" height="48" />
    <h1>perdure</h1>
    <p>Open the one-time link that <code>perdure serve</code> shows at its start.</p>
    <p class="faint">It works once; <code>perdure token link</code> gives another.</p>
    ${error && html`<p class="state failure" role="alert">${error.message}</p>`}
  </main>
`;
