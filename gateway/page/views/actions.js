// What can be asked of an orchestration: a button for each, and a dialog before anything is done.
import * as api from "../api.js";
import { go, instanceLink, link } from "../address.js";
import { Dialog } from "../parts/dialog.js";
import { html, useState } from "../vendor/preact-htm.js";

const REASON = [{ name: "reason", label: "Reason" }];
const LIVE = ["Pending", "Running", "Suspended"];
const OVER = ["Completed", "Failed", "Terminated", "Canceled"];

const ACTIONS = [
  {
    name: "raise", verb: "Raise event", when: LIVE,
    text: "It is told once, and on disk when this returns.",
    fields: [{ name: "name", label: "Event" }, { name: "data", label: "Data", kind: "json", hint: "JSON" }],
    act: (id, { name, data }) => api.raiseEvent(id, name, data),
  },
  { name: "suspend", verb: "Suspend", when: ["Pending", "Running"], text: "It takes note of nothing until it is resumed; what has begun goes on.", fields: REASON },
  { name: "resume", verb: "Resume", when: ["Suspended"], text: "It goes on where it was.", fields: REASON },
  { name: "cancel", verb: "Cancel", when: LIVE, text: "It is asked to end in its own way, and may clean up first.", fields: REASON },
  { name: "terminate", verb: "Terminate", when: LIVE, danger: true, text: "It ends at once, and its children with it. Nothing of its code runs any more.", fields: REASON },
  { name: "rewind", verb: "Rewind", when: ["Failed"], text: "It goes on from before its failure; what had succeeded is not done again.", fields: REASON },
  {
    name: "restart", verb: "Restart", when: OVER, text: "Another run begins with the same input.",
    fields: [{ name: "fresh", label: "Under a new id", kind: "check", value: true }],
    act: async (id, { fresh }) => go(instanceLink(await api.restart(id, fresh))),
  },
  {
    name: "purge", verb: "Purge", when: OVER, role: "admin", danger: true, text: "It is forgotten, with its history and its finished children. This cannot be taken back.",
    act: async (id) => {
      await api.purge(id);
      go(link(["instances"]));
    },
  },
];

export function Actions({ state, done }) {
  const [asked, setAsked] = useState(null);
  const id = state.instanceId;
  const act = async (values) => {
    await (asked.act ?? ((whose, { reason }) => api.control(whose, asked.name, reason)))(id, values);
    done();
  };
  return html`
    <div class="actions" role="group" aria-label="Actions">
      ${ACTIONS.filter((action) => action.when.includes(state.runtimeStatus)).map((action) => html`
        <button key=${action.name} type="button" data-action=${action.name} disabled=${!api.may(action.role ?? "operate")} class=${action.danger ? "danger" : ""} onClick=${() => setAsked(action)}>${action.verb}</button>
      `)}
    </div>
    ${asked && html`
      <${Dialog} title=${`${asked.verb}: ${id}`} verb=${asked.verb} fields=${asked.fields} danger=${asked.danger} act=${act} close=${() => setAsked(null)}>${asked.text}<//>
    `}
  `;
}
