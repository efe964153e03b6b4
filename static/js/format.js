// Numbers and times as people read them.

const whole = new Intl.NumberFormat();
const decimal = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 });
const precise = new Intl.NumberFormat(undefined, { maximumFractionDigits: 4 });
const digits = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const count = (number) => whole.format(number);
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

// A share, such as a similarity, in whole percent; 100 % stands only for all of it.
export function percent(share) {
  if (share > 0 && share < 0.005) return "under 1 %";
  return `${Math.max(0, Math.min(Math.round(100 * share), share < 0.9995 ? 99 : 100))} %`;
}

// The share of images that are at least as close, given that of those that are less: never less than it is, with two digits.
function rest(closerThan) {
  const share = 100 * (1 - closerThan);
  const step = 10 ** (Math.floor(Math.log10(share)) - 1);
  return Math.ceil(share / step - 1e-6) * step;
}

export const top = (closerThan) => `top ${two.format(rest(closerThan))} %`;

// The other side of `top`: 99.7 % for the top 0.3 %; never more than it is.
export const most = (closerThan) => `${precise.format(Math.floor(1e4 * (100 - rest(closerThan)) + 1e-3) / 1e4)} %`;

// How similar a hit is: a percentage, unless it was found by a metric, whose number has no bounds.
export function likeness({ score, metric }) {
  if (!metric) return percent(score);
  return metric === "euclidean" ? `distance ${digits.format(-score)}` : digits.format(score);
}

// What is added to a similarity, or taken from it, in percent of the whole.
export const points = (value) => `${Math.round(100 * value)} %`.replace(/^-0/, "0").replace("-", "−");
export const date = (seconds) => moment.format(new Date(seconds * 1000));

export function bytes(number) {
  const units = ["bytes", "kB", "MB", "GB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${decimal.format(number)} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

// A time in a film: 0:12, 1:03:07.
export function clock(seconds) {
  const [whole, two] = [Math.floor(seconds), (number) => String(number).padStart(2, "0")];
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

export const rate = (perSecond) => `${decimal.format(perSecond)} images/s`;

// The last part of a path, for captions; the whole path is in the large view.
export const basename = (path) => path.slice(path.lastIndexOf("/") + 1);
