/* Where a loss or a gradient norm is NaN or infinite: mocolib/logs/broken.py. */

import { finite, least, median } from "./arrays.js";
import { rules } from "./rules.js";

const KINDS = {
  infinite: (v) => !Number.isFinite(v) && !Number.isNaN(v),
  nan: Number.isNaN,
};

/* [by loss or layer what kind, how often and where first, from where the loss is for good];
   names is a Map of name -> column. */
export function broken(table, at, names) {
  const found = new Map();
  let diverged = null;
  for (const [name, column] of names) {
    const { places, values, usual } = read(table, at, column);
    const end = name === "loss" ? endOf(values, usual) : null;
    if (end !== null) diverged = places[end];
    const own = values.slice(0, end ?? values.length),
      told = {};
    for (const [kind, is] of Object.entries(KINDS)) {
      const where = places.filter((_, i) => i < own.length && is(own[i]));
      if (where.length) told[kind] = { count: where.length, first: least(where) };
    }
    if (Object.keys(told).length) found.set(name, told);
  }
  return [found, diverged];
}

/* Places of readings, the readings, and which of these are NaN as gaps are. */
function read(table, at, name) {
  const [rows, values] = table.column(name),
    place = Float64Array.from(rows, (row) => at[row]);
  const some = values.some(Number.isNaN),
    alone = some ? beside(place, values) : [],
    others = some ? other(table, name) : [];
  const gap = (i) => Number.isNaN(values[i]) && (alone[i] || others[rows[i]]);
  const kept = [...rows.keys()].filter((i) => !gap(i) && Number.isFinite(place[i]));
  const usual = usualOf(kept.map((i) => Number.isNaN(values[i])));
  const nan = kept.filter((i) => Number.isNaN(values[i])).length,
    few = nan < rules.broken.HALF * kept.length;
  const left = [...kept.keys()].filter((n) => few || !usual[n]);
  return {
    places: left.map((n) => place[kept[n]]),
    values: left.map((n) => values[kept[n]]),
    usual: left.map((n) => usual[n]),
  };
}

/* Whether rows that follow each other at the same place have one number. */
function beside(place, values) {
  const found = new Uint8Array(values.length);
  for (let i = 0, end; i < values.length; i = end) {
    for (end = i + 1; end < values.length && place[end] === place[i]; ) end++;
    if (finite(values.subarray(i, end)).length === 1) found.fill(1, i, end);
  }
  return found;
}

/* By row: has it a number of a column that has none where this one has its own? */
function other(table, name) {
  const has = new Uint8Array(table.rows),
    found = new Uint8Array(table.rows),
    own = numbers(table, name);
  for (const row of own) has[row] = 1;
  for (const column of table.kept.keys()) {
    const rows = numbers(table, column);
    if (!own.length || !rows.length || rows[0] >= own.at(-1)) continue;
    if (!rows.some((row) => has[row])) for (const row of rows) found[row] = 1;
  }
  return found;
}

function numbers(table, name) {
  const [rows, values] = table.column(name);
  return rows.filter((_, i) => Number.isFinite(values[i]));
}

/* Which NaN are of stretches as long as others that numbers follow. */
function usualOf(nan) {
  const stretches = [],
    usual = new Array(nan.length).fill(false);
  nan.forEach((is, i) => {
    if (is && !nan[i - 1]) stretches.push([i, i]);
    if (is) stretches.at(-1)[1] = i + 1;
  });
  const length = ([begin, end]) => end - begin,
    again = stretches.filter(([, end]) => end < nan.length).map(length);
  if (again.length < rules.broken.AGAIN) return usual;
  const longest = rules.broken.LONGER * median(again);
  for (const stretch of stretches)
    if (length(stretch) <= longest) usual.fill(true, ...stretch);
  return usual;
}

/* From which reading on there is no number, if that is how they end; else null. */
function endOf(values, usual) {
  const last = values.findLastIndex(Number.isFinite),
    end = last + 1;
  if (last < 0 || end === values.length) return null;
  const rest = values.slice(end);
  // one NaN alone may be a row without a loss
  const sure = rest.length > 1 || !Number.isNaN(rest[0]);
  return sure && !usual.slice(end).every(Boolean) ? end : null;
}
