// A small line that shows how a number went lately.
import { html } from "../vendor/preact-htm.js";

const WIDTH = 240;
const HEIGHT = 48;

/** @param values newest last; a gap is `null`. */
export function Spark({ values, label }) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(1e-9, ...known);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, place) => [place * step, value === null ? null : y(value, top)]);
  const drawn = points.filter(([, height]) => height !== null);
  const path = drawn.map(([x, height], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${height.toFixed(1)}`).join("");
  const area = drawn.length > 1 ? `${path}L${drawn.at(-1)[0].toFixed(1)} ${HEIGHT}L${drawn[0][0].toFixed(1)} ${HEIGHT}Z` : "";
  return html`
    <svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
      <path class="spark-area" d=${area} /><path class="spark-line" d=${path} />
    </svg>
  `;
}

const y = (value, top) => HEIGHT - 2 - (value / top) * (HEIGHT - 6);
