/* The logs in a file, one a run: mocolib/logs/log.py. */

import { aligned, laid } from "./axis.js";
import { broken } from "./broken.js";
import { chosen, nothingKnown, shares } from "./chosen.js";
import { isEvents, read as readEvents } from "./events.js";
import { headOf, knownAs } from "./lines.js";
import { BadInput, refused, rules } from "./rules.js";
import { Tables } from "./table.js";
import { read as readText } from "./text.js";

const BLANK = [0x00, 0x20, 0x09, 0x0d, 0x0a, 0xef, 0xbb, 0xbf, 0xff, 0xfe];

/* named: {axis, accuracy, loss, rate, norms}, what is taken in place of what names tell. */
export function read(file, named, came) {
  const { norms = [], ...others } = named,
    wanted = [...norms, ...Object.values(others)].filter(Boolean);
  const tables = new Tables(file.name, wanted);
  fill(file, tables, came);
  try {
    const found = [...tables.of]
      .map(([run, table]) => logOf(run || stem(file.name), table, named, tables))
      .filter((log) => log?.steps.length);
    if (!found.length) throw nothingKnown(tables.of, file.name);
    return found;
  } catch (error) {
    error.columns = [...tables.of.values()].flatMap(numbers);
    throw error;
  }
}

/* The columns that hold numbers. */
const numbers = ({ kept, numeric }) => [...kept.keys(), ...numeric];

const stem = (name) => name.replace(/(?<=.)\.[^.]+$/, "");

function fill(file, tables, came) {
  const head = headOf(file),
    { place } = tables;
  if (head.every((byte) => BLANK.includes(byte)))
    throw refused("EMPTY", { place, kinds: rules.refusals.KINDS });
  const what = knownAs(head);
  if (what) throw refused("IS_KNOWN", { place, what });
  if (String.fromCharCode(...head.subarray(0, 4)) === "PAR1")
    throw new BadInput(rules.own.PARQUET.replace("{place}", place));
  if (isEvents(head)) readEvents(file, tables, came);
  else readText(file, head, tables, came);
}

/* One run's columns, laid along one axis; null where there is nothing to judge. */
function logOf(title, table, named, tables) {
  const { place } = tables,
    { roles, layers } = chosen(table, named, place);
  const { axis: asked, ...own } = roles,
    used = [...Object.values(own).filter(Boolean), ...layers.values()];
  if (!used.length || (used.length === 1 && used[0] === roles.rate)) return null;
  const notes = new Map([...tables.facts].map((fact) => [fact, 1]));
  const [kind, along, at] = laid(table, asked, used, notes);
  const judged = new Map(roles.loss === undefined ? [] : [["loss", roles.loss]]);
  for (const [layer, name] of layers) judged.set(layer, name);
  const [steps, curves] = aligned(table, at, used, new Set(judged.values()), notes);
  const nothing = new Float64Array(steps.length).fill(Number.NaN),
    curve = (role) => curves.get(roles[role]) ?? nothing;
  const [accuracy, unit] = shares(
    curve("accuracy"),
    roles.accuracy ?? "",
    place,
    notes,
  );
  const known = numbers(table),
    [lost, diverged] = broken(table, at, judged);
  return {
    title,
    axis: kind,
    steps,
    accuracy,
    unit,
    loss: curve("loss"),
    rate: curve("rate"),
    norms: new Map([...layers].map(([k, name]) => [k, curves.get(name)])),
    columns: { ...withoutNone(roles), axis: along, norms: layers },
    others: known.filter((name) => !used.includes(name) && name !== along),
    notes: Object.fromEntries(notes),
    broken: lost,
    diverged,
    known,
  };
}

const withoutNone = (roles) =>
  Object.fromEntries(Object.entries(roles).filter(([, name]) => name !== undefined));
