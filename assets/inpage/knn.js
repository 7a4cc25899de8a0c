/* The monitor: weighted kNN, as mocolib/evaluate.py has it. */

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

/* For each query {near, right}: where its nearest memory features lie, the nearest first,
   and whether their weighted vote is right.

   memory and queries are {features [n * d], normalized, and labels [n]}; rule is the
   manifest's {neighbours, sharpness}. */
export function votes(memory, queries, d, classes, { neighbours, sharpness }) {
  const most = memory.labels.length,
    cosines = new Float32Array(most);
  return Array.from(queries.labels, (label, q) => {
    for (let m = 0; m < most; m++) {
      let cosine = 0;
      for (let k = 0; k < d; k++)
        cosine += memory.features[m * d + k] * queries.features[q * d + k];
      cosines[m] = cosine;
    }
    const near = nearest(cosines, neighbours),
      sums = new Float64Array(classes);
    for (const m of near) sums[memory.labels[m]] += Math.exp(cosines[m] / sharpness);
    return { near, right: sums.indexOf(Math.max(...sums)) === label };
  });
}

export const accuracy = (cast) =>
  cast.filter(({ right }) => right).length / cast.length;

/* Where the largest values lie, the largest first: one pass with those at hand. */
function nearest(values, count) {
  const kept = [];
  for (let i = 0; i < values.length; i++) {
    if (kept.length === count && values[i] <= values[kept[count - 1]]) continue;
    if (kept.length === count) kept.pop();
    let place = kept.length;
    while (place > 0 && values[kept[place - 1]] < values[i]) place--;
    kept.splice(place, 0, i);
  }
  return kept;
}
