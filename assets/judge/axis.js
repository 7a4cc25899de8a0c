/* What a log's readings are laid along: mocolib/logs/axis.py. `notes` is a Map of what
   was done, to be said. */

import { differences, finite, place, sorted, unique } from "./arrays.js";
import { axisOf } from "./columns.js";
import { rules } from "./rules.js";

/* The rows, ascending, in which one of the columns has a number. */
const rowsOf = (table, names) => {
  const has = new Uint8Array(table.rows);
  for (const name of names) for (const row of table.column(name)[0]) has[row] = 1;
  const rows = new Uint32Array(has.reduce((a, b) => a + b, 0));
  let n = 0;
  has.forEach((there, row) => {
    if (there) rows[n++] = row;
  });
  return rows;
};

/* [what is counted, by which column, where each row stands: nan before the first]. */
export function laid(table, named, used, notes) {
  const rows = rowsOf(table, used),
    name = named ?? found(table);
  if (name === undefined)
    return ["row", null, Float64Array.from({ length: table.rows }, (_, i) => i + 1)];
  const kind = axisOf(name) || name;
  let at = carried(table, name, rows, notes);
  const back = goesBack(at, rows);
  if (kind === "step" && back.length && named === undefined)
    at = endToEnd(table, at, rows, back, notes);
  if (kind === "epoch") at = spread(table, at, used, notes);
  return [kind, name, at];
}

/* The places in `rows` that lie before the one ahead of them. */
const goesBack = (at, rows) =>
  Array.from(rows.keys()).filter((i) => i && at[rows[i]] < at[rows[i - 1]]);

/* The finest axis that moves. */
function found(table) {
  for (const [kind] of rules.columns.AXES)
    for (const name of table.kept.keys()) {
      if (axisOf(name) !== kind) continue;
      const some = table.column(name)[1].subarray(0, 1000);
      const moves = some.some((v) => !Object.is(v, some[0]) && v !== some[0]);
      if (moves || table.rows === 1) return name;
    }
}

/* The axis of each row; one that lacks it stands where the one before it does. */
function carried(table, name, used, notes) {
  const at = new Float64Array(table.rows).fill(Number.NaN),
    [rows, values] = table.column(name);
  rows.forEach((row, i) => {
    if (Number.isFinite(values[i])) at[row] = values[i];
  });
  const missing = used.reduce((n, row) => n + Number.isNaN(at[row]), 0);
  if (!missing) return at;
  notes.set("carried", missing);
  for (let i = 1; i < at.length; i++) if (Number.isNaN(at[i])) at[i] = at[i - 1];
  return at;
}

/* Steps that begin anew in each epoch, counted on; others as they are. */
function endToEnd(table, at, used, back, notes) {
  for (const name of table.kept.keys()) {
    if (axisOf(name) !== "epoch") continue;
    const epochs = carried(table, name, used, new Map());
    if (!back.every((i) => epochs[used[i]] > epochs[used[i - 1]])) return at;
    const known = sorted(finite(at)),
      length = known.at(-1) + (known[0] === 0 ? 1 : 0),
      begin = sorted(finite(epochs))[0];
    notes.set("end_to_end", 1);
    return at.map((step, i) => step + (epochs[i] - begin) * length);
  }
  return at;
}

/* Many rows of one epoch stand evenly over it, where they follow each other. */
function spread(table, at, used, notes) {
  const most = Math.max(...used.map((name) => table.column(name)[0].length));
  const known = finite(at),
    epochs = unique(known);
  const orderly = known.every((v, i) => !i || v >= known[i - 1]);
  if (!known.length || most < 2 * epochs.length || !orderly) return at;
  notes.set("spread", 1);
  const last = epochs.at(-1),
    gaps = [...differences(epochs), (last - epochs[0]) / epochs.length];
  gaps[gaps.length - 1] = last + gaps.at(-1) - last; // rounded as a sum is
  let n = 0;
  return at.map((epoch) => {
    if (!Number.isFinite(epoch)) return epoch;
    const first = place(known, epoch),
      count = place(known, epoch, true) - first;
    return epoch + ((n++ - first) / count) * gaps[place(epochs, epoch)];
  });
}

/* [steps that have a reading, ascending, Map of each column along them, nan: none]. */
export function aligned(table, at, names, notes) {
  const last = new Map();
  let written = 0;
  for (const name of names) {
    const [rows, values] = table.column(name),
      own = new Map();
    rows.forEach((row, i) => {
      if (!Number.isFinite(values[i]) || !Number.isFinite(at[row])) return;
      written += own.has(at[row]);
      own.set(at[row], values[i]);
    });
    last.set(name, own);
  }
  noteOrder(table, at, names, written, notes);
  const every = new Set();
  for (const own of last.values()) for (const step of own.keys()) every.add(step);
  const steps = sorted(every),
    curves = new Map();
  for (const [name, own] of last)
    curves.set(
      name,
      steps.map((step) => own.get(step) ?? Number.NaN),
    );
  return [steps, curves];
}

function noteOrder(table, at, names, written, notes) {
  const rows = rowsOf(table, names),
    known = rows.filter((row) => Number.isFinite(at[row])),
    back = goesBack(at, known).length;
  if (back > Math.max(3, rules.axis.SHUFFLED * rows.length)) notes.set("shuffled", 1);
  else if (back && written) notes.set("restarts", back);
  else if (written) notes.set("twice", written);
}
