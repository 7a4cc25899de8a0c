/* The monitor: weighted kNN, as mocolib/evaluate.py has it. */

const NEIGHBOURS = 20, SHARPNESS = 0.07;

/* Rows of length d to unit length, in place. */
export function normalized(rows, d) {
  for (let i = 0; i < rows.length; i += d) {
    let square = 0;
    for (let k = i; k < i + d; k++) square += rows[k] * rows[k];
    const length = Math.max(Math.sqrt(square), 1e-12);
    for (let k = i; k < i + d; k++) rows[k] /= length;
  }
  return rows;
}

/* Share of queries whose nearest memory features, by weighted vote, are right.

   memory [M * d] and queries [N * d] are flat and normalized. */
export function knnAccuracy(memory, memoryLabels, queries, labels, d, classes) {
  const most = memoryLabels.length, near = new Float32Array(most);
  let right = 0;
  for (let q = 0; q < labels.length; q++) {
    for (let m = 0; m < most; m++) {
      let cosine = 0;
      for (let k = 0; k < d; k++) cosine += memory[m * d + k] * queries[q * d + k];
      near[m] = cosine;
    }
    const votes = new Float64Array(classes);
    for (const m of nearest(near)) votes[memoryLabels[m]] += Math.exp(near[m] / SHARPNESS);
    right += votes.indexOf(Math.max(...votes)) === labels[q];
  }
  return right / labels.length;
}

/* Where the largest values lie: one pass, with the least of those kept at hand. */
function nearest(values) {
  const kept = [];
  for (let i = 0; i < values.length; i++) {
    if (kept.length === NEIGHBOURS && values[i] <= values[kept[0]]) continue;
    if (kept.length === NEIGHBOURS) kept.shift();
    let place = kept.length;
    while (place > 0 && values[kept[place - 1]] > values[i]) place--;
    kept.splice(place, 0, i);
  }
  return kept;
}

/* The last features seen in training, the oldest first: the memory that costs nothing. */
export class Queue {
  constructor(size) { Object.assign(this, { size, labels: [], rows: [] }); }

  /* features [n * d], labels [n]. */
  push(features, labels) {
    const d = features.length / labels.length;
    this.rows.push(...labels.map((_, i) => features.slice(i * d, (i + 1) * d)));
    this.labels.push(...labels);
    this.rows = this.rows.slice(-this.size);
    this.labels = this.labels.slice(-this.size);
  }

  get features() {
    const d = this.rows[0].length, all = new Float32Array(this.rows.length * d);
    this.rows.forEach((row, i) => all.set(row, i * d));
    return all;
  }
}
