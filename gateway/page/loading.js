// Loading what a view shows: its data, whether it is on its way, and what went wrong.
import { useCallback, useEffect, useRef, useState } from "./vendor/preact-htm.js";

/**
 * Load again whenever one of *given* changes. What was shown stays until the new is there, unless
 * it is of something else (*given* changed).
 *
 * @param load asks for it, with an AbortSignal.
 * @returns {{data, error, busy, again}} *again* loads once more.
 */
export function useLoaded(load, given) {
  const [state, setState] = useState({ data: null, error: null, busy: true, of: null });
  const [turn, setTurn] = useState(0);
  const underWay = useRef({ busy: false, again: false });
  const name = JSON.stringify(given);
  const asked = useRef(load);
  asked.current = load;
  useEffect(() => {
    const stop = new AbortController();
    const mine = (underWay.current = { busy: true, again: false });
    const end = (next) => {
      if (stop.signal.aborted) return;
      mine.busy = false;
      setState(next);
      if (mine.again) setTurn((number) => number + 1);
    };
    setState((old) => (old.of === name ? { ...old, busy: true } : { data: null, error: null, busy: true, of: name }));
    asked.current(stop.signal).then(
      (data) => end({ data, error: null, busy: false, of: name }),
      (error) => end((old) => ({ data: old.of === name ? old.data : null, error, busy: false, of: name })),
    );
    return () => stop.abort();
  }, [name, turn]);
  const again = useCallback(() => {
    if (underWay.current.busy) underWay.current.again = true;
    else setTurn((number) => number + 1);
  }, []);
  const fresh = state.of === name ? state : { data: null, error: null, busy: true };
  return { data: fresh.data, error: fresh.error, busy: fresh.busy, again };
}

/**
 * A list that grows page by page as one goes down.
 *
 * @param load asks for the page behind a token: `{items, next}`.
 */
export function usePages(load, given) {
  const name = JSON.stringify(given);
  const [state, setState] = useState({ items: [], next: "", error: null, busy: false, of: name });
  const [turn, setTurn] = useState(0);
  const asked = useRef(load);
  asked.current = load;
  const now = useRef(null);
  const ask = useCallback((token, items, of) => {
    now.current?.abort();
    const stop = (now.current = new AbortController());
    setState({ items, next: token, error: null, busy: true, of });
    asked.current(token, stop.signal).then(
      (page) => {
        if (stop.signal.aborted) return;
        // A long search ends its pages early, also empty ones: it goes on by itself.
        if (!page.items.length && page.next) ask(page.next, items, of);
        else setState({ items: [...items, ...page.items], next: page.next, error: null, busy: false, of });
      },
      (error) => stop.signal.aborted || setState({ items, next: token, error, busy: false, of }),
    );
  }, []);
  useEffect(() => {
    ask("", [], name);
    return () => now.current?.abort();
  }, [name, turn]);
  const more = () => {
    if (!state.busy && !state.error && state.next) ask(state.next, state.items, name);
  };
  const fresh = state.of === name ? state : { items: [], next: "", error: null, busy: true };
  return { ...fresh, more, again: () => setTurn((number) => number + 1) };
}

/** Do something every so many milliseconds while the page is seen. */
export function useEvery(millis, act) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || latest.current(), millis);
    return () => clearInterval(timer);
  }, [millis]);
}

/** Values that change quickly, at rest: the last one, once nothing new came for a while. */
export function useSettled(value, millis) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), millis);
    return () => clearTimeout(timer);
  }, [value, millis]);
  return settled;
}
