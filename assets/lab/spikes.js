/* Where a gradient jumps, and in which layer that begins; found as a run goes on.

   As mocolib's measures have it: a layer's largest gradient entry lies above FACTOR times
   its median of the last WINDOW steps. What follows within QUIET steps is the same spike,
   in other layers. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const FACTOR = 2.5,
    WINDOW = 25,
    QUIET = 8;

  function median(values) {
    const sorted = Float64Array.from(values).sort(),
      half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  class Spikes {
    /* The first `calm` steps, the warmup, are not looked at. */
    constructor(layers, calm) {
      Object.assign(this, { layers, calm, list: [], past: {}, last: -Infinity });
      // by layer, what each step's entry is in units of its median; none before WINDOW
      this.times = Object.fromEntries(layers.map((layer) => [layer, []]));
    }

    /* A step's row; a spike that begins with it joins `list`: {step, layer, times}. */
    push(row) {
      if (row.step <= this.calm) return;
      const high = [];
      for (const layer of this.layers) {
        const value = row[`grad_inf/${layer}`],
          past = (this.past[layer] ??= []);
        if (!Number.isFinite(value ?? NaN)) continue;
        const times = past.length < WINDOW ? 0 : value / median(past);
        this.times[layer][row.step] = times;
        if (times > FACTOR) high.push({ layer, times });
        past.push(value);
        if (past.length > WINDOW) past.shift();
      }
      if (!high.length) return;
      if (row.step > this.last + QUIET) {
        const first = high.reduce((a, b) => (b.times > a.times ? b : a));
        this.list.push({ step: row.step, ...first });
      }
      this.last = row.step;
    }
  }

  Object.assign(Why, { SPIKE: FACTOR, Spikes });
})();
