/* What <why-judge> shows: the columns to choose from, the charts, the sentences. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { COLOURS, DASHES, escaped, said } = Why;
  const ROLES = {
    axis: said("axis"),
    accuracy: said("accuracy"),
    loss: said("loss"),
    rate: said("learning rate"),
    first: said("first gradient norm"),
    last: said("last gradient norm"),
  };
  const SYMBOLS = {
    made_good: said("a dip that was made good"),
    lasting: said("a fall that lasts"),
    collapse: said("the end of a run that has collapsed"),
    spike: said("a spike"),
  };
  const CHARTS = [
    { key: "accuracy", title: said("accuracy, %"), dots: true },
    { key: "loss", title: said("loss") },
    { key: "norm", title: said("gradient norm"), log: true },
  ];

  /* The logs of all files, in order. */
  const logsOf = (files) => files.flatMap(({ logs = [] }) => logs);

  /* What was guessed for a role, in the first log that has it; else nothing. */
  function guessed(role, files) {
    for (const { judged } of logsOf(files)) {
      const { norms, ...columns } = judged.columns,
        every = [...norms.values()];
      const found = { ...columns, first: every[0], last: every.at(-1) }[role];
      if (found) return found;
    }
  }

  /* A <select> a role; what is not chosen is guessed, and says what was. */
  function choices(id, files, named) {
    const columns = new Set(files.flatMap(({ columns: own = [] }) => own));
    const option = (value, words, chosen) =>
      `<option value="${escaped(value)}"${value === chosen ? " selected" : ""}>` +
      `${escaped(words)}</option>`;
    return Object.entries(ROLES)
      .map(([role, words]) => {
        const chosen = named[role] ?? "",
          all = new Set([...columns, ...(chosen ? [chosen] : [])]);
        const guess = chosen
          ? said("as guessed")
          : said("{column} (guessed)", {
              column: guessed(role, files) ?? said("none"),
            });
        const options = [...all].map((name) => option(name, name, chosen));
        return (
          `<div class="control"><label for="${id}-${role}">${escaped(words)}</label>` +
          `<select id="${id}-${role}" data-role="${role}">` +
          `${option("", guess, chosen)}${options.join("")}</select></div>`
        );
      })
      .join("");
  }

  /* The lines of one log: one through accuracy and loss, one for each of its norms. */
  function linesOf({ judged, drawn }, place, several) {
    const colour = COLOURS[place % COLOURS.length],
      { title } = judged;
    const own = { name: title, colour, width: 1.4, label: several ? title : "" };
    const norms = drawn.norms.map(({ layer, curve, points }, i) => ({
      ...own,
      name: `${title}: ${layer}`,
      label: several ? `${title}: ${layer}` : layer,
      colour: several ? colour : COLOURS[i],
      dash: several ? DASHES[i] : "",
      data: { norm: curve },
      points: { norm: points },
    }));
    return [{ ...own, data: drawn.data, points: drawn.points }, ...norms];
  }

  /* The description that <why-charts> draws; null where nothing can be drawn. */
  function charts(files) {
    const logs = logsOf(files).slice(0, COLOURS.length);
    const lines = logs.flatMap((log, i) => linesOf(log, i, logs.length > 1));
    const shown = CHARTS.filter(({ key }) =>
      lines.some(({ data }) => data[key]?.[0].length),
    );
    if (!shown.length) return null;
    const judged = logs.map((log) => log.judged),
      axes = new Set(judged.map(({ axis }) => said(axis)));
    const since = Math.min(...judged.map(({ first }) => first)),
      until = Math.max(...judged.map(({ last }) => last));
    return {
      charts: shown,
      x: {
        title: [...axes].join(said(" or ")),
        since,
        until: until > since ? until : since + 1,
      },
      lines,
      symbols: SYMBOLS,
    };
  }

  const CHAPTER = /(book\/(\w+)\.ipynb, #([\w-]+))/;

  /* A sentence; the place in the book that it names is a link. */
  const linked = (sentence) =>
    escaped(sentence).replace(CHAPTER, '<a href="$2.html#$3">$1</a>');

  /* What is said of each log, or why there is none. */
  function told(files) {
    return files
      .map(({ sentence, logs = [] }) => {
        if (sentence) return `<p class="trouble">${escaped(sentence)}</p>`;
        return logs
          .map(({ sentences, judged }) => {
            const known = sentences.length - 2 * judged.advice.length; // then what to do
            const lines = sentences.map((one, i) => {
              const advice = i < known ? "" : ' class="advice"';
              return `<li${advice}>${linked(one)}</li>`;
            });
            const name = `<p class="name">${escaped(judged.title)}</p>`;
            return `<section>${name}<ul>${lines.join("")}</ul></section>`;
          })
          .join("");
      })
      .join("");
  }

  const most = COLOURS.length;
  Why.judgeView = { charts, choices, guessed, logsOf, most, told };
})();
