/* What a log's readings are laid along: mocolib/logs/axis.py. `notes` is a Map of what
   was done, to be said. */

import { differences, finite, median, place, sorted, unique } from "./arrays.js";
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
  if (kind === "step" && goesBack(at, rows).length && named === undefined)
    at = endToEnd(table, at, rows, used, notes);
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
function endToEnd(table, at, rows, used, notes) {
  const epochs = epochsOf(table, at, rows, used);
  if (!epochs) return at;
  notes.set("end_to_end", 1);
  const gaps = differences(Array.from(rows, (row) => at[row])).filter((gap) => gap > 0);
  const known = sorted(finite(at)),
    length = known.at(-1) - known[0] + median(gaps),
    begin = sorted(finite(epochs))[0];
  return at.map((step, i) => step + (epochs[i] - begin) * length);
}

/* The epoch of each row, where steps go back at the begin of each; else null. Without a
   column of epochs they do if they run from first to last time and again. */
function epochsOf(table, at, rows, used) {
  for (const name of table.kept.keys()) {
    if (axisOf(name) !== "epoch") continue;
    const epochs = carried(table, name, rows, new Map());
    const later = (i) => epochs[rows[i]] > epochs[rows[i - 1]];
    return goesBack(at, rows).every(later) ? epochs : null;
  }
  // of the longest column: events of TensorBoard come one column after the other
  const longest = used
    .map((name) => table.column(name)[0])
    .reduce((a, b) => (b.length > a.length ? b : a))
    .filter((row) => Number.isFinite(at[row]));
  const back = goesBack(at, longest),
    known = sorted(finite(at));
  const whole = back.every(
    (i) => at[longest[i]] === known[0] && at[longest[i - 1]] === known.at(-1),
  );
  if (back.length < rules.axis.ROUNDS || !whole) return null;
  const begins = back.map((i) => longest[i]);
  return at.map((_, row) => place(begins, row, true));
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

/* [steps that have a reading, ascending, Map of each column along them, nan: none]. In the
   columns `infinite` an infinite reading is one, too. */
export function aligned(table, at, names, infinite, notes) {
  const last = new Map();
  let written = 0,
    back = 0,
    most = 0;
  for (const name of names) {
    const [rows, values] = table.column(name),
      own = new Map(),
      places = [],
      other = infinite.has(name) ? Infinity : Number.NaN;
    rows.forEach((row, i) => {
      if (Number.isNaN(values[i]) || !Number.isFinite(at[row])) return;
      const value = Number.isFinite(values[i]) ? values[i] : other;
      if (Number.isNaN(value)) return;
      places.push(at[row]);
      written += own.has(at[row]);
      own.set(at[row], value);
    });
    last.set(name, own);
    // by column: events of TensorBoard come one column after the other
    back = Math.max(back, places.filter((v, i) => v < places[i - 1]).length);
    most = Math.max(most, places.length);
  }
  if (back > Math.max(3, rules.axis.SHUFFLED * most)) notes.set("shuffled", 1);
  else if (written) notes.set(back ? "restarts" : "twice", back || written);
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
