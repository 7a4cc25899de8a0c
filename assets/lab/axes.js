/* The axes of a chart: round numbers, where things lie, and the lines and words. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const WIDE = 640,
    HIGH = 200,
    LEFT = 48,
    TOP = 26,
    BOTTOM = 40,
    BARE = 10;
  /* A message as the reader is told it, its {fields} filled in. What another language
     has for it stands in Why.messages, which a script before this one may set. */
  const said = (message, fields = {}) =>
    (Why.messages?.[message] ?? message).replace(/\{(\w+)\}/g, (_, key) => fields[key]);
  /* The message for one thing, or that for several, which takes {count}. */
  const counted = (one, many, count) => said(count === 1 ? one : many, { count });
  /* Names or settings in a row. */
  const listed = (parts) => parts.join(said(", "));
  /* What is told of a thing, behind its name where it has one. */
  const named = (name, text) => (name ? said("{name}: {text}", { name, text }) : text);

  const AXES = { step: said("training step"), images: said("images seen") };

  const escaped = (text) =>
    String(text).replace(
      /[&<>"]/g,
      (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c],
    );
  /* The pixels that a label takes, in the letters that lab.css gives it. */
  const pen = document.createElement("canvas").getContext("2d");
  function wide(text) {
    pen.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
    return pen.measureText(text).width;
  }

  const finite = (value) => typeof value === "number" && Number.isFinite(value);
  const fixed = (value) => String(Math.round(value * 10) / 10);

  /* A number in few letters: 0.004, 0.2, 61k. */
  function short(value) {
    if (value && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e6)) {
      const [digits, power] = value.toExponential(2).split("e");
      return `${Number(digits)}e${Number(power)}`;
    }
    if (Math.abs(value) >= 999.5) return `${Number((value / 1000).toPrecision(3))}k`;
    return String(Number(value.toPrecision(3)));
  }

  /* Three to six round numbers that enclose two values. */
  function linearTicks(low, high) {
    if (high - low < 1e-9 * Math.max(1, Math.abs(high))) {
      const half = 0.5 * (Math.abs(low) || 1);
      [low, high] = [low - half, high + half];
    }
    const size = 10 ** Math.floor(Math.log10((high - low) / 2));
    const step = [1, 2, 5, 10].find((s) => (high - low) / (s * size) <= 4) * size;
    const last = Math.ceil(high / step - 1e-9),
      ticks = [];
    for (let i = Math.floor(low / step + 1e-9); i <= last; i++) ticks.push(i * step);
    return ticks;
  }

  /* 1-2-5 in each power of ten, or powers alone where the values span many. */
  function logTicks(low, high) {
    const first = Math.floor(Math.log10(low)),
      last = Math.ceil(Math.log10(high));
    const fine = [];
    for (let i = first - 1; i <= last; i++)
      for (const s of [1, 2, 5]) fine.push(s * 10 ** i);
    const below = fine.findLastIndex((v) => v <= low * 1.000001);
    let above = fine.findIndex((v) => v >= high * 0.999999);
    if (above < 0) above = fine.length - 1;
    if (above - below <= 6) return fine.slice(below, Math.max(above, below + 1) + 1);
    const step = Math.ceil((last - first) / 5),
      ticks = [];
    for (let i = first; i < last + step; i += step) ticks.push(10 ** i);
    return ticks;
  }

  /* What a log axis can show of a number, or any axis. */
  const shows = (value, log) => finite(value) && (value > 0 || !log);

  /* The least and the largest of what lines show; null where they show nothing. */
  function reach(lines, log) {
    let low = Infinity,
      high = -Infinity;
    for (const { y } of lines)
      for (const value of y) {
        if (!shows(value, log)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    return low > high ? null : [low, high];
  }

  /* Where things lie: edges, ticks, and both scales. */
  function layout({ width = WIDE, height = HIGH, log, limits, x, ...rest }) {
    const { lines, levels = [], room = 0 } = rest;
    const right = width - 12 - room;
    const bottom = height - (x.bare ? BARE : BOTTOM),
      since = x.since ?? 0;
    const values = limits ?? reach([...lines, { y: levels.map(({ y }) => y) }], log);
    const ticks = (log ? logTicks : linearTicks)(...(values ?? [0.1, 1]));
    const scale = log ? Math.log10 : (v) => v;
    const [low, high] = [scale(ticks[0]), scale(ticks.at(-1))];
    return {
      width,
      height,
      right,
      bottom,
      ticks,
      since,
      until: x.until,
      empty: !values,
      across: (v) => LEFT + ((right - LEFT) * (v - since)) / (x.until - since),
      up: (v) => bottom - ((bottom - TOP) * (scale(v) - low)) / (high - low),
    };
  }

  const words = (x, y, text, anchor, more = "") =>
    `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}"${more}>` +
    `${escaped(text)}</text>`;

  function axes({ title = "", log, x }, at) {
    const { right, bottom, height } = at,
      parts = [];
    const note = log ? ` <tspan class="note">${said("(log axis)")}</tspan>` : "";
    parts.push(`<text x="0" y="13" class="title">${escaped(title)}${note}</text>`);
    const many = at.ticks.length * 14 > bottom - TOP; // then not every one is named
    at.ticks.forEach((value, i) => {
      const y = at.up(value);
      parts.push(`<path d="M${LEFT} ${fixed(y)}H${fixed(right)}" class="grid"/>`);
      if (!at.empty && !(many && i % 2))
        parts.push(words(LEFT - 6, y + 4, short(value), "end"));
    });
    const inside = linearTicks(at.since, at.until).filter(
      (v) => v >= at.since && v <= at.until * 1.000001,
    );
    for (const value of inside) {
      const across = at.across(value);
      parts.push(`<path d="M${fixed(across)} ${fixed(bottom)}v4" class="tick"/>`);
      if (!x.bare) parts.push(words(across, bottom + 17, short(value), "middle"));
    }
    parts.push(`<path d="M${LEFT} ${fixed(bottom)}H${fixed(right)}" class="tick"/>`);
    if (!x.bare)
      parts.push(words((LEFT + right) / 2, height - 6, x.title ?? AXES.step, "middle"));
    return parts.join("");
  }

  Object.assign(Why, {
    AXES,
    counted,
    escaped,
    finite,
    listed,
    named,
    reach,
    said,
    short,
  });
  Why.axes = { BARE, LEFT, TOP, axes, fixed, layout, shows, wide, words };
})();
