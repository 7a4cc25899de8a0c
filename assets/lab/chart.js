/* One chart as SVG text: the same picture that mocolib/lab/chart.py draws in a kernel.

   A test draws both from one description and compares them. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const WIDE = 330, HIGH = 220, LEFT = 44, RIGHT = 14, TOP = 30, BOTTOM = 38;
  const AXES = { step: "training step", images: "images seen" };

  const escaped = (text) => String(text).replace(/[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const finite = (value) => value !== null && Number.isFinite(value);

  /* A number in few letters: 4e-3, 0.2, 61k. */
  function short(value) {
    if (value && (Math.abs(value) < 0.01 || Math.abs(value) >= 1e6)) {
      const [digits, power] = value.toExponential(2).split("e");
      return `${Number(digits)}e${Number(power)}`;
    }
    if (Math.abs(value) >= 1000) return `${Number((value / 1000).toPrecision(3))}k`;
    return String(Number(value.toPrecision(3)));
  }

  /* Three to six round numbers that enclose the values. */
  function linearTicks(low, high) {
    if (high - low < 1e-9 * Math.max(1, Math.abs(high))) {
      const half = 0.5 * (Math.abs(low) || 1);
      [low, high] = [low - half, high + half];
    }
    const size = 10 ** Math.floor(Math.log10((high - low) / 2));
    const step = [1, 2, 5, 10].find((s) => (high - low) / (s * size) <= 4) * size;
    const ticks = [];
    const last = Math.ceil(high / step - 1e-9);
    for (let i = Math.floor(low / step + 1e-9); i <= last; i++) ticks.push(i * step);
    return ticks;
  }

  /* 1-2-5 in each power of ten, or powers alone where the values span many. */
  function logTicks(low, high) {
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
    const fine = [];
    for (let i = first - 1; i <= last; i++) for (const s of [1, 2, 5]) fine.push(s * 10 ** i);
    const below = fine.findLastIndex((v) => v <= low * 1.000001);
    let above = fine.findIndex((v) => v >= high * 0.999999);
    if (above < 0) above = fine.length - 1;
    if (above - below <= 6) return fine.slice(below, Math.max(above, below + 1) + 1);
    const step = Math.ceil((last - first) / 5), ticks = [];
    for (let i = first; i < last + step; i += step) ticks.push(10 ** i);
    return ticks;
  }

  /* Where a step and a value lie on a chart: the scales of both axes. */
  function scales(chart, curves, x, bands) {
    const values = [];
    for (const { group } of curves) {
      values.push(...(group.lines[chart.key]?.[1] ?? []));
      if (bands) for (const side of (group.bands[chart.key] ?? []).slice(1)) values.push(...side);
    }
    const good = values.filter((v) => finite(v) && (v > 0 || !chart.log));
    const low = good.length ? Math.min(...good) : 0.1;
    const high = good.length ? Math.max(...good) : 1;
    const ticks = chart.log ? logTicks(low, high) : linearTicks(low, high);
    const scale = chart.log ? Math.log10 : (v) => v;
    const until = Math.max(...curves.map(({ group }) => group.until * times(group, x)));
    const [bottom, top] = [scale(ticks[0]), scale(ticks.at(-1))];
    return {
      ticks, until, bare: !good.length,
      across: (v) => LEFT + ((WIDE - LEFT - RIGHT) * v) / until,
      up: (v) => HIGH - BOTTOM - ((HIGH - TOP - BOTTOM) * (scale(v) - bottom)) / (top - bottom),
    };
  }

  const times = (group, x) => (x === "images" ? group.images : 1);
  const fixed = (value) => value.toFixed(1);
  const words = (x, y, text, anchor) =>
    `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escaped(text)}</text>`;

  function axes(chart, place, x) {
    const parts = [`<text x="${LEFT}" y="14" class="title">${escaped(chart.title)}</text>`];
    for (const value of place.ticks) {
      const y = place.up(value);
      parts.push(`<path d="M${LEFT} ${fixed(y)}H${WIDE - RIGHT}" class="grid"/>`);
      if (!place.bare) parts.push(words(LEFT - 6, y + 3.5, short(value), "end"));
    }
    for (const value of linearTicks(0, place.until).filter((v) => v <= place.until)) {
      const at = place.across(value);
      parts.push(`<path d="M${fixed(at)} ${HIGH - BOTTOM}v4" class="tick"/>`,
        words(at, HIGH - BOTTOM + 15, short(value), "middle"));
    }
    parts.push(`<path d="M${LEFT} ${HIGH - BOTTOM}H${WIDE - RIGHT}" class="tick"/>`,
      words((LEFT + WIDE - RIGHT) / 2, HIGH - 6, AXES[x], "middle"));
    return parts.join("");
  }

  function band(rows, place, per, colour) {
    const [x, low, high] = rows;
    const point = (i, side) => `${fixed(place.across(x[i] * per))} ${fixed(place.up(side[i]))}`;
    const order = [...x.keys()];
    const path = [...order.map((i) => point(i, high)), ...order.reverse().map((i) => point(i, low))];
    return `<path class="band" d="M${path.join("L")}Z" fill="${colour}" fill-opacity="0.17"/>`;
  }

  function line(rows, place, per, style, dots) {
    const [x, y] = rows;
    const placed = x.map((v, i) => [fixed(place.across(v * per)), fixed(place.up(y[i]))]);
    const marks = (dots && placed.length <= 80 ? placed : placed.slice(-1))
      .map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="2"/>`).join("");
    return `<path class="line" d="M${placed.map((p) => p.join(" ")).join("L")}" fill="none" ` +
      `stroke="${style.colour}" stroke-width="1.8" stroke-dasharray="${style.dash}" ` +
      `stroke-linejoin="round"/><g fill="${style.colour}">${marks}</g>`;
  }

  /* Upright lines where something was changed, with what it was; at is on the x axis. */
  const upright = ({ at, words: said }, place) => {
    const across = fixed(place.across(at));
    return `<path class="mark" d="M${across} ${TOP}V${HIGH - BOTTOM}" stroke-dasharray="2 2">` +
      `<title>${escaped(said)}</title></path>`;
  };

  function draw(chart, curves, x, bands, marks = []) {
    const place = scales(chart, curves, x, bands), parts = [axes(chart, place, x)];
    parts.push(...marks.map((mark) => upright(mark, place)));
    if (bands)
      for (const { group, style } of curves)
        if (group.bands[chart.key]?.length)
          parts.push(band(group.bands[chart.key], place, times(group, x), style.colour));
    for (const { group, style } of curves)
      if (group.lines[chart.key]?.length)
        parts.push(line(group.lines[chart.key], place, times(group, x), style, chart.dots));
    const ends = curves.map(({ name, group }) =>
      `${name} ends at ${short(group.lines[chart.key]?.[1]?.at(-1) ?? NaN)}`).join("; ");
    const label = escaped(`${chart.title} against ${AXES[x]}: ${ends}.`);
    return `<svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label="${label}" ` +
      `data-key="${chart.key}">${parts.join("")}<g class="hover"></g></svg>`;
  }

  const swatch = ({ colour, dash }) =>
    `<svg viewBox="0 0 34 8" width="34" height="8" aria-hidden="true"><path d="M1 4H33" ` +
    `stroke="${colour}" stroke-width="1.8" stroke-dasharray="${dash}"/></svg>`;

  /* Which x a point of the screen means on a chart of these curves; null off the axes. */
  function xUnder(svg, clientX, curves, x) {
    const box = svg.getBoundingClientRect();
    const at = ((clientX - box.left) / box.width) * WIDE;
    const until = Math.max(...curves.map(({ group }) => group.until * times(group, x)));
    const value = ((at - LEFT) / (WIDE - LEFT - RIGHT)) * until;
    return value < 0 || value > until ? null
      : { value, hair: `<path class="hair" d="M${fixed(at)} ${TOP}V${HIGH - BOTTOM}"/>` };
  }

  Object.assign(Why, { AXES, escaped, finite, short, swatch, draw, times, xUnder });
})();
