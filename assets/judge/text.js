/* Logs that are text: mocolib/logs/text.py. Which they are is seen from the beginning. */

import { rows as csvRows, TableError } from "./csv.js";
import { decoder, encodingOf, lines as linesOf, texts } from "./lines.js";
import { get, isDict, items, json, python } from "./literal.js";
import { use } from "./columns.js";
import { number, splitLines, strip, stripStart, words } from "./numbers.js";
import { form, refused, rules, said, whole } from "./rules.js";

/* The rows of a text file into `tables`; `came(n)` hears how far it is. */
export function read(file, head, tables, came) {
  const { place } = tables,
    encoding = encodingOf(head);
  const start = stripStart(decoder(encoding)(head));
  if (start.includes("\0")) throw refused("NO_TEXT", { place });
  if (start.startsWith("<")) throw refused("MARKUP", { place });
  const alone = /^[[{]/.test(start) && !record(splitLines(start)[0]);
  const value = alone ? oneValue(file, encoding, start, place) : null;
  const empty = !value || (isDict(value) ? [...items(value)] : value).length === 0;
  if (!empty) {
    for (const row of records(value, place)) tables.add(row);
    return;
  }
  const lines = linesOf(file, encoding, place, came);
  if (isPrinted(start)) printed(lines, tables);
  else delimited(lines, start, tables);
}

const isPrinted = (start) =>
  form(rules.text.PRINTED).test(start) || form(rules.text.RECORD, "m").test(start);

/* --- JSON, and what is printed ------------------------------------------------------ */

/* A line that is a dict in JSON, or as Python prints it; else null. */
function record(line) {
  for (const [read, text] of [
    [json, line],
    [python, line.replace(form(rules.text.BARE, "g"), "'$&'")],
  ])
    try {
      const value = read(text);
      return isDict(value) ? value : null;
    } catch {}
  return null;
}

/* The JSON that a whole file is; null where it is none but has lines to read. */
function oneValue(file, encoding, start, place) {
  const { WHOLE } = rules.text;
  try {
    let text = "";
    for (const part of texts(file, encoding)) {
      text += part;
      if (text.length > WHOLE)
        throw new SyntaxError(
          said(rules.refusals.LARGE, { most: WHOLE.toLocaleString("en") }),
        );
    }
    return json(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (isPrinted(start)) return null;
    throw refused("NOT_WHOLE", { place, reason: error.message });
  }
}

/* The rows of a JSON value, Maps: Hugging Face's state, a list of rows, lists by name. */
function* records(given, place) {
  let value = given;
  if (isDict(value)) value = get(value, rules.text.HISTORY) ?? value;
  if (Array.isArray(value) && value.every(isDict)) {
    for (const row of value) yield flat(row);
  } else if (Array.isArray(value) && value.every(isScalar)) {
    for (const row of value)
      yield new Map([
        ["Step", row[1]],
        ["Value", row[2]],
      ]);
  } else if (isDict(value)) {
    const lists = [...flat(value)].filter(([, list]) => Array.isArray(list));
    const most = Math.max(0, ...lists.map(([, list]) => list.length));
    for (let row = 0; row < most; row++)
      yield new Map(
        lists
          .filter(([, list]) => row < list.length)
          .map(([name, list]) => [name, list[row]]),
      );
  } else throw refused("NO_ROWS", { place });
}

const isScalar = (row) => Array.isArray(row) && row.length === 3; // TensorBoard's

function flat(row, before = "", into = new Map()) {
  for (const [name, value] of items(row))
    if (isDict(value)) flat(value, `${before}${name}/`, into);
    else into.set(before + name, value);
  return into;
}

/* Lines that are dicts or have meters; all others are talk. */
function printed(lines, tables) {
  let step = 0;
  for (const line of lines) {
    const found = form(rules.text.PRINTED).exec(line),
      tested = found ? null : form(rules.text.TESTED).exec(line);
    if (found) {
      const epoch = Number(found[1]);
      step = epoch * Number(found[4]) + Number(found[3]);
      if (found[2]) tables.facts.add("medians"); // DINO prints medians
      tables.add(new Map([["step", step], ["epoch", epoch], ...meters(line)]));
    } else if (tested)
      tables.add(
        new Map([
          ["step", step],
          ["* Acc@1", tested[1]],
        ]),
      );
    else if (line.includes("{"))
      ofRecord(line.slice(line.indexOf("{")).replace(/[ \t\r\n,[\]]+$/, ""), tables);
  }
}

const meters = (line) =>
  [...line.matchAll(form(rules.text.METER, "g"))].map(([, name, value]) => [
    name.includes("@") ? `train ${name}` : name,
    value,
  ]);

function ofRecord(bare, tables) {
  const row = record(bare);
  if (!row || ![...items(row)].length) return;
  for (const part of rowsOf(row, tables.place)) {
    tables.add(part);
    if (part.has("iter_time") && part.has("data_time")) tables.facts.add("medians");
  }
}

/* The rows of a line's dict: itself without its lists, or one an entry of those. Its lists
   are rows where all that is judged is in them, or all of any use. */
function rowsOf(row, place) {
  const own = flat(row),
    listed = (name) => Array.isArray(own.get(name)),
    used = [...own.keys()].filter(use),
    judged = used.filter((name) => rules.columns.JUDGED.includes(use(name)));
  const several =
    [...own.keys()].some(listed) && (judged.length ? judged : used).every(listed);
  if (several || get(row, rules.text.HISTORY) !== undefined) return records(row, place);
  return [new Map([...own].map(([k, v]) => [k, listed(k) ? null : v]))];
}

/* --- tables ------------------------------------------------------------------------- */

function delimited(lines, start, tables) {
  const all = splitLines(start).slice(0, 200).filter(strip),
    ahead = aheadOf(all),
    sample = all.slice(ahead);
  for (let n = 0; n < ahead; n++) while (!strip(lines.next().value ?? "end"));
  const delimiter = delimiterOf(sample),
    comma = decimalComma(sample, delimiter);
  let header, places;
  try {
    for (const row of csvRows(lines, delimiter)) {
      if (row.every((cell) => !strip(cell))) continue;
      if (!places) {
        header = row.map((name) => strip(strip(name).replace(/^#+/, "")));
        places = placesOf(header, tables);
      } else if (row.length !== header.length || row.some((c, i) => c !== header[i]))
        addRow(comma ? row.map((c) => c.replaceAll(",", ".")) : row, places, tables);
    }
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw refused("NO_TABLE", { place: tables.place, reason: error.message });
  }
}

/* Lines ahead of that of names: a spreadsheet's note to itself, then comments. */
function aheadOf(sample) {
  const cells = form(`[${rules.text.DELIMITERS}\\s]+`);
  let count = Number(Boolean(sample[0]?.toLowerCase().startsWith("sep=")));
  for (; count + 1 < sample.length && sample[count].startsWith("#"); count++)
    if (sample[count + 1].split(cells).some((cell) => number(cell) !== null)) break;
  return count; // what numbers follow are names
}

/* What stands most often in the first line, outside of quotes. */
function delimiterOf(sample) {
  const bare = (sample[0] ?? "").replace(/"[^"]*"/g, ""),
    count = (sign) => bare.split(sign).length - 1;
  const best = [...rules.text.DELIMITERS].reduce((a, b) =>
    count(b) > count(a) ? b : a,
  );
  const [first, second] = sample.slice(0, 2).map((line) => words(line).length);
  return !bare.includes(best) && first > 1 && first === second ? " " : best;
}

function decimalComma(sample, delimiter) {
  if (delimiter === ",") return false;
  const cells = sample.slice(1).flatMap((line) => line.split(delimiter).map(strip));
  const point = cells.some((cell) => /^[-+]?\d*\.\d+$/.test(cell));
  return !point && cells.some((cell) => whole(rules.text.COMMA).test(cell));
}

/* Of each column its run and its name; W&B's export of a chart has one a run. */
function placesOf(header, { place }) {
  if (header.every((name) => number(name) !== null))
    throw refused("NO_NAMES", { place });
  const chart = header.some((name) => /__(MIN|MAX)$/.test(name));
  return header.map((name) => {
    const at = chart ? name.lastIndexOf(" - ") : -1;
    return at < 0 ? ["", name] : [name.slice(0, at), name.slice(at + 3)];
  });
}

/* A line of a table, to each run the columns that are its own or everybody's. */
function addRow(cells, places, tables) {
  const every = new Map(),
    own = new Map();
  const count = Math.min(cells.length, places.length);
  for (let i = 0; i < count; i++) {
    const [run, name] = places[i];
    if (!run) every.set(name, cells[i]);
    else if (name.endsWith("__MIN")) {
      const low = number(cells[i]);
      const mean = number(own.get(run)?.get(name.slice(0, -5)));
      if (low !== null && low !== mean) tables.facts.add("means");
    } else if (!name.endsWith("__MAX")) {
      if (!own.has(run)) own.set(run, new Map());
      own.get(run).set(name, cells[i]);
    }
  }
  if (!own.size) tables.add(every);
  for (const [run, row] of own) tables.add(new Map([...every, ...row]), run);
}
