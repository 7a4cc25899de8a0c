/* <why-frames>: a picture for each setting, all of them in the JSON inside. */
"use strict";
(() => {
  class WhyFrames extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.at = [...this.data.start];
      const known = Why.fromAddress(this.id)?.split(".").map(Number) ?? [];
      if (
        this.data.frames[this.number(known)] !== undefined &&
        known.length === this.at.length
      )
        this.at = known;
      this.build();
      this.show();
    }

    /* Which frame a setting has: the last axis changes fastest. */
    number(at) {
      return this.data.axes.reduce(
        (n, axis, k) =>
          at[k] >= 0 && at[k] < axis.words.length ? n * axis.words.length + at[k] : NaN,
        0,
      );
    }

    build() {
      const { axes, over } = this.data;
      const grid = over
        ? `<div class="over"><img src="${over.picture}" alt="" draggable="false">
        <div class="cell"></div></div>`
        : "";
      this.innerHTML = `${Why.controls(this.id, axes)}
        <div class="stage">${grid}<div class="frame"></div></div>
        <p class="spoken" role="status"></p>`;
      this.addEventListener("input", ({ target }) => {
        if (target.dataset.axis)
          this.choose(Number(target.dataset.axis), Number(target.value));
      });
      if (over) this.listenOver(this.querySelector(".over"));
    }

    /* Dragging over the picture chooses a cell; its slider does the same by keyboard. */
    listenOver(picture) {
      const pick = (event) => {
        const box = picture.getBoundingClientRect(),
          { rows, columns, axis } = this.data.over;
        const inside = (share, n) =>
          Math.min(n - 1, Math.max(0, Math.floor(share * n)));
        const row = inside((event.clientY - box.top) / box.height, rows);
        const column = inside((event.clientX - box.left) / box.width, columns);
        this.choose(axis, row * columns + column);
      };
      picture.addEventListener("pointerdown", (event) => {
        picture.setPointerCapture(event.pointerId);
        pick(event);
      });
      picture.addEventListener("pointermove", (event) => {
        if (event.buttons || event.pointerType === "mouse") pick(event);
      });
    }

    choose(axis, value) {
      if (this.at[axis] === value) return;
      this.at[axis] = value;
      this.show();
      Why.toAddress(this.id, this.at.join("."));
    }

    show() {
      const { axes, frames, pieces, spoken, over } = this.data,
        n = this.number(this.at);
      Why.setControls(this, axes, this.at);
      this.querySelector(".frame").innerHTML = frames[n].map((i) => pieces[i]).join("");
      this.querySelector(".spoken").textContent = spoken[n];
      if (!over) return;
      const cell = this.querySelector(".cell"),
        i = this.at[over.axis];
      cell.style.width = `${100 / over.columns}%`;
      cell.style.height = `${100 / over.rows}%`;
      cell.style.left = `${(100 * (i % over.columns)) / over.columns}%`;
      cell.style.top = `${(100 * Math.floor(i / over.columns)) / over.rows}%`;
    }
  }

  Why.define("why-frames", WhyFrames);
})();
