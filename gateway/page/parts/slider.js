// The time slider of an entity: any version of its past, by hand, by key or played.
import { count } from "../format.js";
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { Time } from "./words.js";

const MOST_TICKS = 240;
const PLAY_MILLIS = 350;

/**
 * @param first the oldest version that can be seen; 0 is before the first event.
 * @param last the newest.
 * @param at which one is seen.
 * @param move told to see another.
 * @param event what made this version, as far as it is known.
 */
export function Slider({ first, last, at, move, event }) {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return undefined;
    if (at >= last) {
      setPlaying(false);
      return undefined;
    }
    const timer = setTimeout(() => move(at + 1), PLAY_MILLIS);
    return () => clearTimeout(timer);
  }, [playing, at, last]);
  const isNow = at === last;
  const to = (version) => () => {
    setPlaying(false);
    move(Math.min(last, Math.max(first, version)));
  };
  const play = () => {
    if (!playing && isNow) move(first);
    setPlaying(!playing);
  };
  return html`
    <section class="slider" aria-label="Time slider">
      <div class="slider-says" aria-live="polite">
        <strong>Version ${count(at)}</strong>
        <span class="faint">of ${count(last)}</span>
        ${isNow ? html`<span class="badge now">now</span>` : html`<span class="badge past">in the past</span>`}
        <span class="grow" />
        ${event ? html`<span><code>${event.operation}</code> <${Time} at=${event.time} /></span>` : at === 0 && html`<span class="faint">before its first event</span>`}
      </div>
      <div class="slider-track">
        <${Ticks} first=${first} last=${last} at=${at} />
        <input
          type="range"
          aria-label="Version"
          aria-valuetext=${`version ${at} of ${last}`}
          min=${first}
          max=${last}
          value=${at}
          style=${{ "--done": `${last > first ? ((at - first) / (last - first)) * 100 : 100}%` }}
          onInput=${(e) => to(Number(e.target.value))()}
        />
      </div>
      <div class="slider-buttons" role="group" aria-label="Steps in time">
        <${Step} label="First version" icon=${ICONS.first} off=${at <= first} act=${to(first)} />
        <${Step} label="One version back" icon=${ICONS.back} off=${at <= first} act=${to(at - 1)} />
        <button type="button" class="main round" aria-label=${playing ? "Stop" : "Play"} title=${playing ? "Stop" : "Play"} disabled=${first === last} onClick=${play}>
          <${Icon} path=${playing ? ICONS.stop : ICONS.play} />
        </button>
        <${Step} label="One version on" icon=${ICONS.on} off=${isNow} act=${to(at + 1)} />
        <${Step} label="Now" icon=${ICONS.last} off=${isNow} act=${to(last)} />
      </div>
    </section>
  `;
}

const ICONS = {
  first: "M4 3h2v10H4zM13 3v10L6.5 8z",
  back: "M11 3v10L4.5 8z",
  play: "M5 2.5v11L13.5 8z",
  stop: "M4 3h3v10H4zM9 3h3v10H9z",
  on: "M5 3v10L11.500 8z",
  last: "M10 3h2v10h-2zM3 3v10L9.500 8z",
};

const Icon = ({ path }) => html`<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d=${path} /></svg>`;

const Step = ({ label, icon, off, act }) => html`
  <button type="button" class="round step" aria-label=${label} title=${label} disabled=${off} onClick=${act}>
    <${Icon} path=${icon} />
  </button>
`;

/** A line for each version, as long as there are not too many to tell apart. */
function Ticks({ first, last, at }) {
  const steps = last - first;
  if (steps < 1 || steps > MOST_TICKS) return null;
  const lines = Array.from({ length: steps + 1 }, (_, place) => {
    const version = first + place;
    const x = (place / steps) * 100;
    return html`<line key=${version} x1="${x}%" x2="${x}%" y1="0" y2="8" data-done=${version <= at} />`;
  });
  return html`<svg class="slider-ticks" height="8" aria-hidden="true">${lines}</svg>`;
}
