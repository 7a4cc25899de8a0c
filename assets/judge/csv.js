/* Tables of text as Python's csv reads them: quotes that are doubled, spaces ahead of a
   cell passed over, a cell that goes on over lines. */

const MOST = 131_072; // letters of a cell, Python's limit
const BEGIN = 0,
  PLAIN = 1,
  QUOTED = 2,
  BEHIND = 3; // a quote inside quotes: the end of them, or one of two

export class TableError extends Error {}

/* Rows of cells from lines. */
export function* rows(lines, delimiter) {
  const simple = delimiter !== " ";
  let reader = new Reader(delimiter);
  for (const line of lines) {
    if (simple && !reader.cells.length && !line.includes('"') && line.length < MOST) {
      const bare = line.replace(/[\r\n]+$/, "");
      if (bare) yield bare.split(delimiter).map(leading);
      continue;
    }
    reader.line(line);
    if (reader.state === QUOTED) continue;
    yield reader.cells;
    reader = new Reader(delimiter);
  }
  if (reader.cells.length || reader.cell) yield [...reader.cells, reader.cell];
}

const leading = (cell) => (cell[0] === " " ? cell.replace(/^ +/, "") : cell);

class Reader {
  cells = [];
  cell = "";
  state = BEGIN;

  constructor(delimiter) {
    this.delimiter = delimiter;
  }

  line(text) {
    for (const letter of text) {
      if (this.state === QUOTED) this.inside(letter);
      else if (letter === "\n" || letter === "\r") {
        this.end();
        return;
      } else this.outside(letter);
    }
    if (this.state !== QUOTED) this.end();
  }

  inside(letter) {
    if (letter === '"') this.state = BEHIND;
    else this.add(letter);
  }

  outside(letter) {
    if (this.state === BEGIN && letter === '"') this.state = QUOTED;
    else if (this.state === BEHIND && letter === '"') {
      this.add(letter);
      this.state = QUOTED;
    } else if (this.state === BEGIN && letter === " ") return;
    else if (letter === this.delimiter) this.end();
    else {
      this.add(letter);
      this.state = PLAIN;
    }
  }

  add(letter) {
    if (this.cell.length >= MOST)
      throw new TableError(`field larger than field limit (${MOST})`);
    this.cell += letter;
  }

  end() {
    this.cells.push(this.cell);
    this.cell = "";
    this.state = BEGIN;
  }
}
