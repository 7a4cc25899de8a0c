/* Where a run spikes: layers by steps, a cell the darker the further a layer's largest
   gradient entry lies above its usual one. It grows as the run goes on. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { escaped, named, said } = Why;
  const HOT = [213, 94, 0], // of a spike; below it lies what is only high
    MOST = 6; // times the median: darker than this it does not get

  /* How dark: nothing at the median, full at MOST times it. */
  const share = (times) =>
    times > 1 ? Math.min(1, Math.log(times) / Math.log(MOST)) : 0;

  function draw(canvas, { layers, times }, steps) {
    Object.assign(canvas, { width: steps, height: layers.length });
    const context = canvas.getContext("2d"),
      whole = context.createImageData(steps, layers.length);
    for (const [y, layer] of layers.entries())
      times[layer].forEach((high, step) => {
        const alpha = 255 * share(high) * (high > Why.SPIKE ? 1 : 0.45);
        whole.data.set([...HOT, alpha], 4 * (y * steps + step - 1));
      });
    context.putImageData(whole, 0, 0);
  }

  /* What the map shows, for those who do not see it. */
  function heard(record, list) {
    const told = { name: record.words || said("This run"), count: list.length };
    if (!list.length) return said("{name}: layers by training steps; 0 spikes.", told);
    told.step = list.at(-1).step;
    return said(
      "{name}: layers by training steps; {count} spikes, the last at step {step}.",
      told,
    );
  }

  /* A map for each of the records, into an element; names are the layers in words. */
  function showHeat(place, records, names) {
    const shown = records.filter(({ spikes, steps }) => spikes && steps);
    place.hidden = !shown.length;
    while (place.children.length > shown.length) place.lastChild.remove();
    for (const [i, record] of shown.entries()) {
      const { spikes, recipe, words } = record,
        { layers, list } = spikes;
      const part = place.children[i] ?? place.appendChild(figure());
      const caption = named(words, said("spikes by layer and step"));
      part.querySelector("figcaption").textContent = caption;
      const labels = layers.map(
        (layer) => `<li>${escaped(names[layer] ?? layer)}</li>`,
      );
      const rows = part.querySelector("ul");
      if (rows.children.length !== labels.length) rows.innerHTML = labels.join("");
      const canvas = part.querySelector("canvas");
      canvas.setAttribute("aria-label", heard(record, list));
      draw(canvas, spikes, recipe.steps);
    }
  }

  function figure() {
    const part = document.createElement("figure");
    part.className = "heat";
    part.innerHTML = `<figcaption></figcaption><ul aria-hidden="true"></ul>
      <canvas role="img"></canvas>`;
    return part;
  }

  Object.assign(Why, { showHeat });
})();
