// Numbers and times as people read them.

const whole = new Intl.NumberFormat();
const decimal = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const count = (number) => whole.format(number);
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

// A share, such as a similarity, in whole percent; 100 % stands only for all of it.
export function percent(share) {
  if (share > 0 && share < 0.005) return "under 1 %";
  return `${Math.max(0, Math.min(Math.round(100 * share), share < 0.9995 ? 99 : 100))} %`;
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

export const rate = (perSecond) => `${decimal.format(perSecond)} images/s`;

// The last part of a path, for captions; the whole path is in the large view.
export const basename = (path) => path.slice(path.lastIndexOf("/") + 1);
