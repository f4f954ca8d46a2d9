// Where one is: the fragment of the URL, so that every view has an address of its own.
import { useEffect, useState } from "./vendor/preact-htm.js";

/** Read a fragment such as `#/entities/counter/visits?version=3`. */
export function parse(fragment) {
  const text = fragment.replace(/^#\/?/, "");
  const [path, query = ""] = text.split(/\?(.*)/s);
  const [view = "", ...rest] = path.split("/").map(decoded);
  return { view: view || "overview", path: rest, query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The fragment that leads to a view; parts of a path and values may be any text. */
export function link(path, query = {}) {
  const place = path.map((part) => encodeURIComponent(part)).join("/");
  const given = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  const suffix = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${place}${suffix}`;
}

export const instanceLink = (id) => link(["instances", id]);
export const entityLink = (kind, key, query) => link(["entities", kind, key], query);

/** What leads to an address of the engine: `@kind@key` is an entity, else an orchestration. */
export function addressLink(address) {
  const found = /^@([^@]+)@(.*)$/s.exec(address);
  return found ? entityLink(found[1], found[2]) : instanceLink(address);
}

/** Go somewhere; *replace* leaves no step to go back to. */
export function go(fragment, { replace = false } = {}) {
  if (fragment === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", fragment);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The present address; whoever uses it is drawn again when it changes. */
export function useAddress() {
  const [address, setAddress] = useState(() => parse(location.hash));
  useEffect(() => {
    const look = () => setAddress(parse(location.hash));
    addEventListener("hashchange", look);
    addEventListener("popstate", look);
    return () => {
      removeEventListener("hashchange", look);
      removeEventListener("popstate", look);
    };
  }, []);
  return address;
}
