/* <why-lab>: buttons and sliders over recorded runs, drawn from the JSON inside.

   Classic scripts, since modules do not load from file://. One element is one panel:
   controls -> the chosen setting (and those kept) -> panel_view.js: charts, table and
   sentences. A kept curve holds what it names, `null` for the rest, in which it follows
   the chosen one. What is shown stands in the page's address, so that a view can be
   linked. */
"use strict";
(() => {
  const { COLOURS, DASHES, panelView: view, reach, said, times } = Why;
  const MOST = COLOURS.length; // settings on top of each other that can be told apart
  const STRONG = { width: 2.4 },
    KEPT = { width: 1.6, opacity: 0.85 };
  const FOLLOWS = "x"; // in the address
  const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

  class WhyLab extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.at = [...this.data.start];
      this.kept = this.data.keep.map((at) => [...at]);
      this.x = this.data.x;
      this.raised = null; // the seed that is in front, if any
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
      const [at, kept, x, seed] = text.split("_");
      const known = (t) =>
        t.split(".").map((one) => (one === FOLLOWS ? null : Number(one)));
      if (this.group(known(at))) this.at = known(at);
      if (kept !== undefined)
        this.kept = kept
          .split("-")
          .filter(Boolean)
          .map(known)
          .filter((one, i, all) => all.findIndex((other) => same(one, other)) === i)
          .filter((one) => this.holding(one).length && one.some((i) => i !== null))
          .slice(0, MOST - 1);
      if (Object.hasOwn(this.data.x_axes, x)) this.x = x;
      const seeds = this.data.groups.flatMap((group) => group.seeds);
      if (seeds.map(String).includes(seed)) this.raised = Number(seed);
    }

    writeAddress() {
      const told = (held) => held.map((i) => i ?? FOLLOWS).join(".");
      const parts = [told(this.at), this.kept.map(told).join("-"), this.x];
      if (this.raised !== null) parts.push(this.raised);
      Why.toAddress(this.id, parts.join("_"));
    }

    /* --- settings ---------------------------------------------------------------- */

    group(at) {
      return this.data.groups.find((g) => same(g.at, at));
    }

    name(at) {
      return Why.listed(at.map((i, k) => this.data.axes[k].spoken[i]));
    }

    /* What sets a setting apart from the others that are shown. */
    label(at, shown) {
      const { axes } = this.data;
      const alone = at.map((i, k) =>
        shown.every((one) => one[k] === i) ? "" : axes[k].alone[i],
      );
      return Why.listed(alone.filter(Boolean));
    }

    /* The recorded settings that have all that is held. */
    holding(held) {
      return this.data.groups.filter(
        ({ at }) =>
          held.length === at.length && held.every((i, k) => i === null || i === at[k]),
      );
    }

    /* Of them the nearest to the chosen one: where a combination was not recorded, what
       is not held gives way. */
    nearest(held) {
      const far = (g) => g.at.reduce((sum, v, k) => sum + Math.abs(v - this.at[k]), 0);
      return this.holding(held).reduce((a, b) => (far(b) < far(a) ? b : a)).at;
    }

    /* Move one control, for the chosen curve and all that follow it. */
    choose(axis, value) {
      this.go(this.at.map((_, k) => (k === axis ? value : null)));
    }

    /* To the nearest setting that has what is held. */
    go(held) {
      if (!this.holding(held).length) return;
      this.at = [...this.nearest(held)];
      this.changed();
    }

    /* Which of the kept curves holds a whole setting, or else shows it; -1: none. */
    keeper(at) {
      const whole = this.kept.findIndex((held) => same(held, at));
      if (whole >= 0) return whole;
      return this.kept.findIndex((held) => same(this.nearest(held), at));
    }

    get keeps() {
      return (
        this.kept.length < MOST - 1 && !this.kept.some((one) => same(one, this.at))
      );
    }

    keep() {
      if (this.keeps) this.kept.push([...this.at]);
      this.changed();
    }

    /* A seed comes to the front of every setting; one that is there already goes back. */
    raise(seed) {
      this.raised = seed === this.raised ? null : seed;
      this.changed();
    }

    /* With all that show the same now, or the line would stay. */
    drop(i) {
      const shown = this.nearest(this.kept[i]);
      this.kept = this.kept.filter((held) => !same(this.nearest(held), shown));
      this.changed();
      this.querySelector(".keep").focus();
    }

    changed() {
      this.show();
      this.writeAddress();
    }

    /* The chosen setting first, then the kept ones, each with a stroke of its own. */
    curves() {
      const all = [this.at, ...this.kept.map((held) => this.nearest(held))];
      const shown = all.filter((one, i) => all.findIndex((at) => same(at, one)) === i);
      return shown.map((at, i) => ({
        at,
        group: this.group(at),
        name: this.name(at),
        label: this.label(at, shown),
        style: { colour: COLOURS[i], dash: DASHES[i], ...(i ? KEPT : STRONG) },
      }));
    }

    /* --- what is on the screen --------------------------------------------------- */

    build() {
      const { axes, x_axes: xAxes } = this.data;
      const option = ([value, text]) => `<option value="${value}">${text}</option>`;
      const map = this.data.map ? Why.map.frame(this, this.id) : "";
      this.innerHTML = `${map}${Why.controls(this.id, axes)}
        <div class="buttons"><button type="button" class="keep">${said("Keep this curve")}</button>
        <label class="axis">${said("x axis")} <select class="x">${Object.entries(xAxes).map(option).join("")}
        </select></label></div>
        <why-charts></why-charts>
        <div class="buttons"><label>${said("seed in front")} <select class="seed"></select></label></div>
        <div class="facts"></div>
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
        } else if (target.className === "by") Why.map.fill(this);
        else if (target.className === "seed")
          this.raise(target.value === "" ? this.raised : Number(target.value));
      });
      this.addEventListener("why-seed", ({ detail }) => this.raise(detail));
      this.addEventListener("click", ({ target }) => {
        const cell = target.closest("button.cell");
        if (cell) this.go(Why.map.pressed(this, cell.dataset));
        else if (target.className === "keep") this.keep();
        else if (target.dataset.drop) this.drop(Number(target.dataset.drop));
      });
    }

    show() {
      this.setControls();
      if (this.data.map) Why.map.fill(this);
      const curves = this.curves(),
        { symbols, marks, x_axes: xAxes } = this.data;
      const until = Math.max(
        ...this.data.groups.map((g) => g.until * times(g, this.x)),
      );
      const per = times(curves[0].group, this.x);
      this.querySelector("why-charts").show({
        charts: view.charts(this),
        symbols,
        lines: view.lines(this, curves),
        x: { title: xAxes[this.x], until },
        marks: marks.map(({ at, words }) => ({ at: at * per, words })),
      });
      this.setSeeds(curves);
      this.querySelector(".facts").innerHTML =
        view.tally(curves) + view.table(this, curves);
      this.querySelector(".heard").textContent = view.sentence(this, curves);
    }

    /* The seeds that can be chosen: those of what is shown. */
    setSeeds(curves) {
      const select = this.querySelector("select.seed"),
        seeds = new Set(curves.flatMap(({ group }) => group.seeds));
      select.closest("div").hidden = seeds.size < 2;
      if (this.raised !== null) seeds.add(this.raised);
      const all = [...seeds].sort((a, b) => a - b),
        option = (seed) => `<option value="${seed}">${seed}</option>`;
      const options = `<option value="">${said("none")}</option>${all.map(option).join("")}`;
      if (select.told !== options) select.innerHTML = select.told = options;
      select.value = this.raised ?? "";
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
      Why.enable(keep, this.keeps);
      keep.title = full
        ? said("At most {most} curves.", { most: MOST })
        : said("Keep it on the charts while you choose another.");
      this.querySelector(".x").value = this.x;
    }
  }

  Why.define("why-lab", WhyLab);
})();
