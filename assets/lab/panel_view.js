/* What <why-lab> shows of its settings: the lines of its charts, a tally, a table, a
   sentence. `curves` are the settings that are shown, the chosen one first. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { escaped, finite, said, short, swatch, times } = Why;
  const SEED = { width: 0.9, opacity: 0.4, seed: true },
    BEHIND = { ...SEED, opacity: 0.22 }; // where another seed is in front
  const TALLY = {
    // an outcome is counted in runs
    dips: (count) => said("dips made good in {count}", { count }),
    lasting_falls: (count) => said("lasting falls in {count}", { count }),
    collapsed: (count) => said("collapsed: {count}", { count }),
  };

  const firstOf = ({ data }) => data.charts[0].key;

  /* The place of the seed that stands for a setting in the first chart: 0 is that of the
     other charts, -1 that of a seed which was not recorded there. */
  const front = (panel, group) =>
    panel.raised === null ? 0 : group.seeds.indexOf(panel.raised);

  /* The charts; the first says which seed is in front. */
  function charts(panel) {
    const { data, raised } = panel,
      [first, ...rest] = data.charts;
    if (raised === null) return data.charts;
    const title = said("{title}; seed {seed} in front", {
      title: first.title,
      seed: raised,
    });
    return [{ ...first, title, short: first.title }, ...rest];
  }

  /* What a line of a group shows of a chart, seeds by their place. */
  function rows(panel, group, key, place) {
    const [at, y] = (place ? group.others[place - 1][key] : group.lines[key]) ?? [];
    if (!y) return [[], []];
    const per = times(group, panel.x);
    return [panel.data.steps[at].map((step) => step * per), y];
  }

  /* All seeds thin in the first chart, behind them the kept settings, on top the chosen
     one; of each setting one seed strong. */
  function lines(panel, curves) {
    const first = firstOf(panel);
    const seeds = curves.toReversed().flatMap(({ group, style, name }) =>
      group.seeds.flatMap((seed, place) => {
        if (place === front(panel, group)) return [];
        return {
          name: said("{name}, seed {seed}", { name, seed }),
          of: seed,
          colour: style.colour,
          ...(panel.raised === null ? SEED : BEHIND),
          data: { [first]: rows(panel, group, first, place) },
        };
      }),
    );
    const strong = curves.map(({ group, style, ...rest }, i) => ({
      ...rest,
      ...style,
      of: group.seeds[Math.max(0, front(panel, group))],
      data: strongly(panel, group),
      points: i ? {} : points(panel, group),
    }));
    return [...seeds, ...strong.toReversed()];
  }

  function strongly(panel, group) {
    const first = firstOf(panel),
      place = front(panel, group);
    const keys = Object.keys(group.lines).filter((key) => key !== first || place >= 0);
    return Object.fromEntries(
      keys.map((key) => [key, rows(panel, group, key, key === first ? place : 0)]),
    );
  }

  /* The symbols on a setting's strong lines. */
  function points(panel, group) {
    const per = times(group, panel.x);
    const moved = ({ x, ...rest }) => ({
      ...rest,
      x: Array.isArray(x) ? x.map((v) => v * per) : x * per,
    });
    const own = Object.entries(group.points).filter(
      ([key]) => key !== firstOf(panel) || front(panel, group) === 0,
    );
    return Object.fromEntries(own.map(([key, some]) => [key, some.map(moved)]));
  }

  /* How many runs of each setting dipped, fell, collapsed, a line each. */
  function tally(curves) {
    const told = curves
      .filter(({ group }) => group.seeds.length > 1 && Object.keys(group.tally).length)
      .map(
        ({ style, name, label, group }) =>
          `<li>${swatch(style)} ${escaped(label || name)}: ${escaped(counts(group))}</li>`,
      );
    return told.length ? `<ul class="tally">${told.join("")}</ul>` : "";
  }

  /* `of 10 runs: dips made good in 9, lasting falls in 2, collapsed: 0` */
  function counts({ tally: found, seeds }) {
    const each = Object.entries(found).map(([name, count]) => TALLY[name](count));
    const counted = Why.listed(each);
    return said("of {runs} runs: {counted}", { runs: seeds.length, counted });
  }

  function table(panel, curves) {
    const facts = [...new Set(curves.flatMap(({ group }) => Object.keys(group.facts)))];
    const rows = curves.map(({ at, group, name, style }) => {
      const i = panel.keeper(at);
      const drop =
        i < 0
          ? ""
          : `<button type="button" data-drop="${i}"
        aria-label="${escaped(said("Remove {name}", { name }))}">×</button>`;
      return `<tr><th scope="row">${swatch(style)} ${escaped(name)} ${drop}</th>
        ${facts.map((fact) => cell(fact, group.facts[fact])).join("")}
        <td data-head="${said("runs")}">${group.seeds.length}</td></tr>`;
    });
    const heads = [said("setting"), ...facts, said("runs")].map(
      (head) => `<th scope="col">${escaped(head)}</th>`,
    );
    const notes = [
      raisedNote(panel, curves),
      heldNote(panel),
      seedsNote(panel, curves),
    ];
    return `<table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody>
      </table>${notes.map((note) => note && `<p class="note">${escaped(note)}</p>`).join("")}`;
  }

  function cell(fact, value) {
    const head = `<td data-head="${escaped(fact)}">`;
    if (!value || !finite(value[0])) return `${head}–</td>`;
    const [mean, low, high] = value.map((v) => short(v ?? NaN));
    const ends = said("{low} to {high}", { low, high });
    const range = low === high ? "" : ` <small>${ends}</small>`;
    return `${head}${mean}${range}</td>`;
  }

  /* Which seed is in front, and where it ends in each setting. */
  function raisedNote(panel, curves) {
    const { raised: seed } = panel,
      first = firstOf(panel);
    if (seed === null) return "";
    const ends = curves.map(({ name, label, group }) => {
      const place = front(panel, group);
      const last = place < 0 ? NaN : rows(panel, group, first, place)[1].at(-1);
      return finite(last)
        ? said("{name} ends at {last}", { name: label || name, last: short(last) })
        : said("{name} has no such run", { name: label || name });
    });
    return said(
      "In front in the first chart: seed {seed}; {ends}. Press it once more to let it go.",
      {
        seed,
        ends: Why.listed(ends),
      },
    );
  }

  /* What the kept curves hold where they follow the controls in the rest. */
  function heldNote({ kept, data: { axes } }) {
    const held = kept
      .filter((one) => one.includes(null))
      .map((one) =>
        Why.listed(one.flatMap((i, k) => (i === null ? [] : axes[k].spoken[i]))),
      );
    if (!held.length || axes.length < 2) return "";
    return said(
      "Kept is only: {held}. What else you choose holds for all curves, where it was recorded.",
      {
        held: held.join("; "),
      },
    );
  }

  function seedsNote({ data, raised }, curves) {
    if (!curves.some(({ group }) => group.seeds.length > 1)) return "";
    const { strong } = data;
    const numbers = said("Numbers: mean of the runs, with the least and the largest.");
    if (raised !== null && data.charts.length < 2) return numbers;
    const told = { numbers, strong };
    return raised === null
      ? said(
          "{numbers} Strong line: {strong}; thin, in the first chart: the other seeds. " +
            "Press one to bring its seed to the front.",
          told,
        )
      : said("{numbers} Line of the other charts: {strong}.", told);
  }

  /* What the charts show, for those who do not see them. */
  function sentence(panel, curves) {
    const [{ name, group }] = curves;
    const facts = Object.entries(group.facts).filter(([, v]) => finite(v[0]));
    const means = facts.map(([fact, v]) => {
      const [mean, low, high] = v.map((one) => short(one ?? NaN));
      return v[1] === v[2]
        ? `${fact} ${mean}`
        : said("{fact} {mean} ({low} to {high})", { fact, mean, low, high });
    });
    const drawn = panel.data.charts.filter((c) => group.lines[c.key]?.length);
    const ends = drawn.map(({ key, title }) => {
      const y = group.lines[key][1];
      const [first, last] = [short(y[0]), short(y.at(-1))];
      return said("{title} goes from {first} to {last}", { title, first, last });
    });
    const falls = (group.points.knn ?? [])
      .filter(({ kind }) => kind === "fall")
      .map(({ words, x: [first, last] }) =>
        said("it {words} between steps {first} and {last}", { words, first, last }),
      );
    const runs = Why.counted("1 run", "{count} runs", group.seeds.length);
    const all = [...means, ...ends, ...falls].join("; ");
    const shown = said("Shown: {name}; {runs}. {all}.", { name, runs, all });
    return [shown, raisedNote(panel, curves)].filter(Boolean).join(" ");
  }

  Object.assign(Why, { panelView: { charts, lines, sentence, table, tally } });
})();
