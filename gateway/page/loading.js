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
 * A list that grows page by page as one goes down. Read again, it stays until its new first page
 * is there.
 *
 * @param load asks for the page behind a token: `{items, next}`.
 * @returns {{items, next, error, busy, more, again}} *more* asks for the page behind the last.
 */
export function usePages(load, given) {
  const name = JSON.stringify(given);
  const nothing = { items: [], next: "", error: null, busy: true, of: name };
  const [state, setState] = useState(nothing);
  const [turn, setTurn] = useState(0);
  const asked = useRef(load);
  asked.current = load;
  const now = useRef(null);
  const ask = (token, before) => {
    now.current?.abort();
    const stop = (now.current = new AbortController());
    const put = (next) => stop.signal.aborted || setState(next);
    setState((old) => (old.of === name ? { ...old, error: null, busy: true } : nothing));
    asked.current(token, stop.signal).then(
      (page) => {
        if (stop.signal.aborted) return;
        // A long search ends its pages early, also empty ones: it goes on by itself.
        if (!page.items.length && page.next) ask(page.next, before);
        else put({ items: [...before, ...page.items], next: page.next, error: null, busy: false, of: name });
      },
      (error) => put((old) => ({ ...old, error, busy: false })),
    );
  };
  useEffect(() => {
    ask("", []);
    return () => now.current?.abort();
  }, [name, turn]);
  const fresh = state.of === name ? state : nothing;
  const more = () => {
    if (!fresh.busy && !fresh.error && fresh.next) ask(fresh.next, fresh.items);
  };
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
