// A list of any length, of which only the rows in sight are drawn.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";

const MOST_PIXELS = 8_000_000;
/** Browsers draw nothing beyond some 30 million pixels; above this, scrolling is scaled. */
const SPARE = 6;

/**
 * @param count of rows.
 * @param height of a row in pixels.
 * @param row draws one: `(index) => vnode`; its first link or button takes the focus.
 * @param seen told what is in sight: `(first, last)`.
 * @param at a row that is brought into sight whenever it changes.
 */
export function List({ count, height, row, label, seen, at, tall = "fill" }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, room: 600 });
  const wanted = useRef(null);
  const total = count * height;
  const scroll = Math.min(total, MOST_PIXELS);
  const scale = scroll > view.room ? (total - view.room) / (scroll - view.room) : 1;
  const top = view.top * scale;
  const first = Math.max(0, Math.floor(top / height) - SPARE);
  const last = Math.min(count, Math.ceil((top + view.room) / height) + SPARE);

  useLayoutEffect(() => {
    const look = () => setView({ top: box.current.scrollTop, room: box.current.clientHeight });
    const watch = new ResizeObserver(look);
    watch.observe(box.current);
    look();
    return () => watch.disconnect();
  }, []);
  useEffect(() => seen?.(first, last), [first, last, count]);
  useLayoutEffect(() => {
    if (at != null) reveal(at);
  }, [at, count > 0]);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const found = box.current.querySelector(`[data-row="${wanted.current}"] :is(a, button)`);
    if (found) {
      wanted.current = null;
      found.focus({ preventScroll: true });
    }
  });

  function reveal(index) {
    const node = box.current;
    const start = index * height;
    const from = node.scrollTop * scale;
    if (start < from) node.scrollTop = start / scale;
    else if (start + height > from + node.clientHeight) node.scrollTop = (start + height - node.clientHeight) / scale;
    setView({ top: node.scrollTop, room: node.clientHeight });
  }

  function onKey(event) {
    const current = event.target.closest("[data-row]");
    if (!current || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.matches("input, select, textarea")) return;
    const place = Number(current.dataset.row);
    const page = Math.max(1, Math.floor(view.room / height) - 1);
    const steps = { ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page, PageUp: place - page, Home: 0, End: count - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = Math.min(count - 1, Math.max(0, steps[event.key]));
    wanted.current = next;
    reveal(next);
  }

  const rows = [];
  for (let index = first; index < last; index += 1) {
    const offset = index * height - top + view.top;
    rows.push(html`
      <div
        class="list-row"
        role="listitem"
        key=${index}
        data-row=${index}
        aria-setsize=${count}
        aria-posinset=${index + 1}
        style=${{ height: `${height}px`, transform: `translateY(${offset}px)` }}
      >${row(index)}</div>
    `);
  }
  const look = () => setView({ top: box.current.scrollTop, room: box.current.clientHeight });
  return html`
    <div class="list" data-tall=${tall} ref=${box} onScroll=${look} onKeyDown=${onKey} tabindex="-1">
      <div class="list-all" role="list" aria-label=${label} style=${{ height: `${scroll}px` }}>${rows}</div>
    </div>
  `;
}
