/* <why-method>: the method's parts as boxes, one of them open with its code and numbers.

   The boxes stand as they are computed, queries on the left, keys on the right; Next and
   Back walk through a step. What a part shows is in the JSON inside. */
"use strict";
(() => {
  const { said } = Why;
  // what a box says, and which picture it holds; `where` is its place in the grid
  const BOXES = [
    {
      part: "views",
      says: said("two views of each image"),
      small: "views",
      where: "1 / 1 / 2 / 4",
    },
    {
      part: "query",
      says: said("query encoder f<sub>q</sub>"),
      small: "features",
      where: "3 / 1",
    },
    { part: "momentum", says: said("momentum<br>→"), where: "3 / 2" },
    {
      part: "key",
      says: said("key encoder f<sub>k</sub>"),
      where: "3 / 3 / 8 / 4",
      small: "keys",
    },
    { part: "projector", says: said("projector"), where: "5 / 1" },
    { part: "predictor", says: said("predictor"), small: "queries", where: "7 / 1" },
    {
      part: "similarity",
      says: said("similarity matrix: queries × keys"),
      small: "matrix",
      where: "9 / 1 / 10 / 4",
    },
    { part: "loss", says: said("loss"), where: "11 / 1 / 12 / 4" },
    {
      part: "gradient",
      says: said("gradient: back up the left side alone"),
      where: "13 / 1 / 14 / 4",
    },
  ];
  const ARROWS = [
    ["2 / 1", "↓"],
    ["2 / 3", "↓"],
    ["4 / 1", "↓"],
    ["6 / 1", "↓"],
    ["8 / 1", "↓ q"],
    ["8 / 3", said("↓ k, no gradient")],
    ["10 / 1 / 11 / 4", "↓"],
    ["12 / 1 / 13 / 4", "↓"],
  ];

  class WhyMethod extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.at = 0;
      const asked = Why.fromAddress(this.id);
      const known = this.data.parts.findIndex(({ id }) => id === asked);
      if (known >= 0) this.at = known;
      this.build();
      this.show();
    }

    build() {
      const { small } = this.data;
      const boxes = BOXES.map(
        ({ part, says, where, small: own }) =>
          `<button type="button" class="box ${part}" data-part="${part}" style="grid-area:${where}">
        <span>${says}</span>${own ? small[own] : ""}</button>`,
      );
      const arrows = ARROWS.map(
        ([where, says]) =>
          `<span class="arrow" style="grid-area:${where}" aria-hidden="true">${says}</span>`,
      );
      this.innerHTML = `<div class="parts">${boxes.join("")}${arrows.join("")}</div>
        <div class="open"><div class="buttons"><button type="button" data-move="-1">${said("Back")}</button>
        <button type="button" data-move="1">${said("Next")}</button><span class="place"></span></div>
        <p class="part" aria-live="polite"></p><div class="shown"></div><div class="code"></div></div>`;
      this.addEventListener("click", ({ target }) => {
        const { part, move } = target.closest("button")?.dataset ?? {};
        if (part) this.open(this.data.parts.findIndex(({ id }) => id === part));
        else if (move) this.open(this.at + Number(move));
      });
    }

    open(at) {
      const { parts } = this.data;
      this.at = (at + parts.length) % parts.length;
      Why.toAddress(this.id, parts[this.at].id);
      this.show();
    }

    show() {
      const { parts } = this.data,
        { id, title, shown, code } = parts[this.at];
      for (const box of this.querySelectorAll(".box")) {
        const n = parts.findIndex((part) => part.id === box.dataset.part);
        box.setAttribute("aria-pressed", box.dataset.part === id);
        box.classList.toggle("past", n < this.at);
      }
      this.querySelector(".place").textContent = said("{step} of {steps}", {
        step: this.at + 1,
        steps: parts.length,
      });
      this.querySelector("p.part").textContent = title;
      this.querySelector(".shown").innerHTML = shown;
      this.querySelector(".code").innerHTML = code;
    }
  }

  Why.define("why-method", WhyMethod);
})();
