/* Where the test images lie in two dimensions: their features along two fixed directions,
   so that what moves is the images and not the axes. */

const ROUNDS = 100; // of the power iteration; features have few wide directions

/* Axes {mean [d], directions [2][d], reach}: the two directions in which rows [n * d]
   spread most, and the furthest that a row lies along them. */
export function axes(rows, d) {
  const n = rows.length / d,
    mean = new Float64Array(d),
    spread = Array.from({ length: d }, () => new Float64Array(d));
  rows.forEach((value, i) => {
    mean[i % d] += value / n;
  });
  for (let i = 0; i < rows.length; i += d)
    for (let a = 0; a < d; a++)
      for (let b = 0; b < d; b++)
        spread[a][b] += (rows[i + a] - mean[a]) * (rows[i + b] - mean[b]);
  const first = widest(spread, []),
    directions = [first, widest(spread, [first])];
  const found = { mean, directions, reach: 1 };
  found.reach = Math.max(1e-9, ...points(rows, d, found).map(Math.abs));
  return found;
}

/* The widest direction at right angles to those that are known. */
function widest(spread, known) {
  let own = Float64Array.from(spread, (_, i) => 1 + (i % 3)); // no direction in particular
  for (let round = 0; round < ROUNDS; round++) {
    const next = spread.map((row) => dot(row, own));
    for (const other of known) {
      const along = dot(next, other);
      other.forEach((value, i) => {
        next[i] -= along * value;
      });
    }
    const length = Math.sqrt(dot(next, next)) || 1;
    own = Float64Array.from(next, (value) => value / length);
  }
  return own;
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/* [n * 2]: rows along the axes, in units of their reach. */
export function points(rows, d, { mean, directions, reach }) {
  const found = new Float32Array((2 * rows.length) / d);
  for (let i = 0; i < found.length; i++) {
    const row = rows.subarray(d * (i >> 1), d * ((i >> 1) + 1));
    found[i] = directions[i % 2].reduce(
      (sum, value, k) => sum + (value * (row[k] - mean[k])) / reach,
      0,
    );
  }
  return found;
}
