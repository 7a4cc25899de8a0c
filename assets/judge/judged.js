/* What is said of a log, as data: mocolib/logs/judged.py, field by field. What goes by
   layer is a Map, since an object would put names that are numbers first. */

import { fitting, symptoms } from "./advice.js";
import { differences, finite, largest, least, median, place } from "./arrays.js";
import { falls as byChance } from "./chance.js";
import { ends, layers } from "./columns.js";
import * as curves from "./curves.js";
import { rules } from "./rules.js";

export function judge(log) {
  const own = rules.judged,
    [at, accuracy] = readings(log);
  const enough = at.length >= own.FEWEST,
    sigma = enough ? noiseOf(accuracy) : null;
  const bursts = allBursts(log),
    start = startOf(log, at, accuracy);
  const falls = enough ? curves.fallsOf(at, accuracy, sigma) : [];
  const known = {
    readings: at.length,
    noise: sigma,
    start,
    ...endsOf(accuracy, start, sigma),
    falls: falls.map((fall) => placed(log, fall, at, bursts)),
    bursts,
    jumps: jumpsOf(log, bursts),
    broken: log.broken,
    diverged: log.diverged,
  };
  const seen = symptoms(known, layers(log.norms.keys()), own.DENSE);
  const few = enough && at.length < own.DENSE;
  return {
    ...fileOf(log),
    every: at.length > 1 ? median(differences(at)) : null,
    jitter: enough ? curves.jitter(accuracy) : null,
    end: at.length ? accuracy.at(-1) : null,
    falls_by_chance: enough ? byChance(at.length, sigma) : null,
    lead: leadOf(log),
    missed: few ? (own.missed[at.length] ?? null) : null,
    symptoms: seen,
    advice: fitting(seen),
    ...known,
  };
}

const fileOf = ({ title, axis, columns, others, notes, unit, steps }) => ({
  title,
  axis,
  columns,
  others,
  notes,
  unit,
  rows: steps.length,
  first: steps[0],
  last: steps.at(-1),
});

/* Where accuracy was read, and what; a reading that was written again is one. */
function readings({ steps, accuracy }) {
  const read = Array.from(steps.keys()).filter((i) => Number.isFinite(accuracy[i]));
  const fresh = (n) => !n || accuracy[read[n]] !== accuracy[read[n - 1]];
  const begins = [...read.keys()].filter(fresh),
    held = (read.length - begins.length) / (read.length - 1) > rules.judged.HALF;
  const kept =
    read.length > 1 && held ? once(begins, read.length).map((n) => read[n]) : read;
  return [steps, accuracy].map((values) => Float64Array.from(kept, (i) => values[i]));
}

/* How often each was written is told by all but the last, whose value may stand still. */
function once(begins, count) {
  const lengths = begins.map((begin, k) => (begins[k + 1] ?? count) - begin);
  const usual = begins.length > 1 ? Math.floor(median(lengths.slice(0, -1))) : 1;
  return begins.flatMap((begin, k) =>
    Array.from(
      { length: Math.max(Math.floor(lengths[k] / usual), 1) },
      (_, n) => begin + n * usual,
    ),
  );
}

/* The noise of readings, as long as they move: a constant end shows none. */
function noiseOf(accuracy) {
  const moving = accuracy.findLastIndex((v, i) => i && v !== accuracy[i - 1]) + 1;
  return curves.noise(
    moving >= rules.judged.FEWEST ? accuracy.slice(0, moving) : accuracy,
  );
}

/* The first reading, if it is early enough to stand for the untrained network. */
function startOf({ steps }, at, accuracy) {
  const latest = steps[0] + rules.judged.START * (steps.at(-1) - steps[0]);
  return at.length && at[0] <= latest ? { at: at[0], accuracy: accuracy[0] } : null;
}

function endsOf(accuracy, start, sigma) {
  if (!start || sigma === null) return { risen: null, collapsed: null };
  const { DEEP, LEVEL, NEAR_BEST } = rules.curves;
  const clear = Math.max(DEEP * sigma, NEAR_BEST),
    untrained = start.accuracy;
  const risen = curves.gain(accuracy, untrained) > clear;
  const below = median(accuracy.slice(-LEVEL)) < untrained - clear;
  return { risen, collapsed: risen ? curves.collapsed(accuracy, untrained) : below };
}

/* A fall on the log's axis, with the rate's phase and the bursts it came with. */
function placed(log, fall, at, bursts) {
  const [start, low] = [at[fall.start], at[fall.low]],
    since = at[Math.max(0, fall.start - 1)]; // a reading shows what came before it
  const came = ([, found]) => found.at.some((step) => since <= step && step <= low);
  return {
    ...fall,
    start,
    low,
    end: fall.end === null ? null : at[fall.end],
    phase: phase(log, start),
    bursts: [...bursts].filter(came).map(([name]) => name),
  };
}

/* warmup, peak or decay, by where the rate stands; null where it is not known. */
export function phase(log, at) {
  const read = Array.from(log.steps.keys()).filter((i) => Number.isFinite(log.rate[i]));
  const steps = read.map((i) => log.steps[i]),
    rate = read.map((i) => log.rate[i]);
  const peak = rules.judged.PEAK * largest(rate);
  if (rate.length < 2 || !(peak > 0)) return null;
  if (at < steps[rate.findIndex((v) => v >= peak)]) return "warmup";
  return rate[Math.max(0, place(steps, at, true) - 1)] >= peak ? "peak" : "decay";
}

/* --- bursts, and who is ahead ------------------------------------------------------- */

function allBursts({ steps, loss: all, norms, notes, diverged }) {
  const found = new Map(),
    end = diverged ?? Infinity; // what never comes back is no spike
  const loss = all.map((v, i) => (v === Infinity && steps[i] >= end ? Number.NaN : v));
  for (const [name, values] of [["loss", loss], ...norms]) {
    const own = values.filter((v) => !Number.isNaN(v)),
      numbers = finite(own);
    if (numbers.length <= rules.curves.WINDOW) continue;
    const scale = name === "loss" ? (v) => v : curves.logs;
    const at = steps.filter((_, i) => !Number.isNaN(values[i])),
      judged = own.length - rules.curves.WINDOW,
      series = scale(numbers),
      coarse = median(differences(series).map(Math.abs)) === 0;
    const shown = coarse ? own.map((v) => (Number.isFinite(v) ? 1 : v)) : scale(own);
    found.set(name, {
      at: curves.outbursts(shown).map((i) => at[i]),
      judged,
      by_chance: judged * rules.judged.RATE,
      smoothed: (!coarse && smoothed(series)) || "medians" in notes || "means" in notes,
      coarse,
    });
  }
  return found;
}

function smoothed(series) {
  const [one, ten] = [1, 10].map((k) =>
    median(series.slice(k).map((v, i) => Math.abs(v - series[i]))),
  );
  return ten > rules.judged.SMOOTH * one;
}

/* By layer: how many bursts of the loss one of its norm stands beside. */
function jumpsOf({ steps, norms }, bursts) {
  const places = (name) =>
    (bursts.get(name)?.at ?? []).map((step) => place(steps, step));
  const events = places("loss"),
    counts = new Map();
  for (const layer of layers(norms.keys())) {
    const own = places(layer),
      { NEAR } = rules.judged;
    const near = events.filter((event) => {
      const next = place(own, event - NEAR);
      return next < own.length && own[next] <= event + NEAR;
    }).length;
    if (near) counts.set(layer, near);
  }
  return counts;
}

function leadOf({ norms }) {
  const { LEAD_FROM, LEAD_TO } = rules.judged,
    pair = ends(norms.keys());
  if (!pair) return null;
  const [a, b] = pair.map((layer) => norms.get(layer));
  const both = (_, i) => Number.isFinite(a[i]) && Number.isFinite(b[i]);
  const [first, last] = [a, b].map((values) => values.filter(both).slice(-LEAD_TO));
  const still = (values) => largest(values) === least(values);
  if (first.length < LEAD_FROM || still(first) || still(last)) return null;
  return {
    first: pair[0],
    last: pair[1],
    ahead: curves.ahead(first, last),
    steps: first.length,
  };
}
