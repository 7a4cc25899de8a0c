/* Plain measures on arrays of numbers. */

export const finite = (values) => values.filter(Number.isFinite);

export function sorted(values) {
  return Float64Array.from(values).sort(); // nan comes last
}

/* Ascending, none twice. */
export const unique = (values) =>
  sorted(values).filter((v, i, all) => v !== all[i - 1]);

export function median(values) {
  if (!values.length) return Number.NaN;
  const all = sorted(values),
    half = all.length >> 1;
  return all.length % 2 ? all[half] : (all[half - 1] + all[half]) / 2;
}

export function mean(values) {
  let total = 0;
  for (const value of values) total += value;
  return total / values.length;
}

export function deviation(values) {
  const middle = mean(values);
  let total = 0;
  for (const value of values) total += (value - middle) ** 2;
  return Math.sqrt(total / values.length);
}

/* Of what need not be short, since arguments are few. */
export const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
export const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

export const differences = (values) => values.slice(1).map((v, i) => v - values[i]);

/* The first place whose value is not below `value`; with `right`, is above it. */
export function place(all, value, right = false) {
  let low = 0,
    high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (right ? all[middle] <= value : all[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* By place i the median of values[i - behind .. i + ahead], as far as those are there and
   are numbers; nan where there are fewer than `fewest`. */
export function rolling(values, behind, ahead, fewest) {
  const found = new Float64Array(values.length),
    window = [];
  const enter = (v) => Number.isNaN(v) || window.splice(place(window, v), 0, v);
  const leave = (v) => Number.isNaN(v) || window.splice(place(window, v), 1);
  for (let i = 0; i < Math.min(ahead, values.length); i++) enter(values[i]);
  for (let i = 0; i < values.length; i++) {
    const next = i + ahead;
    if (next >= 0 && next < values.length) enter(values[next]);
    if (i - behind > 0) leave(values[i - behind - 1]);
    const half = window.length >> 1;
    if (window.length < fewest) found[i] = Number.NaN;
    else
      found[i] =
        window.length % 2 ? window[half] : (window[half - 1] + window[half]) / 2;
  }
  return found;
}

/* Where runs of true begin. */
export const starts = (flags) =>
  Array.from(flags.keys()).filter((i) => flags[i] && !flags[i - 1]);
