/* <why-charts>: charts stacked over one x axis, with one line through all of them under
   the pointer. What they show is JSON inside the element, or given to show():

     charts   [{ key, title, log, dots, limits }]
     x        { title, since, until }
     lines    [{ name, colour, dash, width, opacity, label, seed,
                 data: { key: [x, y] }, points: { key: [...] } }]; see chart.js
     marks    [{ at, words }]
     symbols  { kind: what it means }, for the legend */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { chart, escaped, finite, glyph, hair, short, under } = Why;
  const NARROW = 520,
    AXIS = 30; // pixels; what the words of the x axis add
  const LEAST = 240;

  /* How high each chart is: the first is the one to be looked at. */
  const heights = (count, width) =>
    Array.from(
      { length: count },
      (_, i) =>
        (count === 1 ? 230 : i ? 118 : 190) -
        (width < NARROW ? 30 : 0) +
        (i === count - 1 ? AXIS : 0),
    );

  class WhyCharts extends HTMLElement {
    connectedCallback() {
      const inside = this.querySelector("script");
      if (inside) this.data = JSON.parse(inside.textContent);
      this.addEventListener("pointermove", (event) => this.hover(event));
      this.addEventListener("pointerleave", () => this.hover(null));
      // a picture is drawn at the width it has, so it follows the page's
      this.sizes = new ResizeObserver(() => {
        if (Math.abs(this.clientWidth - (this.drawn ?? 0)) > 2) this.draw();
      });
      this.sizes.observe(this);
      this.draw();
    }

    disconnectedCallback() {
      this.sizes.disconnect();
    }

    show(data) {
      this.data = data;
      this.draw();
    }

    draw() {
      if (!this.data) return;
      const { charts, x, lines, marks, symbols = {} } = this.data;
      const width = Math.max(LEAST, this.clientWidth || 640);
      const high = heights(charts.length, width);
      const room = Math.max(0, ...lines.map(({ label }) => (label ?? "").length));
      this.drawn = this.clientWidth;
      const drawn = charts.map((one, i) => {
        const own = lines.filter(({ data }) => data[one.key]?.[0]?.length);
        return chart({
          ...one,
          width,
          height: high[i],
          room,
          marks: i ? marks?.map(unnamed) : marks,
          x: { ...x, bare: i < charts.length - 1 },
          lines: own.map((line) => ({
            ...line,
            dots: one.dots,
            x: line.data[one.key][0],
            y: line.data[one.key][1],
          })),
          points: own.flatMap(({ points, colour }) =>
            (points?.[one.key] ?? []).map((point) => ({ colour, ...point })),
          ),
        });
      });
      const kinds = new Set(
        lines.flatMap(({ points }) =>
          Object.values(points ?? {})
            .flat()
            .map(({ kind }) => kind),
        ),
      );
      const legend = Object.entries(symbols)
        .filter(([kind]) => kinds.has(kind))
        .map(([kind, said]) => `<li>${glyph(kind)} ${escaped(said)}</li>`);
      this.innerHTML = `<div class="stack">${drawn.join("")}</div>
        <div class="readout" aria-hidden="true"></div>
        ${legend.length ? `<ul class="legend">${legend.join("")}</ul>` : ""}`;
    }

    hover(event) {
      const svg = event?.target.closest("svg[data-key]");
      const value = svg ? under(svg, event.clientX) : null;
      hair(this.querySelectorAll("svg[data-key]"), value);
      const readout = this.querySelector(".readout");
      if (readout) readout.innerHTML = value === null ? "" : this.said(value);
    }

    /* The readings of every named line that are nearest to x. */
    said(value) {
      const { charts, x, lines } = this.data;
      const rows = lines
        .filter(({ seed }) => !seed)
        .map(({ name, label, colour, data }) => {
          const read = charts
            .filter(({ key }) => data[key]?.[0]?.length)
            .map(
              (one) =>
                `${escaped(one.short ?? one.title)} ${nearest(data[one.key], value)}`,
            );
          return (
            `<span><b style="color:${colour}">${escaped(label || name)}</b> ` +
            `${read.join(", ")}</span>`
          );
        });
      const at = value >= 1000 ? short(value) : Math.round(value);
      return `<span>${escaped(x.title)} ${at}</span> ${rows.join(" ")}`;
    }
  }

  const unnamed = ({ at }) => ({ at, words: "" });

  function nearest([x, y], value) {
    const i = x.reduce(
      (best, v, j) => (Math.abs(v - value) < Math.abs(x[best] - value) ? j : best),
      0,
    );
    return finite(y[i]) ? short(y[i]) : "–";
  }

  Why.define("why-charts", WhyCharts);
})();
