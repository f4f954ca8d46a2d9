// Begins: logs in by the secret of a one-time link when there is one, then draws.
import { login } from "./api.js";
import { Frame } from "./frame.js";
import { html, render } from "./vendor/preact-htm.js";
import { Entities } from "./views/entities.js";
import { Instances } from "./views/instances.js";
import { Log } from "./views/log.js";
import { Login } from "./views/login.js";
import { Overview } from "./views/overview.js";
import { Quarantine } from "./views/quarantine.js";
import { Schedules } from "./views/schedules.js";

const VIEWS = {
  overview: Overview,
  entities: Entities,
  instances: Instances,
  log: Log,
  quarantine: Quarantine,
  schedules: Schedules,
};

const root = document.getElementById("page");
const entry = await login();
render(entry.allowed ? html`<${Frame} views=${VIEWS} />` : html`<${Login} error=${entry.error} />`, root);
