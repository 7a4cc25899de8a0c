/* What a run is learning, as pictures: neighbours, filters, views and a map of the test
   pictures, on small canvases that CSS enlarges. `look` is what assets/inpage/look.js gives. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { escaped, named, said } = Why;
  const GAP = 2; // pixels between tiles; around a neighbour they say whether it is right
  const GOOD = [2, 158, 115],
    BAD = [213, 94, 0],
    NONE = [0, 0, 0, 0];
  const LOW = [222, 143, 5],
    HIGH = [1, 115, 178]; // weights below and above zero

  /* A canvas of columns x rows tiles of side x side; paint(put) sets them by
     put(column, row, rgba of a pixel's number, colour of the frame). */
  function sheet(columns, rows, [high, wide], paint) {
    const [stepX, stepY] = [wide + 2 * GAP, high + 2 * GAP],
      canvas = document.createElement("canvas");
    Object.assign(canvas, { width: columns * stepX, height: rows * stepY });
    const context = canvas.getContext("2d"),
      whole = context.createImageData(canvas.width, canvas.height);
    const set = (x, y, rgba) =>
      whole.data.set([...rgba, 255].slice(0, 4), 4 * (y * canvas.width + x));
    paint((column, row, pixel, frame = NONE) => {
      for (let y = 0; y < stepY; y++)
        for (let x = 0; x < stepX; x++) {
          const [i, j] = [x - GAP, y - GAP],
            inside = i >= 0 && j >= 0 && i < wide && j < high;
          set(
            column * stepX + x,
            row * stepY + y,
            inside ? pixel(j * wide + i) : frame,
          );
        }
    });
    context.putImageData(whole, 0, 0);
    return canvas;
  }

  const grey =
    (pixels, from = 0) =>
    (i) =>
      Array(3).fill(pixels[from + i]);

  /* The weights of the first layer, a tile a filter: white is zero. */
  function filters({ filters: weights, shape: [count, size] }) {
    const side = Math.sqrt(size),
      columns = 8;
    if (!Number.isInteger(side)) return null; // of colour pictures
    const most = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
    return sheet(columns, Math.ceil(count / columns), [side, side], (put) => {
      for (let n = 0; n < count; n++)
        put(n % columns, Math.floor(n / columns), (i) => {
          const share = weights[n * size + i] / most,
            end = share < 0 ? LOW : HIGH;
          return end.map((c) => Math.round(255 + (c - 255) * Math.abs(share)));
        });
    });
  }

  /* Above each test image, below its nearest; a frame says whether the class is the same. */
  function neighbours({ neighbours: rows, side }) {
    if (!rows?.length) return null;
    return sheet(rows.length, rows[0].images.length, side, (put) =>
      rows.forEach((row, column) =>
        row.images.forEach((pixels, k) =>
          put(column, k, grey(pixels), k ? (row.same[k - 1] ? GOOD : BAD) : NONE),
        ),
      ),
    );
  }

  /* The two views of the first images of this step, below each other. */
  function views({ views: pixels, side }) {
    const size = side[0] * side[1],
      count = pixels.length / (2 * size);
    if (!count) return null;
    return sheet(count, 2, side, (put) => {
      for (let v = 0; v < 2; v++)
        for (let n = 0; n < count; n++) put(n, v, grey(pixels, (v * count + n) * size));
    });
  }

  const SIDE = 180,
    SHOWN = 1.5; // pixels of the map, and how much further than at first it reaches

  /* The test pictures as points, a colour a class; what lies beyond stands at the edge. */
  function map({ points, labels }) {
    if (!points) return null;
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: 2 * SIDE, height: 2 * SIDE });
    const context = canvas.getContext("2d"),
      classes = Math.max(...labels) + 1;
    const place = (value) => SIDE * (1 + Math.max(-1, Math.min(1, value / SHOWN)));
    for (const [i, label] of labels.entries()) {
      context.fillStyle = `hsl(${(360 * label) / classes} 65% 48% / 0.75)`;
      context.beginPath();
      context.arc(place(points[2 * i]), place(-points[2 * i + 1]), 4, 0, 7);
      context.fill();
    }
    return canvas;
  }

  function figure(canvas, name, caption, heard) {
    if (!canvas) return null;
    const part = document.createElement("figure");
    part.className = name;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", heard);
    part.append(canvas);
    part.insertAdjacentHTML("beforeend", `<figcaption>${caption}</figcaption>`);
    return part;
  }

  /* The verdicts of the vote under the columns of the neighbours. */
  const verdicts = (rows) =>
    `<span class="verdicts">${rows
      .map(
        ({ name, right }) =>
          `<span class="${right ? "good" : "bad"}" title="${escaped(name)}">${right ? "✓" : "✗"}</span>`,
      )
      .join("")}</span>`;

  /* All of it for one run, into an element; the views are the same in both of a pair. */
  function showLearned(place, look, words, withViews) {
    const rows = look.neighbours ?? [],
      right = rows.filter((row) => row.right).length;
    const votes = said("{right} of {count} votes right", { right, count: rows.length }),
      framed = said(
        "test pictures (top) and their nearest training pictures, framed by same " +
          "class or another; <b>{votes}</b>",
        { votes },
      ),
      beside = document.createElement("div");
    beside.append(
      ...[
        figure(
          filters(look),
          "filters",
          said("The first layer's filters, step {step}", look),
          said("The weights of the first layer, a tile a filter."),
        ),
        withViews &&
          figure(
            views(look),
            "views",
            said("The two views of some pictures of this step"),
            said("Two augmented views of eight pictures of this step."),
          ),
        figure(
          map(look),
          "map",
          said("The test pictures by their features, a colour a class; the axes stay"),
          said(
            "The test pictures as points, by their features along two fixed directions.",
          ),
        ),
      ].filter(Boolean),
    );
    place.replaceChildren(
      ...[
        figure(
          neighbours(look),
          "neighbours",
          `${verdicts(rows)}${named(words && `<b>${escaped(words)}</b>`, framed)}`,
          said("Test pictures with their nearest training pictures; {votes}.", {
            votes,
          }),
        ),
        beside,
      ].filter(Boolean),
    );
  }

  Object.assign(Why, { showLearned });
})();
