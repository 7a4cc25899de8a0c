/* TensorBoard's events: records with checksums, each a message of protobuf. */

import { parts } from "./lines.js";

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0x82f63b78 : n >>> 1;
  return n >>> 0;
});

/* What the format calls a masked CRC of bytes. */
function checksum(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

export const isEvents = (head) =>
  new TextDecoder("latin1").decode(head.subarray(0, 64)).includes("brain.Event:");

/* All scalars of a file, tag by tag as TensorBoard has them, then those in tensors. */
export function read(file, tables, came) {
  const scalars = new Map(),
    tensors = new Map();
  for (const bytes of framed(parts(file, came))) {
    const event = fields(bytes);
    const step = Number(BigInt.asIntN(64, event.get(2)?.at(-1) ?? 0n));
    for (const summary of event.get(5) ?? [])
      for (const one of fields(summary).get(1) ?? [])
        reading(one, step, scalars, tensors);
  }
  for (const kind of [scalars, tensors])
    for (const [tag, found] of kind)
      for (const [step, value] of found)
        tables.add(
          new Map([
            ["step", step],
            [tag, value],
          ]),
        );
}

function reading(bytes, step, scalars, tensors) {
  const one = fields(bytes),
    tag = new TextDecoder().decode(one.get(1)?.at(-1) ?? new Uint8Array(0));
  const put = (kind, value) => {
    if (!kind.has(tag)) kind.set(tag, []);
    kind.get(tag).push([step, value]);
  };
  const simple = one.get(2)?.at(-1),
    tensor = one.get(8)?.at(-1);
  if (simple) put(scalars, view(simple).getFloat32(0, true));
  else if (tensor) {
    const value = single(fields(tensor));
    if (value !== null) put(tensors, value);
  }
}

/* The records that are whole; the first that is not ends them. */
function* framed(parts) {
  let rest = new Uint8Array(0);
  for (const part of parts) {
    const all = new Uint8Array(rest.length + part.length);
    all.set(rest);
    all.set(part, rest.length);
    let at = 0;
    while (at + 16 <= all.length) {
      const size = Number(view(all).getBigUint64(at, true)),
        body = at + 12;
      if (view(all).getUint32(at + 8, true) !== checksum(all.subarray(at, at + 8)))
        return;
      if (body + size + 4 > all.length) break;
      const bytes = all.subarray(body, body + size);
      if (view(all).getUint32(body + size, true) !== checksum(bytes)) return;
      yield bytes;
      at = body + size + 4;
    }
    rest = all.slice(at);
  }
}

const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/* A message as field -> what stands there: whole numbers as BigInt, all else as bytes. */
function fields(bytes) {
  const found = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; at < bytes.length; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    return value;
  };
  const take = (size) => bytes.subarray(at, (at += size));
  while (at < bytes.length) {
    const key = Number(varint()),
      kind = key & 7;
    let value;
    if (kind === 0) value = varint();
    else if (kind === 1) value = take(8);
    else if (kind === 2) value = take(Number(varint()));
    else if (kind === 5) value = take(4);
    else break;
    const field = key >> 3;
    if (!found.has(field)) found.set(field, []);
    found.get(field).push(value);
  }
  return found;
}

/* By TensorFlow's type: its bytes, how one is read, and the field with lists of it. */
const FLOAT = [4, (v) => v.getFloat32(0, true), 5],
  DOUBLE = [8, (v) => v.getFloat64(0, true), 6],
  INT = [4, (v) => v.getInt32(0, true), 7],
  LONG = [8, (v) => Number(v.getBigInt64(0, true)), 10];
const TYPES = { 1: FLOAT, 2: DOUBLE, 3: INT, 9: LONG };

/* The one number of a tensor; null where it is text, has several, or is of a rare type. */
function single(tensor) {
  const [size, read, listed] = TYPES[Number(tensor.get(1)?.at(-1) ?? 0n)] ?? [];
  const dims = (tensor.get(2) ?? []).flatMap((shape) => fields(shape).get(2) ?? []);
  const length = (dim) => Number(fields(dim).get(1)?.at(-1) ?? 0n);
  if (!size || dims.some((dim) => length(dim) !== 1)) return null;
  const content = tensor.get(4)?.at(-1);
  if (content?.length) return read(view(content));
  const value = tensor.get(listed)?.at(-1);
  if (value === undefined) return null;
  if (typeof value === "bigint") return Number(BigInt.asIntN(8 * size, value));
  if (size === 4 && read === INT) return Number(value[0]); // packed, and small
  return value.length >= size ? read(view(value)) : null;
}
