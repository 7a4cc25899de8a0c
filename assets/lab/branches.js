/* How a training goes back and branches, and does once more what a link has: methods of
   training.js, where the rest of them is.

   The run that goes back stays as it is, and goes on; a branch of it begins where it was.
   `arm` is the part that goes back and, once there are branches, hears of changes. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const BACK = 10; // steps that a press on the button goes back at least

  const branching = {
    /* A new run, to which all is done that was done to another; see link.js. */
    replay(chosen, { pair, deeds }) {
      this.begin(chosen, pair);
      this.deeds = new Why.Deeds(deeds);
      this.train(chosen);
    },

    /* On until something is to be done once more, which is done here. */
    goOn() {
      const { live, deeds } = this;
      for (;;) {
        const steps = live.map((record) => record.steps),
          deed = deeds.due(steps);
        if (!deed) {
          this.session.tell({ do: "train", until: deeds.until(steps) });
          return this.wait(true);
        }
        const { part, left, name, value, words } = deed;
        if (left === undefined) this.set(part, name, value, words);
        else {
          this.arm = part;
          return this.rewind(live[part].steps - left);
        }
      }
    },

    /* A branch of the chosen run, so many steps back; one that has made no step of its own
       goes further back instead. Presses wait for the answer to the first, all as one. */
    rewind(steps = BACK) {
      if (this.back !== null) {
        this.back += steps;
        return;
      }
      this.back = 0;
      const { from, steps: made } = this.live[this.arm];
      const untouched = from && from.step === made;
      this.session.tell({ do: untouched ? "rewind" : "fork", part: this.arm, steps });
    },

    /* Whether a part hears of changes: all do, until one has branched off. */
    listens(part) {
      return part === this.arm || !this.live.some(({ from }) => from);
    },

    /* The run stays as it is, and goes on; a branch of it begins where it was, with the
       settings that are in force now. */
    cameBack({ part, from, left }) {
      const { back, live } = this,
        untouched = live[part],
        record = untouched?.from.record ?? live[from];
      live[part] = record.branch(left, untouched?.number ?? this.count++);
      live[part].adopt(untouched ?? record);
      this.deeds.branch(part, from, live[from]?.steps, left);
      this.arm = part;
      this.back = null;
      if (back) this.rewind(back);
      else this.paused();
      this.on.progress(
        Why.said("back at step {left}: change something, or train on", { left }),
        left / record.recipe.steps,
      );
    },
  };

  Object.assign(Why, { BACK, branching });
})();
