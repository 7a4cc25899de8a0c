/* Numbers and texts as Python reads and writes them. */

import { rules, whole } from "./rules.js";

const BLANKS = "[\\s\\x1c-\\x1f\\x85]";
const AROUND = new RegExp(`^${BLANKS}+|${BLANKS}+$`, "g");
const BEFORE = new RegExp(`^${BLANKS}+`);
const GAPS = new RegExp(`${BLANKS}+`);
const NUMBER =
  /^[-+]?(?:(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+(?:_\d+)*)?|inf(?:inity)?|nan)$/i;
const ENDS = "[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]";
const LINE = new RegExp(["\\r\\n", ENDS].join("|"));

export const strip = (text) => text.replace(AROUND, "");
export const stripStart = (text) => text.replace(BEFORE, "");

export function words(text) {
  const bare = strip(text);
  return bare ? bare.split(GAPS) : [];
}

export function splitLines(text) {
  const lines = text.split(LINE);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/* What a cell says as a number, nan and inf where it says so; null where it says none.
   counts: it says how many, so that 1,000 is no 1 with three digits behind a comma. */
export function number(cell, counts = false) {
  if (typeof cell === "number") return cell;
  if (typeof cell !== "string") return null;
  const plain = Number(cell);
  // most cells are plain; what only JavaScript takes for a number is looked at below
  if (!Number.isNaN(plain) && /^[-+.\de]+$/.test(cell)) return plain;
  let text = strip(cell);
  if (text.endsWith("%")) text = strip(text.slice(0, -1));
  const { COUNT, GROUPED } = rules.table;
  if (text.includes(",") && whole(counts ? COUNT : GROUPED).test(text))
    text = text.replaceAll(",", "");
  if (!NUMBER.test(text)) return null;
  const low = text.toLowerCase();
  if (low.includes("n")) {
    if (low.includes("a")) return Number.NaN;
    return low.startsWith("-") ? -Infinity : Infinity;
  }
  return Number(text.replaceAll("_", ""));
}

/* A text as Python's repr has it. */
export function repr(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return quote + (quote === "'" ? inside.replaceAll("'", "\\'") : inside) + quote;
}

/* --- written ------------------------------------------------------------------------ */

export const grouped = (text) =>
  text.replace(/^(-?)(\d+)/, (_, sign, digits) => {
    return sign + digits.replace(/\B(?=(\d{3})+$)/g, ",");
  });

/* With so many digits behind the point; a half goes to the even side, as in Python. */
export function fixed(value, digits) {
  const text = value.toFixed(digits),
    twice = Math.abs(value) * 2 ** (digits + 1);
  if (!Number.isInteger(twice) || twice % 2 !== 1 || Math.abs(value) >= 2 ** 52)
    return text;
  const lower = BigInt(Math.floor(Math.abs(value) * 10 ** digits)),
    even = lower % 2n ? lower + 1n : lower;
  const all = even.toString().padStart(digits + 1, "0"),
    sign = value < 0 ? "-" : "";
  const point = all.length - digits;
  return sign + all.slice(0, point) + (digits ? `.${all.slice(point)}` : "");
}

/* At most so many digits in all, as Python's format "g" has them. */
export function general(value, digits = 6) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return "0";
  const power = Number(value.toExponential(digits - 1).split("e")[1]);
  if (power >= -4 && power < digits) return trimmed(fixed(value, digits - 1 - power));
  const unit = 10 ** (power - digits + 1),
    parts = Math.abs(value) / unit;
  const half = unit >= 1 && parts % 1 === 0.5 && Math.floor(parts) % 2 === 0;
  const even = half ? Math.sign(value) * Math.floor(parts) * unit : value;
  const head = trimmed(even.toExponential(digits - 1).split("e")[0]);
  return `${head}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
