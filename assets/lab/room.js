/* <why-room>: numbers in a patch beside numbers in a token, at sizes that the reader sets;
   whether a random matrix between them can be undone, and how well. */
"use strict";
(() => {
  const { escaped, said } = Why;
  const POINTS = 70; // of the curve
  const KINDS = ["dip", "lasting"], // symbols of what was measured, in the ink of words
    PLAIN = { colour: "currentColor" };

  /* About the condition number of a random matrix of d rows and D columns: the ends of
     Marchenko and Pastur's law, with one row less at the lower end, where a square matrix
     would have none. */
  function condition(d, D) {
    const large = Math.sqrt(Math.max(d, D)),
      small = Math.min(d, D);
    return (large + Math.sqrt(small)) / (large - Math.sqrt(small - 1));
  }

  const whole = (value) => Math.round(value).toLocaleString("en");
  /* Two digits: more, a formula of this kind does not know. */
  const about = (value) =>
    value < 100 ? String(Number(value.toPrecision(2))) : whole(value.toPrecision(2));

  class WhyRoom extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.at = Why.places(Why.fromAddress(this.id), this.data.axes, this.data.start);
      this.build();
      // on a page it comes after this script, which stands in the page's text
      customElements.whenDefined("why-charts").then(() => this.show());
    }

    build() {
      const { axes, presets } = this.data;
      const buttons = presets.map(
        ({ name }, i) =>
          `<button type="button" data-preset="${i}">${escaped(name)}</button>`,
      );
      const bar = (kind) =>
        `<div class="holds ${kind}"><span class="told"></span><span class="bar"></span></div>`;
      this.innerHTML = `<div class="buttons presets">${buttons.join("")}</div>
        ${Why.controls(this.id, axes)}${bar("patch")}${bar("token")}
        <p class="spoken" role="status"></p><why-charts></why-charts>`;
      this.addEventListener("click", ({ target }) => {
        const { preset } = target.dataset;
        if (preset) this.go([...presets[preset].at]);
      });
      this.addEventListener("input", ({ target }) => {
        if (target.dataset.axis)
          this.go(this.at.with(target.dataset.axis, Number(target.value)));
      });
    }

    go(at) {
      this.at = at;
      this.show();
      Why.toAddress(this.id, at.join("."));
    }

    show() {
      const { axes, values, presets, measured } = this.data;
      const [patch, channels, width] = this.at.map((i, k) => values[k][i]),
        inside = channels * patch * patch,
        most = Math.max(inside, width);
      Why.setControls(this, axes, this.at);
      for (const [i, button] of this.querySelectorAll("[data-preset]").entries())
        button.setAttribute("aria-pressed", String(presets[i].at) === String(this.at));
      const bars = [
        ["patch", inside, said("a patch: {count} numbers", { count: whole(inside) })],
        ["token", width, said("a token: {count} numbers", { count: whole(width) })],
      ];
      for (const [kind, count, told] of bars) {
        this.querySelector(`.${kind} .told`).textContent = told;
        this.querySelector(`.${kind} .bar`).style.width = `${(100 * count) / most}%`;
      }
      this.querySelector(".spoken").textContent = told(inside, width, measured);
      this.querySelector("why-charts").show(drawn(inside, width, measured));
    }
  }

  function told(inside, width, measured) {
    const fields = {
      share: (width / inside).toFixed(2),
      inside: whole(inside),
      lost: whole(inside - width),
      condition: about(condition(width, inside)),
    };
    const lines = [
      width < inside
        ? said(
            "d / D = {share}: not complete. {lost} of a patch's {inside} directions are lost, whatever the matrix.",
            fields,
          )
        : said(
            "d / D = {share}: complete. A random matrix can be undone, and nothing is lost.",
            fields,
          ),
      width === inside
        ? said(
            "Square, so the worst conditioned: about {condition}, and several times more or less from one matrix to the next.",
            fields,
          )
        : said("Its condition number is about {condition}.", fields),
    ];
    const [widths, conditions] = measured[inside] ?? [[], []],
      own = conditions[widths.indexOf(width)];
    if (own) lines.push(said("We measured {own}.", { own: about(own) }));
    return lines.join(" ");
  }

  /* The condition number against d / D: for these patches as the formula has it, and as
     it was measured for others. */
  function drawn(inside, width, measured) {
    const here = width / inside,
      until = Math.max(2, 1.2 * here);
    const steps = Array.from({ length: POINTS }, (_, i) =>
      Math.max(1, Math.round(((i + 1) * until * inside) / POINTS)),
    );
    const widths = [...new Set([...steps, inside, width])].sort((a, b) => a - b);
    const known = Object.entries(measured),
      symbols = {};
    const points = known.flatMap(([count, [x, y]], i) => {
      symbols[KINDS[i]] = said("measured, {count} numbers a patch", { count });
      return x.map((w, k) => ({ kind: KINDS[i], x: w / count, y: y[k], ...PLAIN }));
    });
    const curve = {
      name: said("about, {count} numbers a patch", { count: whole(inside) }),
      colour: Why.COLOURS[0],
      width: 2.4,
      points: { condition: points },
      data: {
        condition: [
          widths.map((w) => w / inside),
          widths.map((w) => condition(w, inside)),
        ],
      },
    };
    return {
      charts: [
        {
          key: "condition",
          title: said("condition number"),
          log: true,
          limits: [1, 5000],
        },
      ],
      x: { title: said("d / D, width over numbers in a patch"), since: 0, until },
      lines: [curve],
      symbols,
      marks: [{ at: here, words: said("here") }],
    };
  }

  Why.define("why-room", WhyRoom);
})();
