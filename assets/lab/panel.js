/* <why-lab>: buttons and sliders over recorded runs, drawn from the JSON inside.

   Classic scripts, since modules do not load from file://. One element is one panel:
   controls -> the chosen setting (and those kept) -> charts, table and sentence. What
   is shown stands in the page's address, so that a view can be linked. */
"use strict";
(() => {
  const { COLOURS, DASHES, escaped, finite, reach, short, swatch, times } = Why;
  const MOST = COLOURS.length; // settings on top of each other that can be told apart
  const STRONG = { width: 2.4 },
    KEPT = { width: 1.6, opacity: 0.85 };
  const SEED = { width: 0.9, opacity: 0.4, seed: true };
  const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

  class WhyLab extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.at = [...this.data.start];
      this.kept = this.data.keep.map((at) => [...at]);
      this.x = this.data.x;
      this.limit();
      this.readAddress();
      this.build();
      this.show();
    }

    /* The y axes enclose every setting and seed, so that settings can be compared. */
    limit() {
      for (const chart of this.data.charts) {
        const rows = this.data.groups.flatMap(({ lines, others }) =>
          [lines, ...others].map((one) => ({ y: one[chart.key]?.[1] ?? [] })),
        );
        const levels = { y: (chart.levels ?? []).map(({ y }) => y) };
        chart.limits = reach([...rows, levels], chart.log);
      }
    }

    /* --- state in the address ---------------------------------------------------- */

    readAddress() {
      const text = Why.fromAddress(this.id);
      if (!text) return;
      const [at, kept, x] = text.split("_");
      const known = (t) => t.split(".").map(Number);
      if (this.group(known(at))) this.at = known(at);
      if (kept !== undefined)
        this.kept = kept
          .split("-")
          .filter(Boolean)
          .map(known)
          .filter((one, i, all) => all.findIndex((other) => same(one, other)) === i)
          .filter((one) => this.group(one))
          .slice(0, MOST - 1);
      if (Object.hasOwn(this.data.x_axes, x)) this.x = x;
    }

    writeAddress() {
      const kept = this.kept.map((one) => one.join(".")).join("-");
      Why.toAddress(this.id, [this.at.join("."), kept, this.x].join("_"));
    }

    /* --- settings ---------------------------------------------------------------- */

    group(at) {
      return this.data.groups.find((g) => same(g.at, at));
    }

    name(at) {
      return at.map((i, k) => this.data.axes[k].spoken[i]).join(", ");
    }

    /* What sets a setting apart from the others that are shown. */
    label(at, shown) {
      const { axes } = this.data;
      return at
        .map((i, k) => {
          if (shown.every((one) => one[k] === i)) return "";
          return /^(yes|no)$/.test(axes[k].words[i])
            ? axes[k].spoken[i]
            : axes[k].words[i];
        })
        .filter(Boolean)
        .join(", ");
    }

    /* Move one control; the others follow where the combination was not recorded. */
    choose(axis, value) {
      const far = (g) => g.at.reduce((sum, v, k) => sum + Math.abs(v - this.at[k]), 0);
      const fit = this.data.groups.filter((g) => g.at[axis] === value);
      if (!fit.length) return;
      this.at = [...fit.reduce((a, b) => (far(b) < far(a) ? b : a)).at];
      this.changed();
    }

    keep() {
      if (!this.kept.some((one) => same(one, this.at)) && this.kept.length < MOST - 1)
        this.kept.push([...this.at]);
      this.changed();
    }

    drop(i) {
      this.kept.splice(i, 1);
      this.changed();
      this.querySelector(".keep").focus();
    }

    changed() {
      this.show();
      this.writeAddress();
    }

    /* The chosen setting first, then the kept ones, each with a stroke of its own. */
    curves() {
      const rest = this.kept.filter((one) => !same(one, this.at));
      const shown = [this.at, ...rest];
      return shown.map((at, i) => ({
        at,
        group: this.group(at),
        name: this.name(at),
        label: this.label(at, shown),
        style: { colour: COLOURS[i], dash: DASHES[i], ...(i ? KEPT : STRONG) },
      }));
    }

    /* All seeds thin in the first chart, behind them the kept settings, on top the chosen one. */
    lines(curves) {
      const per = (group) => times(group, this.x);
      const scaled = (group, [x, y]) => [x.map((v) => v * per(group)), y];
      const data = (group, lines) =>
        Object.fromEntries(
          Object.entries(lines)
            .filter(([, rows]) => rows.length)
            .map(([key, [x, y]]) => [
              key,
              scaled(group, [x ?? group.lines[key][0], y]),
            ]),
        );
      const seeds = curves.toReversed().flatMap(({ group, style, name }) =>
        group.others.map((other) => ({
          name,
          colour: style.colour,
          ...SEED,
          data: data(group, other),
        })),
      );
      const strong = curves.map(({ group, style, ...rest }, i) => ({
        ...rest,
        ...style,
        data: data(group, group.lines),
        points: i ? {} : this.points(group, per(group)),
      }));
      return [...seeds, ...strong.toReversed()];
    }

    points(group, per) {
      const moved = ({ x, ...rest }) => ({
        ...rest,
        x: Array.isArray(x) ? x.map((v) => v * per) : x * per,
      });
      return Object.fromEntries(
        Object.entries(group.points).map(([key, some]) => [key, some.map(moved)]),
      );
    }

    /* --- what is on the screen --------------------------------------------------- */

    build() {
      const { axes, x_axes: xAxes } = this.data;
      const controls = axes.map((axis, k) => Why.control(this.id, axis, k)).join("");
      const option = ([value, text]) => `<option value="${value}">${text}</option>`;
      this.innerHTML = `<div class="controls">${controls}</div>
        <div class="buttons"><button type="button" class="keep">Keep this curve</button>
        <label class="axis">x axis <select class="x">${Object.entries(xAxes).map(option).join("")}
        </select></label></div>
        <why-charts></why-charts><div class="facts"></div>
        <p class="heard" role="status"></p>`;
      this.listen();
    }

    listen() {
      this.addEventListener("input", ({ target }) => {
        const { axis } = target.dataset;
        if (axis) this.choose(Number(axis), Number(target.value));
        else if (target.className === "x") {
          this.x = target.value;
          this.changed();
        }
      });
      this.addEventListener("click", ({ target }) => {
        if (target.className === "keep") this.keep();
        else if (target.dataset.drop) this.drop(Number(target.dataset.drop));
      });
    }

    show() {
      this.setControls();
      const curves = this.curves(),
        { charts, symbols, marks, x_axes: xAxes } = this.data;
      const until = Math.max(
        ...this.data.groups.map((g) => g.until * times(g, this.x)),
      );
      const per = times(curves[0].group, this.x);
      this.querySelector("why-charts").show({
        charts,
        symbols,
        lines: this.lines(curves),
        x: { title: xAxes[this.x], until },
        marks: marks.map(({ at, words }) => ({ at: at * per, words })),
      });
      this.querySelector(".facts").innerHTML = this.table(curves);
      this.querySelector(".heard").textContent = this.sentence(curves[0]);
    }

    setControls() {
      const other = (k, i) => this.at.map((v, axis) => (axis === k ? i : v));
      Why.setControls(
        this,
        this.data.axes,
        this.at,
        (k, i) => !this.group(other(k, i)),
      );
      const keep = this.querySelector(".keep"),
        full = this.kept.length >= MOST - 1;
      Why.enable(keep, !full && !this.kept.some((one) => same(one, this.at)));
      keep.title = full
        ? `At most ${MOST} curves.`
        : "Keep it on the charts while you choose another.";
      this.querySelector(".x").value = this.x;
    }

    table(curves) {
      const facts = [
        ...new Set(curves.flatMap(({ group }) => Object.keys(group.facts))),
      ];
      const cell = (fact, value) => {
        const head = `<td data-head="${escaped(fact)}">`;
        if (!value || !finite(value[0])) return `${head}–</td>`;
        const [mean, low, high] = value.map((v) => short(v ?? NaN));
        const range = low === high ? "" : ` <small>${low} to ${high}</small>`;
        return `${head}${mean}${range}</td>`;
      };
      const rows = curves.map(({ at, group, name, style }) => {
        const i = this.kept.findIndex((one) => same(one, at));
        const drop =
          i < 0
            ? ""
            : `<button type="button" data-drop="${i}"
          aria-label="Remove ${escaped(name)}">×</button>`;
        return `<tr><th scope="row">${swatch(style)} ${escaped(name)} ${drop}</th>
          ${facts.map((fact) => cell(fact, group.facts[fact])).join("")}
          <td data-head="runs">${group.seeds}</td></tr>`;
      });
      const heads = ["setting", ...facts, "runs"].map(
        (head) => `<th scope="col">${escaped(head)}</th>`,
      );
      const many = curves.some(({ group }) => group.seeds > 1);
      const note = many
        ? `<p class="note">Numbers: mean of the runs, with the least and
        the largest. Strong line: ${escaped(this.data.strong)}; thin, in the first
        chart: the other seeds.</p>`
        : "";
      return `<table><thead><tr>${heads.join("")}</tr></thead>
        <tbody>${rows.join("")}</tbody></table>${note}`;
    }

    /* What the charts show, for those who do not see them. */
    sentence({ name, group }) {
      const facts = Object.entries(group.facts).filter(([, v]) => finite(v[0]));
      const said = facts.map(
        ([fact, v]) =>
          `${fact} ${short(v[0])}` +
          (v[1] === v[2] ? "" : ` (${short(v[1])} to ${short(v[2])})`),
      );
      const drawn = this.data.charts.filter((c) => group.lines[c.key]?.length);
      const ends = drawn.map((c) => {
        const y = group.lines[c.key][1];
        return `${c.title} goes from ${short(y[0])} to ${short(y.at(-1))}`;
      });
      const falls = (group.points.knn ?? [])
        .filter(({ kind }) => kind === "fall")
        .map(({ words, x }) => `it ${words} between steps ${x[0]} and ${x[1]}`);
      const runs = `${group.seeds} run${group.seeds > 1 ? "s" : ""}`;
      return `Shown: ${name}; ${runs}. ${[...said, ...ends, ...falls].join("; ")}.`;
    }
  }

  Why.define("why-lab", WhyLab);
})();
