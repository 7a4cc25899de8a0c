/* Measures on curves, accuracies as shares: mocolib/analysis/curves.py and leads.py. */

import {
  deviation,
  differences,
  largest,
  mean,
  median,
  rolling,
  starts,
} from "./arrays.js";
import { rules } from "./rules.js";

const centred = (values, width) => rolling(values, width >> 1, width >> 1, 1);

export function jitter(knn) {
  const level = centred(knn, rules.curves.SMOOTH);
  return Math.sqrt(mean(knn.map((v, i) => (v - level[i]) ** 2)));
}

export const noise = (knn) =>
  median(differences(knn).map(Math.abs)) / rules.curves.CHANGE;

/* {start, low, end, level, depth, made_good} of each fall; indices of readings. */
export function fallsOf(steps, knn, sigma) {
  const near = Math.max(rules.curves.NEAR_BEST, sigma),
    deep = Math.max(rules.curves.DEEP * sigma, near);
  const found = [],
    level = levels(knn);
  for (let i = 1; i < level.length; i++) level[i] = Math.max(level[i], level[i - 1]);
  for (let i = 0; i < knn.length; i++)
    if (knn[i] < level[i] - deep) {
      found.push(fall(steps, knn, i, level[i], near));
      i = found.at(-1).end ?? knn.length;
    }
  return found;
}

function fall(steps, knn, i, level, near) {
  const close = (v) => v >= level - near;
  let start = i - 1,
    end = i + 1;
  while (start > 0 && !close(knn[start])) start--;
  while (end < knn.length && !close(knn[end])) end++;
  let low = i;
  for (let k = i; k < end; k++) if (knn[k] < knn[low]) low = k;
  const back = end < knn.length;
  return {
    start: Math.max(0, start),
    low,
    end: back ? end : null,
    level,
    depth: Number((level - knn[low]).toFixed(12)),
    made_good: back && steps[end] - steps[start] <= rules.curves.SOON * steps.at(-1),
  };
}

/* The median of the readings up to each one, of LEVEL of them; lowest at first. */
function levels(knn) {
  const { LEVEL } = rules.curves,
    settled = rolling(knn, LEVEL - 1, 0, LEVEL);
  let lowest = Infinity;
  return settled.map((v, i) => {
    lowest = Math.min(lowest, knn[i]);
    return Number.isNaN(v) ? lowest : v;
  });
}

export function collapsed(knn, untrained) {
  const level = levels(knn);
  return level.at(-1) < Math.max(untrained, (largest(level) + untrained) / 2);
}

export const gain = (knn, untrained) => largest(levels(knn)) - untrained;

export const logs = (norms) => norms.map((v) => Math.log(Math.max(v, 1e-30)));

/* Places at which values first stand out of their own noise; infinite ones always do. */
export function outbursts(all) {
  const { BURST, CHANGE, SPREAD, WINDOW } = rules.curves,
    values = all.filter((v) => v !== Infinity);
  const level = rolling(values, WINDOW, -1, WINDOW);
  const change = values.map((v, i) => (i ? Math.abs(v - values[i - 1]) : Number.NaN));
  const middle = rolling(change, SPREAD, -1, WINDOW - 1);
  const high = values.map((v, i) => {
    const spread = middle[i] / CHANGE;
    return spread > 0 && v - level[i] > BURST * spread ? 1 : 0;
  });
  let n = 0;
  return starts(all.map((v) => (v === Infinity ? 1 : high[n++])));
}

/* --- leads -------------------------------------------------------------------------- */

function detrended(norms) {
  const own = logs(norms),
    slow = centred(own, rules.curves.WINDOW);
  return own.map((v, i) => v - slow[i]);
}

/* Mean correlation at lags 1..4 less that at -1..-4, with `first` rolled by `offset`;
   both have mean 0 and sd 1. */
function asymmetry(first, last, offset) {
  const n = first.length,
    { NEAR } = rules.leads;
  const at = (i) => first[i < offset ? i - offset + n : i - offset];
  let total = 0;
  for (let lag = 1; lag <= NEAR; lag++) {
    let ahead = 0;
    for (let i = 0; i + lag < n; i++)
      ahead += at(i) * last[i + lag] - at(i + lag) * last[i];
    total += ahead / (n - lag);
  }
  return total / NEAR;
}

function standard(values) {
  const middle = mean(values),
    sd = deviation(values);
  return values.map((v) => (v - middle) / sd);
}

/* How far norms lead others of the same steps, in sd of what shifting them gives. */
export function ahead(firstNorms, lastNorms) {
  const { DRAWS, LAGS, NEAR } = rules.leads;
  const [first, last] = [firstNorms, lastNorms].map((v) => standard(detrended(v)));
  const low = LAGS + NEAR,
    step = (first.length - 2 * low) / DRAWS;
  const chance = Array.from({ length: DRAWS }, (_, k) =>
    asymmetry(first, last, Math.trunc(k * step + low)),
  );
  return (asymmetry(first, last, 0) - mean(chance)) / deviation(chance);
}
