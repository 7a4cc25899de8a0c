/* <why-charts>: charts stacked over one x axis, with one line through all of them under
   the pointer. What they show is JSON inside the element, or given to show():

     charts   [{ key, title, log, dots, limits }]
     x        { title, since, until }
     lines    [{ name, colour, dash, width, opacity, label, seed, of,
                 data: { key: [x, y] }, points: { key: [...] } }]; see chart.js

   A press on a line that is `of` a seed is told as the event why-seed.
     marks    [{ at, words }]
     symbols  { kind: what it means }, for the legend */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { chart, escaped, finite, glyph, hair, seedAt, short, swatch, under } = Why;
  const NARROW = 520,
    AXIS = 30, // pixels; what the words of the x axis add
    LABEL = 14; // and what a label takes upwards
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

  /* The pixels that labels at the ends of lines take. 0 where that is more than a
     quarter of the width, or they are more than the lowest chart holds: then they stand
     in a key above the charts, so that none is cut or lies over a curve. */
  function room(labels, width, high) {
    const longest = Math.max(0, ...labels.map(Why.axes.wide));
    const least = Math.min(...high.slice(0, -1), high.at(-1) - AXIS);
    const fits = labels.length * LABEL <= least - Why.axes.TOP - Why.axes.BARE;
    return fits && longest <= width / 4 ? longest : 0;
  }

  /* What one chart has of the lines, and of the points on them. */
  function shownIn({ key, dots }, lines, labelled) {
    const own = lines.filter(({ data }) => data[key]?.[0]?.length);
    return {
      lines: own.map(({ data, label, ...line }) => ({
        ...line,
        dots,
        label: labelled ? label : "",
        x: data[key][0],
        y: data[key][1],
      })),
      points: own.flatMap(({ points, colour }) =>
        (points?.[key] ?? []).map((point) => ({ colour, ...point })),
      ),
    };
  }

  const list = (name, items) =>
    items.length ? `<ul class="${name}"><li>${items.join("</li><li>")}</li></ul>` : "";

  /* The labels with their strokes, the line on top first. */
  const key = (lines) =>
    list(
      "legend key",
      lines
        .filter(({ label }) => label)
        .toReversed()
        .map(
          (line) =>
            `${swatch(line)} <span style="color:${line.colour}">${escaped(line.label)}</span>`,
        ),
    );

  /* What the symbols mean that stand on the lines. */
  function legend(lines, symbols) {
    const points = lines.flatMap((line) => Object.values(line.points ?? {}).flat());
    const kinds = new Set(points.map(({ kind }) => kind));
    return list(
      "legend",
      Object.entries(symbols)
        .filter(([kind]) => kinds.has(kind))
        .map(([kind, said]) => `${glyph(kind)} ${escaped(said)}`),
    );
  }

  class WhyCharts extends HTMLElement {
    connectedCallback() {
      const inside = this.querySelector("script");
      if (inside) this.data = JSON.parse(inside.textContent);
      this.addEventListener("pointermove", (event) => this.hover(event));
      this.addEventListener("pointerleave", () => this.hover(null));
      this.addEventListener("click", (event) => this.press(event));
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
      const labels = lines.flatMap(({ label }) => label || []),
        ends = room(labels, width, high);
      this.drawn = this.clientWidth;
      const drawn = charts.map((one, i) =>
        chart({
          ...one,
          ...shownIn(one, lines, ends),
          width,
          height: high[i],
          room: ends,
          marks: i ? marks?.map(unnamed) : marks,
          x: { ...x, bare: i < charts.length - 1 },
        }),
      );
      this.innerHTML = `${ends ? "" : key(lines)}<div class="stack">${drawn.join("")}</div>
        <div class="readout" aria-hidden="true"></div>${legend(lines, symbols)}`;
    }

    hover(event) {
      const svg = event?.target.closest("svg[data-key]");
      const value = svg ? under(svg, event.clientX) : null;
      hair(this.querySelectorAll("svg[data-key]"), value);
      const readout = this.querySelector(".readout");
      if (readout) readout.innerHTML = value === null ? "" : this.said(value);
    }

    press(event) {
      const svg = event.target.closest("svg[data-key]");
      const seed = svg ? seedAt(svg, event) : null;
      if (seed !== null)
        this.dispatchEvent(
          new CustomEvent("why-seed", { bubbles: true, detail: seed }),
        );
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
