/* The numbers of a file as it is read, by run and column: mocolib/logs/table.py. */

import { axisOf, use } from "./columns.js";
import { number, strip } from "./numbers.js";
import { refused, rules } from "./rules.js";

/* The rows that a column has numbers in, and the numbers; it grows as they come. */
class Column {
  length = 0;
  rows = new Uint32Array(64);
  values = new Float64Array(64);

  push(row, value) {
    if (this.length === this.rows.length) {
      const { rows, values } = this;
      this.rows = new Uint32Array(2 * this.length);
      this.values = new Float64Array(2 * this.length);
      this.rows.set(rows);
      this.values.set(values);
    }
    this.rows[this.length] = row;
    this.values[this.length++] = value;
  }
}

export class Table {
  rows = 0;
  names = new Map(); // every column: one text in it, or null
  kept = new Map();
  numeric = new Set(); // other columns that hold numbers
  texts = new Map(); // how many cells of these were none

  /* Keep a cell, if there is one; says how many numbers that were. */
  put(name, row, cell) {
    if (cell === null || cell === undefined) return 0;
    const grouped = typeof cell === "string" && cell.includes(",");
    const value = number(cell, grouped && Boolean(axisOf(name)));
    if (value === null) {
      const text = String(cell),
        blank = rules.table.BLANK.includes(strip(text).toLowerCase());
      if (!blank && !this.names.get(name)) this.names.set(name, text.slice(0, 40));
      return 0;
    }
    if (!this.kept.has(name)) this.kept.set(name, new Column());
    this.kept.get(name).push(row, value);
    return 1;
  }

  /* Note a column that holds numbers but is not kept. */
  look(name, cell) {
    const tried = this.texts.get(name) ?? 0;
    if (tried < rules.table.LOOKED_AT && number(cell) !== null) this.numeric.add(name);
    this.texts.set(name, tried + 1);
  }

  /* [rows, numbers] */
  column(name) {
    const { length = 0, rows, values } = this.kept.get(name) ?? {};
    if (!length) return [new Uint32Array(0), new Float64Array(0)];
    return [rows.subarray(0, length), values.subarray(0, length)];
  }
}

export class Tables {
  of = new Map();
  facts = new Set();
  #use = new Map();
  #numbers = 0;

  constructor(place, wanted) {
    this.place = place;
    this.wanted = new Set(wanted);
  }

  /* A row, name -> text or number. What names its run is looked for in it. */
  add(row, run = "") {
    const { MOST_NUMBERS } = rules.table,
      table = this.#table(row, run);
    for (const [name, cell] of row) {
      if (!table.names.has(name)) this.#meet(table, name);
      if (this.#use.get(name)) this.#numbers += table.put(name, table.rows, cell);
      else if (cell !== "" && cell !== null && !table.numeric.has(name))
        table.look(name, cell);
    }
    table.rows += 1;
    if (this.#numbers > MOST_NUMBERS)
      throw refused("MANY_NUMBERS", {
        place: this.place,
        most: MOST_NUMBERS.toLocaleString("en"),
      });
  }

  #table(row, run) {
    const label = rules.columns.RUN.map((name) => row.get(name)).find(
      (value) => value !== undefined && value !== null && value !== "",
    );
    const key = String(label ?? run);
    if (!this.of.has(key)) this.of.set(key, new Table());
    return this.of.get(key);
  }

  #meet(table, name) {
    const { MOST_COLUMNS } = rules.table;
    table.names.set(name, null);
    if (table.names.size > MOST_COLUMNS)
      throw refused("MANY_COLUMNS", {
        place: this.place,
        most: MOST_COLUMNS.toLocaleString("en"),
      });
    const says = use(name) && !rules.columns.RUN.includes(name);
    this.#use.set(name, this.wanted.has(name) || Boolean(says));
  }
}
