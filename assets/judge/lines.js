/* A file as text, its lines one at a time, so that a long one needs little memory. For a
   worker alone: what is read is waited for. */

import { refused, rules } from "./rules.js";

const PART = 2 ** 22; // bytes that are read at once

const bytesOf = (file, from, to) =>
  new Uint8Array(new FileReaderSync().readAsArrayBuffer(file.slice(from, to)));

/* The beginning of a file, by which it is known. */
export const headOf = (file) => bytesOf(file, 0, rules.text.HEAD);

/* Parts of a file; `came(n)` hears how many bytes have been read. */
export function* parts(file, came = () => {}) {
  for (let at = 0; at < file.size; at += PART) {
    yield bytesOf(file, at, at + PART);
    came(Math.min(at + PART, file.size));
  }
}

const startsWith = (head, bytes) =>
  Array.from(bytes, (letter) => letter.charCodeAt(0)).every((b, i) => head[i] === b);

/* The encoding of a text, by the mark it begins with or by what its bytes are. */
export function encodingOf(head) {
  for (const [mark, name] of rules.text.MARKS)
    if (startsWith(head, mark))
      return name === "utf-16"
        ? mark[0] === "\xff"
          ? "utf-16le"
          : "utf-16be"
        : "utf-8";
  for (const [name, first] of [
    ["utf-16le", 1],
    ["utf-16be", 0],
  ]) {
    const zeros = head.slice(first, 400).filter((_, i) => i % 2 === 0);
    if (zeros.length > 1 && !zeros.some(Boolean)) return name;
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return "utf-8";
  } catch {
    return "latin-1";
  }
}

/* What a file begins with, in words; undefined where it may be a log. */
export const knownAs = (head) =>
  Object.entries(rules.refusals.KNOWN).find(([mark]) => startsWith(head, mark))?.[1];

/* What turns bytes into text, part by part. A browser's own latin-1 is Windows's. */
export function decoder(encoding) {
  if (encoding !== "latin-1") {
    const own = new TextDecoder(encoding);
    return (bytes, stream = true) => own.decode(bytes, { stream });
  }
  return (bytes) => {
    let text = "";
    for (let at = 0; at < bytes.length; at += 4096)
      text += String.fromCharCode(...bytes.subarray(at, at + 4096));
    return text;
  };
}

export function* texts(file, encoding, came) {
  const decode = decoder(encoding);
  for (const bytes of parts(file, came)) yield decode(bytes);
  const rest = decode(new Uint8Array(0), false);
  if (rest) yield rest;
}

/* The lines, each with the end it has: \n, \r or both. */
export function* lines(file, encoding, place, came) {
  const END = /\r\n|\n|\r/g,
    { LONGEST } = rules.text;
  let rest = "";
  for (const text of texts(file, encoding, came)) {
    const all = rest + text;
    let at = 0;
    for (const { index, 0: end } of all.matchAll(END)) {
      const next = index + end.length;
      if (end === "\r" && next === all.length) break; // what follows may belong to it
      yield short(all.slice(at, next), LONGEST, place);
      at = next;
    }
    rest = short(all.slice(at), LONGEST, place);
  }
  if (rest) yield rest;
}

function short(line, most, place) {
  if (line.length >= most)
    throw refused("LONG_LINE", { place, most: most.toLocaleString("en") });
  return line;
}
