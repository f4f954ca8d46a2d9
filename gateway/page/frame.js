// The frame around every view: where one can go, light and dark, and the keys.
import { logout, whoAmI } from "./api.js";
import { go, link, useAddress } from "./address.js";
import { html, useEffect, useState } from "./vendor/preact-htm.js";

const PLACES = [
  ["overview", "Overview", "M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-4H4z"],
  ["entities", "Entities", "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5l8-4.5M12 12v9"],
  ["instances", "Instances", "M4 6h9M8 12h12M11 18h7"],
  ["log", "Log", "M5 6h14M5 12h14M5 18h8"],
  ["quarantine", "Quarantine", "M12 4l9 16H3zM12 10v4M12 17v.5"],
  ["schedules", "Schedules", "M12 4a8 8 0 100 16a8 8 0 000-16M12 8v4l3 2"],
];

const KEYS = [
  ["/", "search"],
  ["↑ ↓", "through a list"],
  ["Enter", "open"],
  ["Esc", "back, or out of a search"],
  ["← →", "through versions, on the time slider"],
  ["g then o e i l q s", "go to a view"],
  ["t", "light or dark"],
  ["?", "these keys"],
];

/** @param views what draws each place: `(address) => vnode`. */
export function Frame({ views }) {
  const address = useAddress();
  const [help, setHelp] = useState(false);
  useKeys(() => setHelp((shown) => !shown), () => setHelp(false));
  useEffect(() => {
    const parts = [...address.path, address.view].filter(Boolean).join(" · ");
    document.title = `${parts} – perdure`;
    document.getElementById("view")?.scrollTo?.(0, 0);
  }, [address.view, address.path.join("/")]);
  const View = views[address.view];
  return html`
    <a class="skip" href="#view" onClick=${skip}>To the content</a>
    <header class="bar">
      <a class="brand" href=${link(["overview"])}><img src="page/icon.svg" alt="" width="24" height="24" /><span>perdure</span></a>
      <nav aria-label="Views">
        ${PLACES.map(([place, name, icon]) => html`
          <a key=${place} href=${link([place])} aria-current=${address.view === place ? "page" : undefined} title=${name}>
            <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d=${icon} /></svg><span>${name}</span>
          </a>
        `)}
      </nav>
      <div class="bar-end">
        <button type="button" class="round" aria-label="Keys" title="Keys (?)" onClick=${() => setHelp(!help)}>?</button>
        <${ThemeButton} />
        <${LogoutButton} />
      </div>
    </header>
    <main id="view" tabindex="-1">
      ${View ? html`<${View} key=${address.view} path=${address.path} query=${address.query} />` : html`<${Nowhere} />`}
    </main>
    ${help && html`<${Help} close=${() => setHelp(false)} />`}
  `;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("view").focus();
}

function ThemeButton() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme);
  useEffect(() => {
    const watch = new MutationObserver(() => setTheme(document.documentElement.dataset.theme));
    watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => watch.disconnect();
  }, []);
  const other = theme === "dark" ? "Light" : "Dark";
  return html`
    <button type="button" class="round" aria-label=${`${other} colours`} title=${`${other} colours (t)`} onClick=${() => globalThis.switchTheme()}>
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><circle cx="12" cy="12" r="8" /><path d="M12 4a8 8 0 010 16z" /></svg>
    </button>
  `;
}

function LogoutButton() {
  const { name, role, by } = whoAmI();
  if (by !== "session") return null;
  return html`
    <button type="button" class="round" aria-label="Log out" title=${`Log out (${name}, ${role})`} onClick=${logout}>
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" class="lines"><path d="M10 5H5v14h5M14 8l4 4l-4 4M18 12H9" /></svg>
    </button>
  `;
}

const Nowhere = () => html`
  <div class="state empty"><strong>There is no such view.</strong><a href=${link(["overview"])}>To the overview</a></div>
`;

const Help = ({ close }) => html`
  <aside class="keys" aria-label="Keys">
    <h2>Keys</h2>
    <dl>${KEYS.map(([key, does]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${does}</dd></div>`)}</dl>
    <button type="button" onClick=${close}>Close</button>
  </aside>
`;

/** Keys that work everywhere, unless something is being written or asked. */
function useKeys(toggleHelp, closeHelp) {
  useEffect(() => {
    let led = 0;
    const onKey = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const writing = event.target.matches?.("input:not([type=range]), textarea, select");
      if (event.key === "Escape") {
        closeHelp();
        escape(event, writing);
        return;
      }
      if (writing) return;
      const place = PLACES.find(([name]) => name[0] === event.key);
      if (Date.now() - led < 1_500 && place) {
        led = 0;
        go(link([place[0]]));
        return;
      }
      const acts = { "/": focusSearch, t: () => globalThis.switchTheme(), "?": toggleHelp, g: () => (led = Date.now()), ArrowDown: () => focusFirst(event) };
      if (!acts[event.key]) return;
      if (event.key === "/") event.preventDefault();
      acts[event.key]();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function focusSearch() {
  const field = document.querySelector("input[type=search]");
  field?.focus();
  field?.select();
}

/** From anywhere else, down leads into the list. */
function focusFirst(event) {
  if (event.target !== document.body && event.target.id !== "view") return;
  const first = document.querySelector("#view .list-row :is(a, button)");
  if (!first) return;
  event.preventDefault();
  first.focus();
}

function escape(event, writing) {
  if (writing) {
    event.target.blur();
    return;
  }
  document.querySelector("[data-back]")?.click();
}
