// What the page asks of the server: one function for each question, and streams of what changes.
import { useEffect, useRef, useState } from "./vendor/preact-htm.js";

const OURS = "api/v1";
const FIELD = "runtime/webhooks/durabletask";
const NEXT = "x-ms-continuation-token";
const AGAIN_MILLIS = 250;

/** The server refused, or did not answer (status 0). */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const part = (text) => encodeURIComponent(text);
const given = (query) => Object.entries(query).filter(([, value]) => value !== "" && value != null && value !== undefined);
const at = (path, query = {}) => {
  const pairs = given(query);
  return new URL(`${path}${pairs.length ? `?${new URLSearchParams(pairs)}` : ""}`, document.baseURI);
};

async function ask(url, { method = "GET", body, headers = {}, signal } = {}) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(url, { method, body, headers: { ...json, ...headers }, signal, credentials: "same-origin" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "There is no answer from the server.");
  }
  const text = await answer.text();
  const content = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new ApiError(answer.status, content?.Message ?? `The server answered ${answer.status}.`);
  return { content, next: answer.headers.get(NEXT) ?? "" };
}

const get = async (path, query, signal) => (await ask(at(path, query), { signal })).content;
const send = async (path, query, value, method = "POST") =>
  (await ask(at(path, query), { method, body: value === undefined ? undefined : JSON.stringify(value) })).content;

async function page(path, query, token, signal) {
  const { content, next } = await ask(at(path, query), { signal, headers: token ? { [NEXT]: token } : {} });
  return { items: content, next };
}

// ---- logging in ---------------------------------------------------------------------------

const ROLES = ["read", "operate", "admin"];
let self = { name: "", role: "", by: "" };

/** Who one is: `{name, role, by}`. */
export const whoAmI = () => self;

/** Whether one has a role, or more. The server decides; this only spares a try. */
export const may = (role) => ROLES.indexOf(self.role) >= ROLES.indexOf(role);

/** Log in by the secret in the fragment, when there is one; then see who one is. */
export async function login() {
  const secret = /^#login=(.+)$/.exec(location.hash)?.[1];
  try {
    if (secret) {
      history.replaceState(null, "", location.pathname);
      await send(`${OURS}/login`, {}, { secret });
    }
    self = await get(`${OURS}/session`);
    return { allowed: true };
  } catch (error) {
    return { allowed: false, error: secret || error.status !== 401 ? error : null };
  }
}

/** End the session; the page then says how to come back. */
export async function logout() {
  await send(`${OURS}/logout`);
  location.replace(location.pathname);
}

// ---- what there is ------------------------------------------------------------------------

export const overview = (signal) => get(`${OURS}/overview`, {}, signal);
export const why = (address, signal) => get(`${OURS}/why/${part(address)}`, {}, signal);

const moment = (local) => (local ? new Date(local).toISOString() : "");

export function instances({ prefix, name, status, tag, from, to, order }, token, signal) {
  const query = {
    instanceIdPrefix: prefix,
    name,
    runtimeStatus: status,
    tag: tag.includes(":") ? tag : tag.replace("=", ":"),
    createdTimeFrom: moment(from),
    createdTimeTo: moment(to),
    order: order || "recent",
    top: 100,
  };
  return page(`${OURS}/instances`, query, token, signal);
}

export const instance = (id, signal) => get(`${OURS}/instances/${part(id)}`, {}, signal);

/** The history in the field's form, with what was passed. */
export async function instanceHistory(id, signal) {
  const query = { showHistory: true, showHistoryOutput: true, showInput: false };
  return (await get(`${FIELD}/instances/${part(id)}`, query, signal)).historyEvents;
}

export const kinds = (signal) => get(`${OURS}/entities`, {}, signal);
export const entities = (kind, prefix, token, signal) => page(`${OURS}/entities/${part(kind)}`, { prefix, top: 100 }, token, signal);

const entityPath = (kind, key) => `${OURS}/entities/${part(kind)}/${part(key)}`;
export const entity = (kind, key, signal) => get(entityPath(kind, key), {}, signal);
export const entityHistory = (kind, key, after, top) => get(`${entityPath(kind, key)}/history`, { after: String(after), top });

/** The state at a version; `undefined` when there was none. */
export const asOf = (kind, key, version) =>
  get(`${entityPath(kind, key)}/as_of`, { version: String(version) }).catch((error) => {
    if (error.status === 404) return undefined;
    throw error;
  });

export const changes = ({ of, kind, address, after }, top, signal) => get(`${OURS}/changes`, { of, kind, address, after, top }, signal);
export const quarantine = (token, signal) => page(`${OURS}/quarantine`, {}, token, signal);
export const schedules = (token, signal) => page(`${OURS}/schedules`, {}, token, signal);

// ---- what can be done ---------------------------------------------------------------------

const instancePath = (id) => `${FIELD}/instances/${part(id)}`;
export const raiseEvent = (id, name, data = null) => send(`${instancePath(id)}/raiseEvent/${part(name)}`, {}, data);
export const control = (id, what, reason) => send(`${instancePath(id)}/${what}`, { reason });
export const purge = (id) => send(instancePath(id), {}, undefined, "DELETE");

/** Begin again; the id of the new run. */
export const restart = async (id, fresh) => (await send(`${instancePath(id)}/restart`, { restartWithNewInstanceId: fresh })).id;

/** Signal an entity, or with *wait* call it. One parameter is sent as it is, several by name. */
export function operate(kind, key, operation, values, wait) {
  const names = Object.keys(values);
  const isOne = operation.parameters.length === 1;
  const body = names.length === 0 ? undefined : isOne ? values[operation.parameters[0].name] : values;
  return send(`${FIELD}/entities/${part(kind)}/${part(key)}`, { op: operation.name, wait: wait || "" }, body);
}

export const redrive = (id) => send(`${OURS}/quarantine/${id}/redrive`);
export const discard = (id) => send(`${OURS}/quarantine/${id}`, {}, undefined, "DELETE");
export const scheduleAct = (id, what, note) => send(`${OURS}/schedules/${part(id)}/${what}`, { note });

// ---- what changes -------------------------------------------------------------------------

export const instanceStream = (id) => at(`${OURS}/instances/${part(id)}/stream`).href;
export const entityStream = (kind, key) => at(`${entityPath(kind, key)}/stream`).href;

/**
 * Be told, a few times a second at most, that something changed.
 *
 * @param url of a stream; empty: there is nothing to be told.
 * @returns whether one is connected.
 */
export function useStream(url, changed) {
  const latest = useRef(changed);
  latest.current = changed;
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), [url]);
  return useEvents(url, ["status", "activities", "state", "gone"], () => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      latest.current();
    }, AGAIN_MILLIS);
  });
}

/** Be told each change of the feed behind a position. */
export function useFeed({ of, kind, address }, after, take) {
  const start = useRef(after);
  const url = at(`${OURS}/feed`, { of, kind, address, after: start.current }).href;
  return useEvents(url, ["change", "history"], (event) => take(JSON.parse(event.data)));
}

function useEvents(url, names, take) {
  const [isOpen, setOpen] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    if (!url) return undefined;
    const source = new EventSource(url);
    source.onopen = () => setOpen(true);
    source.onerror = () => setOpen(false);
    for (const name of names) source.addEventListener(name, (event) => latest.current(event));
    source.addEventListener("end", () => {
      source.close();
      setOpen(false);
    });
    return () => source.close();
  }, [url]);
  return isOpen;
}
