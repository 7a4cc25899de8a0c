/* How often noise alone does what a curve did: mocolib/logs/chance.py, bit for bit. */

import { fallsOf, noise } from "./curves.js";
import { rules } from "./rules.js";

export function white(count, seed = 0) {
  const share = (i) => (hashed(i + seed * 2 ** 20 + 1) + 0.5) / 2 ** 32;
  return Float64Array.from({ length: count }, (_, i) => {
    const size = Math.sqrt(-2 * Math.log(share(i)));
    return size * Math.cos(2 * Math.PI * share(count + i));
  });
}

function hashed(number) {
  let bits = Math.imul(number, 0x9e3779b9) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35) >>> 0;
  return (bits ^ (bits >>> 16)) >>> 0;
}

/* Falls in a curve of so many readings that only has noise, on average. */
export function falls(readings, sigma) {
  const { CURVES, MIDDLE, MOST } = rules.chance,
    steps = Float64Array.from({ length: readings }, (_, i) => i);
  const curves = Math.max(
    1,
    Math.min(CURVES, Math.floor(MOST / Math.max(1, readings))),
  );
  let found = 0;
  for (let seed = 0; seed < curves; seed++) {
    const curve = white(readings, seed).map((v) => MIDDLE + sigma * v);
    found += fallsOf(steps, curve, noise(curve)).length;
  }
  return found / curves;
}
