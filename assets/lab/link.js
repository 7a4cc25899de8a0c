/* What was done to a training while it went on, in an address: whoever opens it can have
   it done again. `p~0.40.1.3~1.75.60`: of a pair (`o`: of one run) part 0 had the second
   control at its fourth value from step 40 on, and at step 75 a branch of part 1 began,
   back at step 60. Branches are parts, too, in the order in which they began. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  /* deeds [{part, step, name, value}, {part, step, left}, ...] as a text. */
  function written(pair, deeds, axes) {
    const told = deeds.map(({ part, step, left, name, value }) => {
      if (left !== undefined) return [part, step, left];
      const k = axes.findIndex((axis) => axis.name === name);
      return [part, step, k, axes[k].values.indexOf(value)];
    });
    return [pair ? "p" : "o", ...told.map((one) => one.join("."))].join("~");
  }

  /* {pair, deeds} of a text; null where it is not one of this panel's. */
  function read(text, { axes, compare, recipe }) {
    const [kind, ...told] = (text ?? "").split("~"),
      pair = kind === "p";
    if (!told.length || !(pair ? compare : kind === "o")) return null;
    let parts = pair ? 2 : 1;
    const deeds = [];
    for (const one of told) {
      if (!/^\d+(\.\d+){2,3}$/.test(one)) return null;
      const [part, step, at, i] = one.split(".").map(Number);
      if (part >= parts || step > recipe.steps) return null;
      if (i === undefined) {
        if (at >= step) return null;
        parts += 1;
        deeds.push({ part, step, left: at });
      } else {
        const { name, values, spoken } = axes[at] ?? {};
        if (values?.[i] === undefined) return null;
        deeds.push({ part, step, name, value: values[i], words: spoken[i] });
      }
    }
    return { pair, deeds };
  }

  class Deeds {
    /* again: what is still to be done once more, null where nothing is. */
    constructor(again = null) {
      Object.assign(this, { list: [], again: again && [...again] });
    }

    /* A setting; another value behind the same step takes its place. */
    set(part, step, name, value) {
      const same = (one) => one.part === part && one.step === step && one.name === name;
      this.list = this.list.filter((one) => !same(one));
      this.list.push({ part, step, name, value });
    }

    /* A branch; one that goes further back instead is one that began there. */
    branch(part, from, step, left) {
      if (from !== undefined) this.list.push({ part: from, step, left, made: part });
      else
        for (const deed of this.list)
          if (deed.made === part) deed.left = left;
          else if (deed.part === part) deed.step = left;
    }

    /* What is to be done once more now that the parts have made so many steps. */
    due(steps) {
      const [next] = this.again ?? [];
      return next && steps[next.part] >= next.step ? this.again.shift() : null;
    }

    /* How far each of the parts may go before that; null where nothing is left. */
    until(steps) {
      if (!this.again?.length) {
        this.again = null;
        return null;
      }
      const next = steps.map(
        (_, part) => this.again.find((deed) => deed.part === part)?.step,
      );
      const last = Math.max(...next.filter((step) => step !== undefined));
      return next.map((step) => step ?? last);
    }
  }

  Object.assign(Why, { Deeds, link: { read, written } });
})();
