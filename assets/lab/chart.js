/* One chart as the text of an <svg>; drawn at its size on the screen, so that its
   letters are as large as asked for. Everybody who draws curves calls this.

   Why.chart(description); of all but `lines` and `x` a description may leave out any:
     key, title   a word for the chart, and what stands above its y axis
     width, height  in pixels
     log          a logarithmic y axis; its title says so
     limits       [low, high], which the y axis encloses; else it encloses the lines
     x            { title, since = 0, until, bare }: the x axis; bare: without its words
     room         pixels behind the lines' ends, for the longest label
     lines        [{ name, x, y, colour, dash, width, opacity, dots, label, seed, of }]
                  label: words at its end; seed: not named, not read aloud;
                  of: the seed that a press on it tells
     points       [{ kind, x, y, colour, words }]: a symbol, kind one of Why.SYMBOLS;
                  kind "fall": x and y are pairs, from the height to the depth
     levels       [{ y, words }]: thin lines across, what the lines are held against
     marks        [{ at, words }]: upright lines with what was changed there
     note         what it does not show, and why, in a few words */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { AXES, escaped, short } = Why;
  const { BARE, LEFT, TOP, axes, fixed, layout, shows, wide, words } = Why.axes;
  // by order: the chosen one, then the kept ones; the page's theme sets the colours
  const COLOURS = [
    "#0173b2",
    "#de8f05",
    "#029e73",
    "#d55e00",
    "#cc78bc",
    "#ca9161",
  ].map((colour, i) => `var(--why-${i}, ${colour})`);
  const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 3", "4 2 1 2"];
  const SYMBOLS = {
    spike: "M0 -4L3.2 2H-3.2Z", // a gradient far above what was usual
    dip: "M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5",
    made_good: "M-4 -4H4L0 3Z", // the lowest reading of a fall, filled where it came back
    lasting: "M-4 -4H4L0 3Z",
    collapse: "M-4 -4H4V4H-4Z",
    fall: "M-4 -4H1V4M-2 1L1 4.5L4 1",
  };

  const ROW = 13, // pixels that a row of words takes
    ROWS = 6;
  const rowed = (row) => TOP + 10 + (ROW - 1) * row; // where its letters stand
  const REACH = 12; // pixels from a line within which a press is on it
  const FILLED = ["spike", "made_good"];

  /* An upright line where something was changed. */
  const upright = ({ at: x }, at) =>
    `<path class="change" d="M${fixed(at.across(x))} ${TOP}V${fixed(at.bottom)}" ` +
    `stroke-dasharray="2 2"/>`;

  /* What was changed, beside its line and over the curves; in the first row from above
     that has room between what is told already and the words of the levels. */
  function told(marks, named, at) {
    const rows = Array.from({ length: ROWS }, (_, i) =>
      named
        .filter(({ y }) => Math.abs(y - rowed(i)) < ROW)
        .map(({ from }) => [from, at.right]),
    );
    return marks
      .map(({ at: x, words: said }) => {
        const across = at.across(x),
          long = wide(said),
          end = across > at.right - long;
        const from = across + (end ? -3 - long : 3),
          room = (row) => row.every(([a, b]) => from > b || from + long < a);
        const free = rows.findIndex(room),
          row = free < 0 ? rows.length - 1 : free;
        rows[row].push([from, from + long]);
        const place = [across + (end ? -3 : 3), rowed(row)];
        return words(...place, said, end ? "end" : "start", ' class="said"');
      })
      .join("");
  }

  function line(
    { name, x, y, colour, dash = "", width = 1.8, opacity = 1, ...rest },
    at,
    log,
  ) {
    const placed = [];
    y.forEach((value, i) => {
      if (shows(value, log)) placed.push([fixed(at.across(x[i])), fixed(at.up(value))]);
    });
    if (!placed.length) return "";
    const marked = rest.dots && placed.length <= 80 ? placed : placed.slice(-1);
    const circles = rest.seed
      ? ""
      : marked
          .map(
            ([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="${width > 2 ? 2.4 : 2}"/>`,
          )
          .join("");
    return (
      `<path class="${rest.seed ? "seed" : "line"}" ` +
      (rest.of === undefined ? "" : `data-seed="${rest.of}" `) +
      `d="M${placed.map((p) => p.join(" ")).join("L")}" fill="none" stroke="${colour}" ` +
      `stroke-width="${width}" stroke-opacity="${opacity}" stroke-dasharray="${dash}" ` +
      `stroke-linejoin="round"><title>${escaped(name ?? "")}</title></path>` +
      `<g fill="${colour}" fill-opacity="${opacity}">${circles}</g>`
    );
  }

  /* The labels at the ends of lines, moved apart where they would touch. */
  function labels(lines, at, log) {
    const ends = lines
      .flatMap(({ label, x, y, colour }) => {
        const i = label ? y.findLastIndex((value) => shows(value, log)) : -1;
        return i < 0 ? [] : [{ label, colour, x: at.across(x[i]), y: at.up(y[i]) }];
      })
      .sort((a, b) => a.y - b.y);
    ends.forEach((end, i) => {
      end.y = Math.max(end.y, TOP + 4, i ? ends[i - 1].y + 14 : 0);
    });
    for (let i = ends.length - 1, most = at.bottom; i >= 0; i--, most -= 14)
      ends[i].y = Math.min(ends[i].y, most);
    return ends
      .map(({ label, colour, x, y }) =>
        words(x + 6, y + 4, label, "start", ` class="label" style="fill:${colour}"`),
      )
      .join("");
  }

  /* Thin lines across. */
  const across = (levels, at) =>
    levels
      .map(({ y }) => fixed(at.up(y)))
      .map((y) => `<path class="level" d="M${LEFT} ${y}H${fixed(at.right)}"/>`)
      .join("");

  /* Their words, over the curves, at their right ends; what lie too close share them. */
  function levelWords(levels, at) {
    const found = [];
    for (const { y, words: said } of levels.toSorted((a, b) => a.y - b.y)) {
      const below = found.at(-1),
        up = at.up(y) - 3;
      if (below && below.y - up < ROW) below.said += `, ${said}`;
      else found.push({ y: up, said });
    }
    return found.map((one) => ({ ...one, from: at.right - 3 - wide(one.said) }));
  }

  const levelled = (named, at) =>
    named
      .map(({ y, said }) => words(at.right - 3, y, said, "end", ' class="level said"'))
      .join("");

  /* A symbol on a line; a fall from its height to its depth. */
  function symbol({ kind, x, y, colour = "currentColor", words: said = "" }, at) {
    if (kind !== "fall")
      return (
        `<path class="symbol ${kind}" d="${SYMBOLS[kind]}" stroke="${colour}" ` +
        `fill="${FILLED.includes(kind) ? colour : "none"}" transform="translate(` +
        `${fixed(at.across(x))} ${fixed(at.up(y))})"><title>${escaped(said)}</title></path>`
      );
    const [from, to] = x.map(at.across),
      [top, low] = y.map(at.up);
    const half = wide(said) / 2;
    return (
      `<path class="symbol fall" fill="none" stroke="${colour}" d="M${fixed(from)} ` +
      `${fixed(top)}H${fixed(to)}V${fixed(low)}m-4 -5l4 5l4 -5"/>` +
      words(
        Math.max(LEFT + half, Math.min(to, at.right - half)),
        Math.min(low + 16, at.bottom - 3),
        said,
        "middle",
        ' class="label said"',
      )
    );
  }

  function chart(description) {
    const {
      key = "",
      title = "",
      log,
      lines,
      x,
      points = [],
      marks = [],
      levels = [],
      note = "",
    } = description;
    const at = layout(description),
      named = levelWords(levels, at);
    const ends = lines
      .filter(({ seed }) => !seed)
      .map(({ name, y }) => {
        const last = y.findLast((value) => shows(value, log));
        return last === undefined
          ? Why.said("{name} has no point yet", { name })
          : Why.said("{name} ends at {last}", { name, last: short(last) });
      });
    ends.push(...levels.map(({ y, words: name }) => `${name}: ${short(y)}`));
    if (note) ends.push(note);
    const about = { title, x: x.title ?? AXES.step };
    const said = log
      ? Why.said("{title}, logarithmic, against {x}", about)
      : Why.said("{title} against {x}", about);
    return (
      `<svg viewBox="0 0 ${at.width} ${at.height}" width="${at.width}" ` +
      `height="${at.height}" role="img" aria-label="${escaped(`${said}: ${ends.join("; ")}.`)}" ` +
      `data-key="${escaped(key)}" data-since="${at.since}" data-until="${at.until}" ` +
      `data-right="${fixed(at.right)}" data-bottom="${fixed(at.bottom)}">` +
      axes(description, at) +
      across(levels, at) +
      marks.map((mark) => upright(mark, at)).join("") +
      lines.map((one) => line(one, at, log)).join("") +
      levelled(named, at) +
      told(marks, named, at) +
      (note && words(LEFT + 6, at.bottom - 6, note, "start", ' class="said note"')) +
      points.map((one) => symbol(one, at)).join("") +
      `${labels(lines, at, log)}<g class="hover"></g></svg>`
    );
  }

  /* --- beside the charts ------------------------------------------------------------ */

  /* A line's stroke as a small picture for a legend. */
  const swatch = ({ colour, dash = "", width = 1.8 }) =>
    `<svg viewBox="0 0 34 8" width="34" height="8" aria-hidden="true"><path d="M1 4H33" ` +
    `stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash}"/></svg>`;

  /* A symbol as a small picture for a legend. */
  const glyph = (kind) =>
    `<svg viewBox="-6 -6 12 12" width="12" height="12" aria-hidden="true">` +
    `<path d="${SYMBOLS[kind]}" fill="${FILLED.includes(kind) ? "currentColor" : "none"}" ` +
    `stroke="currentColor" stroke-width="1.5"/></svg>`;

  /* The x value under the pointer, on any drawn chart; null off its axes. */
  function under(svg, clientX) {
    const box = svg.getBoundingClientRect(),
      { since, until, right } = svg.dataset;
    const at = ((clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const share = (at - LEFT) / (right - LEFT);
    return share < 0 || share > 1 ? null : Number(since) + share * (until - since);
  }

  /* The seed of the line nearest to a press, in reach of a finger, the topmost of equals;
     null: none. */
  function seedAt(svg, { clientX, clientY }) {
    const box = svg.getBoundingClientRect(),
      size = box.width / svg.viewBox.baseVal.width;
    const at = [(clientX - box.left) / size, (clientY - box.top) / size];
    let found = null,
      least = REACH;
    for (const path of svg.querySelectorAll("path[data-seed]")) {
      const far = distance(at, path.getAttribute("d"));
      if (far <= least) [found, least] = [Number(path.dataset.seed), far];
    }
    return found;
  }

  /* How far a point is from a line that a chart has drawn. */
  function distance([x, y], d) {
    const points = d
      .slice(1)
      .split("L")
      .map((one) => one.split(" ").map(Number));
    return points.reduce((least, [ax, ay], i) => {
      const [bx, by] = points[i + 1] ?? [ax, ay],
        [dx, dy] = [bx - ax, by - ay];
      const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1),
        share = Math.min(1, Math.max(0, along));
      return Math.min(least, Math.hypot(x - ax - share * dx, y - ay - share * dy));
    }, Infinity);
  }

  /* The line under the pointer, through several charts of one x axis; null: none. */
  function hair(charts, value) {
    for (const svg of charts) {
      const { since, until, right, bottom } = svg.dataset;
      const at = LEFT + ((right - LEFT) * (value - since)) / (until - since);
      svg.querySelector("g.hover").innerHTML =
        value === null
          ? ""
          : `<path class="hair" d="M${fixed(at)} ${TOP - 6}V${Number(bottom) + BARE}"/>`;
    }
  }

  /* What a step is worth on an x axis. */
  const times = (group, x) => (x === "images" ? group.images : 1);

  Object.assign(Why, {
    COLOURS,
    DASHES,
    SYMBOLS,
    chart,
    glyph,
    hair,
    seedAt,
    swatch,
    times,
    under,
  });
})();
