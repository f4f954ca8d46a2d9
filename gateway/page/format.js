// Numbers, times and durations as people read them. Pure.
const whole = new Intl.NumberFormat("en");
const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const day = { year: "numeric", month: "short", day: "2-digit" };
const onlyClock = new Intl.DateTimeFormat("en-GB", clock);
const onlyDay = new Intl.DateTimeFormat("en-GB", day);

export const count = (number) => whole.format(number);

/** `1 event`, `2 events`. */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** A local time; without the day when it is today. */
export function local(date, now = new Date()) {
  const sameDay = date.toDateString() === now.toDateString();
  return sameDay ? onlyClock.format(date) : `${onlyDay.format(date)}, ${onlyClock.format(date)}`;
}

/** The same in UTC, exactly. */
export const utc = (date) => date.toISOString().replace("T", " ").replace("Z", " UTC");

const STEPS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** A duration in its two largest units: `2 d 3 h`, `4.2 s`, `13 ms`. */
export function duration(millis) {
  if (!Number.isFinite(millis)) return "–";
  if (millis < 1) return `${Math.round(millis * 1000)} µs`;
  if (millis < 1_000) return `${Math.round(millis)} ms`;
  if (millis < 10_000) return `${(millis / 1_000).toFixed(1)} s`;
  const parts = [];
  let left = Math.round(millis / 1_000) * 1_000;
  for (const [size, unit] of STEPS) {
    const number = Math.floor(left / size);
    left -= number * size;
    if (number) parts.push(`${number} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

/** How long ago, roughly. */
export function ago(date, now = Date.now()) {
  const millis = now - date.getTime();
  if (millis < 0) return `in ${duration(-millis)}`;
  return millis < 1_500 ? "just now" : `${duration(millis).split(" ").slice(0, 2).join(" ")} ago`;
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytes(number) {
  let place = 0;
  let left = number;
  while (left >= 1024 && place < UNITS.length - 1) {
    left /= 1024;
    place += 1;
  }
  return place ? `${left.toFixed(left < 10 ? 1 : 0)} ${UNITS[place]}` : plural(left, "byte");
}

/** A value in one line, cut where it gets long. */
export function brief(value, most = 60) {
  const text = value === undefined ? "–" : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
