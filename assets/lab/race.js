/* A race over seeds, as <why-train> shows it: a small chart a seed, all on one scale, and
   a tally of those that fell. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { named, said } = Why;
  const SEEDS = 3;
  const DEEP = 5, // times the noise of a reading: what is called a fall, as in mocolib
    NOISE = 0.2; // of a reading, times the root of the number of test images

  /* The sides of a pair, or the one that there is: what they are called, and their runs. */
  function arms({ training: { live }, data: { compare } }) {
    const sides = live.length > SEEDS ? compare.words : [""];
    return sides.map((words, i) => ({
      words,
      colour: Why.COLOURS[i],
      records: live.filter((_, part) => part % sides.length === i),
    }));
  }

  /* What the small charts draw: [data of <why-charts>], a seed each. */
  function multiples(panel) {
    const {
        data: { charts, recipe },
      } = panel,
      sides = arms(panel),
      [first] = charts;
    const lines = sides.map(({ words, colour, records }) =>
      records.map((record) => ({
        name: words || said("this run"),
        label: words,
        colour,
        width: 1.8,
        data: { [first.key]: record.column(...Why.trainView.column(panel, first.key)) },
      })),
    );
    const limits = Why.reach(
      lines.flat().map(({ data }) => ({ y: data[first.key][1] })),
      first.log,
    );
    return Array.from({ length: SEEDS }, (_, k) => ({
      charts: [
        { ...first, limits, title: said("seed {seed}", sides[0].records[k].recipe) },
      ],
      x: { title: said("training step"), until: recipe.steps },
      lines: lines.map((side) => side[k]),
    }));
  }

  /* How many of each side fell, and how deep, in a sentence a side. */
  function tally(panel) {
    const deep = (100 * DEEP * NOISE) / Math.sqrt(panel.training.counts?.test || 640);
    return arms(panel)
      .map(({ words, records }) => {
        const falls = records.map(Why.trainView.deepestFall),
          fell = falls.filter((fall) => fall > deep).length;
        const depths = falls.map((fall) => fall.toFixed(1)).join(", ");
        const told = { fell, count: SEEDS, deep: deep.toFixed(1), depths };
        return named(
          words,
          said(
            "{fell} of {count} fell by more than {deep} points (deepest: {depths})",
            told,
          ),
        );
      })
      .join(" · ");
  }

  /* All of it into an element; nothing where there is no race. */
  function showRace(place, panel) {
    const on = panel.training.race && panel.training.live.length;
    place.hidden = !on;
    if (!on) return place.replaceChildren();
    if (!place.children.length)
      place.innerHTML = `<div class="multiples">${"<why-charts></why-charts>".repeat(SEEDS)}
        </div><p class="tally" role="status"></p>`;
    const drawn = multiples(panel);
    for (const [i, one] of [...place.querySelectorAll("why-charts")].entries())
      one.show(drawn[i]);
    const shown = place.querySelector(".tally"),
      words = tally(panel);
    if (shown.textContent !== words) shown.textContent = words;
  }

  Object.assign(Why, { SEEDS, showRace });
})();
