/* A value in JSON, or as Python prints it. Dicts are Maps, which keep the order of keys
   that look like numbers; JSON may have NaN, as Python writes it. */

const DEEPEST = 200;
const NUMERIC_KEY = /"\d+"\s*:/;
const NAMES = {
  json: { true: true, false: false, null: null, NaN: Number.NaN, Infinity },
  python: { True: true, False: false, None: null },
};
const TOKEN =
  /\s*(?:([[\]{}(),:])|(-?\d[\d_]*\.?[\d_]*(?:[eE][-+]?\d+)?|-?\.\d+(?:[eE][-+]?\d+)?)|([A-Za-z]+)|(-)|('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))/y;
const ESCAPES = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"' };

/* Something of Python's that is no cell: a tuple, a set. */
class Other {}

export function json(text) {
  if (!NUMERIC_KEY.test(text))
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!/\b(NaN|Infinity)\b/.test(text)) throw error;
    }
  return new Reader(text, "json").all();
}

export const python = (text) => new Reader(text, "python").all();

export const isDict = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Other);
export const items = (dict) => (dict instanceof Map ? dict : Object.entries(dict));
export const get = (dict, name) =>
  dict instanceof Map
    ? dict.get(name)
    : Object.hasOwn(dict, name)
      ? dict[name]
      : undefined;

class Reader {
  constructor(text, language) {
    Object.assign(this, { text, language, at: 0, names: NAMES[language] });
  }

  fail(what = "value") {
    throw new SyntaxError(`no ${what} at character ${this.at}`);
  }

  token() {
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.text);
    if (!found) this.fail();
    this.at = TOKEN.lastIndex;
    return found;
  }

  /* Whether the next sign is this one, which is then passed over. */
  takes(sign) {
    while (/\s/.test(this.text[this.at] ?? "")) this.at++;
    if (this.text[this.at] !== sign) return false;
    this.at++;
    return true;
  }

  all() {
    const value = this.value(0);
    while (/\s/.test(this.text[this.at] ?? "")) this.at++;
    if (this.at < this.text.length) this.fail("end");
    return value;
  }

  value(deep) {
    if (deep > DEEPEST) this.fail("end of nesting");
    const [, sign, digits, name, minus, quoted] = this.token();
    if (digits) return Number(digits.replaceAll("_", ""));
    if (quoted) return this.string(quoted);
    if (minus) {
      const value = this.value(deep);
      return typeof value === "number" ? -value : this.fail();
    }
    if (name) return Object.hasOwn(this.names, name) ? this.names[name] : this.fail();
    if (sign === "[") return this.list("]", deep);
    if (sign === "{") return this.dict(deep);
    if (sign === "(" && this.language === "python") {
      this.list(")", deep);
      return new Other();
    }
    return this.fail();
  }

  list(end, deep) {
    const found = [];
    while (!this.takes(end)) {
      if (found.length && !this.takes(",")) this.fail("comma");
      if (found.length && this.language === "python" && this.takes(end)) break;
      found.push(this.value(deep + 1));
    }
    return found;
  }

  dict(deep) {
    const found = new Map();
    while (!this.takes("}")) {
      if (found.size && !this.takes(",")) this.fail("comma");
      if (found.size && this.language === "python" && this.takes("}")) break;
      const key = this.value(deep + 1);
      if (!this.takes(":")) this.fail("colon");
      found.set(String(key), this.value(deep + 1));
    }
    return found;
  }

  string(quoted) {
    if (this.language === "json")
      return quoted[0] === '"' ? JSON.parse(quoted) : this.fail();
    return quoted
      .slice(1, -1)
      .replace(/\\(?:x([\da-f]{2})|u([\da-f]{4})|(.))/gi, (all, hex, long, one) =>
        hex || long
          ? String.fromCharCode(Number.parseInt(hex ?? long, 16))
          : (ESCAPES[one] ?? all),
      );
  }
}
