// The past of one entity as the page reads it: states at versions, and events in pages.
import * as api from "./api.js";
import { useEffect, useReducer, useRef } from "./vendor/preact-htm.js";

export const PAGE = 100;
const MOST_STATES = 400;
const MOST_PAGES = 200;

/** The past of an entity; what was read once is kept, as the past does not change. */
export class Past {
  #states = new Map();
  #pages = new Map();
  #asking = new Set();
  #changed;

  constructor(kind, key, changed) {
    this.kind = kind;
    this.key = key;
    this.#changed = changed;
  }

  /** The state at a version: `{state}` (undefined for none), `{error}`, or null while it comes. */
  state(version) {
    const known = this.#states.get(version);
    if (known) return known;
    this.#ask(`state ${version}`, async () => {
      const found = await api.asOf(this.kind, this.key, version).then((state) => ({ state }), (error) => ({ error }));
      keep(this.#states, version, found, MOST_STATES);
    });
    return null;
  }

  put(version, state) {
    keep(this.#states, version, { state }, MOST_STATES);
  }

  /** The event that made a version, `undefined` if it was purged, or null while it comes. */
  event(version, last) {
    const page = Math.floor((version - 1) / PAGE);
    const known = this.#pages.get(page);
    const isWhole = known && (known.upTo >= Math.min(last, (page + 1) * PAGE) || version <= known.upTo);
    if (isWhole) return known.events.get(version);
    this.#ask(`page ${page}`, async () => {
      const events = await api.entityHistory(this.kind, this.key, page * PAGE, PAGE).catch(() => []);
      keep(this.#pages, page, { events: new Map(events.map((event) => [event.version, event])), upTo: last }, MOST_PAGES);
    });
    return known?.events.get(version) ?? null;
  }

  /** At most a few at once: who drags through versions asks for many. */
  #ask(name, read) {
    if (this.#asking.has(name) || this.#asking.size >= 4) return;
    this.#asking.add(name);
    read().finally(() => {
      this.#asking.delete(name);
      this.#changed();
    });
  }
}

function keep(map, name, value, most) {
  map.delete(name);
  map.set(name, value);
  if (map.size > most) map.delete(map.keys().next().value);
}

/** The past of an entity; who uses it is drawn again when more of it is known. */
export function usePast(kind, key) {
  const [, draw] = useReducer((number) => number + 1, 0);
  const past = useRef(null);
  const alive = useRef(true);
  useEffect(() => () => (alive.current = false), []);
  past.current ??= new Past(kind, key, () => alive.current && draw());
  return past.current;
}
