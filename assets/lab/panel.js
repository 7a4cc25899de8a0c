/* <why-lab>: sliders and switches over recorded runs, drawn from the JSON inside.

   Classic scripts, since modules do not load from file://. One element is one panel:
   controls -> the chosen setting (and those kept) -> charts, table and sentence. What
   is shown stands in the page's address, so that a view can be linked. */
"use strict";
(() => {
  const { AXES, draw, escaped, finite, short, swatch } = Why;
  const MOST = 6; // curves on top of each other that can still be told apart
  // seaborn's "colorblind"; each with a stroke of its own, for grey
  const COLOURS = ["#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161"];
  const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 3", "4 2 1 2"];
  const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

  class WhyLab extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.at = [...this.data.start];
      this.kept = this.data.keep.map((at) => [...at]);
      this.x = this.data.x;
      this.bands = true;
      this.readAddress();
      this.build();
      this.show();
    }

    /* --- state in the address ---------------------------------------------------- */

    readAddress() {
      const text = Why.fromAddress(this.id);
      if (!text) return;
      const [at, kept, x, bands] = text.split("_");
      const known = (t) => t.split(".").map(Number);
      if (this.group(known(at))) this.at = known(at);
      if (kept !== undefined)
        this.kept = kept.split("-").filter(Boolean).map(known)
          .filter((one) => this.group(one)).slice(0, MOST - 1);
      if (x in AXES) this.x = x;
      if (bands) this.bands = bands === "bands";
    }

    writeAddress() {
      const kept = this.kept.map((one) => one.join(".")).join("-");
      const view = [this.at.join("."), kept, this.x, this.bands ? "bands" : "plain"];
      Why.toAddress(this.id, view.join("_"));
    }

    /* --- settings ---------------------------------------------------------------- */

    group(at) { return this.data.groups.find((g) => same(g.at, at)); }

    name(at) { return at.map((i, k) => this.data.axes[k].spoken[i]).join(", "); }

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

    drop(i) { this.kept.splice(i, 1); this.changed(); this.querySelector(".keep").focus(); }

    changed() { this.show(); this.writeAddress(); }

    /* The chosen setting first, then the kept ones, each with a stroke of its own. */
    curves() {
      const shown = [this.at, ...this.kept.filter((one) => !same(one, this.at))];
      const order = (at) => {
        const i = this.kept.findIndex((one) => same(one, at));
        return i < 0 ? this.kept.length : i;
      };
      return shown.map((at) => ({
        at, group: this.group(at), name: this.name(at),
        style: { colour: COLOURS[order(at) % MOST], dash: DASHES[order(at) % MOST] },
      }));
    }

    /* --- what is on the screen --------------------------------------------------- */

    build() {
      const controls = this.data.axes.map((axis, k) => Why.control(this.id, axis, k)).join("");
      const hasBands = this.data.groups.some((g) => Object.keys(g.bands).length);
      this.innerHTML = `<div class="controls">${controls}</div>
        <div class="buttons"><button type="button" class="keep">Keep this curve</button>
        ${hasBands ? '<label><input type="checkbox" class="bands"> band of all seeds</label>' : ""}
        <label>x axis <select class="x">${Object.entries(AXES).map(([value, text]) =>
          `<option value="${value}">${text}</option>`).join("")}</select></label></div>
        <div class="charts"></div><div class="readout" aria-hidden="true"></div>
        <div class="table"></div><p class="spoken" role="status"></p>`;
      this.listen();
    }

    listen() {
      this.addEventListener("input", ({ target }) => {
        if (target.dataset.axis) this.choose(Number(target.dataset.axis), Number(target.value));
        else if (target.className === "bands") { this.bands = target.checked; this.changed(); }
        else if (target.className === "x") { this.x = target.value; this.changed(); }
      });
      this.addEventListener("click", ({ target }) => {
        if (target.className === "keep") this.keep();
        else if (target.dataset.drop) this.drop(Number(target.dataset.drop));
      });
      const charts = this.querySelector(".charts");
      charts.addEventListener("pointermove", (event) => this.hover(event));
      charts.addEventListener("pointerleave", () => this.hover(null));
    }

    show() {
      this.setControls();
      const curves = this.curves();
      this.querySelector(".charts").innerHTML =
        this.data.charts.map((chart) => draw(chart, curves, this.x, this.bands)).join("");
      this.querySelector(".table").innerHTML = this.table(curves);
      this.querySelector(".spoken").textContent = this.sentence(curves[0]);
      this.querySelector(".readout").textContent = "";
    }

    setControls() {
      Why.setControls(this, this.data.axes, this.at);
      const keep = this.querySelector(".keep"), bands = this.querySelector(".bands");
      const full = this.kept.length >= MOST - 1;
      keep.disabled = full || this.kept.some((one) => same(one, this.at));
      keep.title = full ? `At most ${MOST} curves.` : "Keep it on the charts while you choose another.";
      if (bands) bands.checked = this.bands;
      this.querySelector(".x").value = this.x;
    }

    table(curves) {
      const facts = [...new Set(curves.flatMap(({ group }) => Object.keys(group.facts)))];
      const cell = (value) => {
        if (!value || !finite(value[0])) return "<td>–</td>";
        const [mean, low, high] = value.map((v) => short(v ?? NaN));
        return `<td>${mean}${low === high ? "" : ` <small>${low} to ${high}</small>`}</td>`;
      };
      const rows = curves.map(({ at, group, name, style }) => {
        const i = this.kept.findIndex((one) => same(one, at));
        const drop = i < 0 ? "" :
          `<button type="button" data-drop="${i}" aria-label="Remove ${escaped(name)}">×</button>`;
        return `<tr><th scope="row">${swatch(style)} ${escaped(name)} ${drop}</th>
          <td>${group.seeds}</td>${facts.map((fact) => cell(group.facts[fact])).join("")}</tr>`;
      });
      return `<table><thead><tr><th scope="col">setting</th><th scope="col">runs</th>${facts.map(
        (fact) => `<th scope="col">${escaped(fact)}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
    }

    /* What the charts show, for those who do not see them. */
    sentence({ name, group }) {
      const facts = Object.entries(group.facts).filter(([, v]) => finite(v[0])).map(([fact, v]) =>
        `${fact} ${short(v[0])}${v[1] === v[2] ? "" : ` (${short(v[1])} to ${short(v[2])})`}`);
      const ends = this.data.charts.filter((c) => group.lines[c.key]?.length).map((c) =>
        `${c.title} goes from ${short(group.lines[c.key][1][0])} to ${short(group.lines[c.key][1].at(-1))}`);
      const runs = `${group.seeds} run${group.seeds > 1 ? "s" : ""}`;
      return `Shown: ${name}; ${runs}. ${[...facts, ...ends].join("; ")}.`;
    }

    /* A hair line at one x on all charts, with the values of all curves below them. */
    hover(event) {
      const svg = event?.target.closest("svg[data-key]"), curves = this.curves();
      const under = svg && Why.xUnder(svg, event.clientX, curves, this.x);
      for (const g of this.querySelectorAll("g.hover")) g.innerHTML = under ? under.hair : "";
      const readout = this.querySelector(".readout");
      if (!under) { readout.textContent = ""; return; }
      const parts = curves.map(({ name, group }) => {
        const step = under.value / Why.times(group, this.x);
        return `${name}: ${this.valuesAt(group, step).join(", ")}`;
      });
      readout.textContent = `${AXES[this.x]} ${short(under.value)} — ${parts.join(" · ")}`;
    }

    /* The readings of a setting's line that are nearest to a step, a chart each. */
    valuesAt(group, step) {
      return this.data.charts.filter((c) => group.lines[c.key]?.length).map((c) => {
        const [x, y] = group.lines[c.key];
        const i = x.reduce((best, v, j) => (Math.abs(v - step) < Math.abs(x[best] - step) ? j : best), 0);
        return `${c.title.split(",")[0].split(":").at(-1).trim()} ${short(y[i])}`;
      });
    }
  }

  Why.define("why-lab", WhyLab);
})();
