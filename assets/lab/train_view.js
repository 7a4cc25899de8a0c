/* What <why-train> shows of its runs: the data of its charts, a table, a sentence. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { COLOURS, DASHES, escaped, finite, named, reach, said, short, swatch } = Why;
  const GREY = "var(--pst-color-text-muted, #767676)";
  const SYMBOLS = {
    spike: said("a spike begins: a layer's gradient above 2.5 times its median"),
  };
  const STATES = {
    // what a run is at, by the id of its phase or of its outcome
    done: said("done"),
    finished: said("finished"),
    idle: said("idle"),
    loading: said("loading"),
    paused: said("paused"),
    stopped: said("stopped"),
    training: said("training"),
    unsupported: said("unsupported"),
  };

  const look = ({ number }, width = 2) => ({
    width,
    colour: COLOURS[number % COLOURS.length],
    dash: DASHES[number % DASHES.length],
  });
  /* What was changed on a branch, in words. */
  const changed = ({ from, changes }) =>
    from
      ? changes.filter(({ step }) => step >= from.step).map(({ words }) => words)
      : [];
  const nameOf = (record) =>
    Why.listed([record.words, ...changed(record)].filter(Boolean)) || said("this run");

  /* A branch that was changed is told from that of the other side of a pair. */
  function labelOf(record) {
    const own = changed(record);
    return own.length ? Why.listed([record.run, ...own].filter(Boolean)) : record.words;
  }
  /* What of a run's rows a chart shows: a column, and times what. */
  const columns = (layer) => ({
    knn: ["knn", 100],
    loss: ["loss"],
    gradient: [`grad_inf/${layer}`],
    adam_rms: [`adam_rms/${layer}`],
  });
  const column = (panel, key) => columns(layerOf(panel))[key];

  /* The runs that are on the charts: those that go on last, so that they lie on top. */
  const shown = ({ live, kept }) => [...kept, ...live].filter(({ steps }) => steps);

  /* All that <why-charts> draws. */
  function charts(panel) {
    const {
        data: { charts: all, recipe },
        training,
      } = panel,
      layer = layerOf(panel),
      { live } = training;
    const lines = [
      ...recorded(panel).flatMap((side) => thin(side, panel)),
      ...shown(training).map((record) => line(record, live, layer)),
    ];
    return {
      charts: all.map((one) => ({
        ...one,
        title:
          one.key === "gradient"
            ? `${one.title}, ${panel.data.layers[layer] ?? layer}`
            : one.title,
        limits: limits(one, panel, lines),
        note: missing(one, panel, lines),
      })),
      x: { title: said("training step"), until: recipe.steps },
      symbols: SYMBOLS,
      lines,
      marks: live
        .flatMap(({ changes }) =>
          changes.map(({ step, words }) => ({ at: step, words })),
        )
        .filter(
          ({ at, words }, i, marks) =>
            marks.findIndex((other) => other.at === at && other.words === words) === i,
        ),
    };
  }

  function line(record, live, layer) {
    const goesOn = live.includes(record),
      key = `grad_inf/${layer}`;
    const at = (name, step) =>
      record.rows.find((row) => row.step >= step && finite(row[name]))?.[name];
    const points = (name, times = 1) =>
      record.spikes.list.flatMap((spike) => {
        const y = at(name, spike.step);
        return finite(y) && spike.step >= (record.from?.step ?? 0)
          ? [{ kind: "spike", x: spike.step, y: times * y, words: told(spike) }]
          : [];
      });
    return {
      name: nameOf(record),
      label: labelOf(record),
      ...look(record, goesOn ? 2.2 : 1.4),
      opacity: goesOn ? 1 : 0.6,
      data: Object.fromEntries(
        Object.entries(columns(layer)).map(([chart, column]) => [
          chart,
          record.column(...column),
        ]),
      ),
      points: goesOn ? { knn: points("knn", 100), gradient: points(key) } : {},
    };
  }

  const told = ({ step, layer, times }) =>
    said("step {step}: {layer}, {times} times its median", {
      step,
      layer: layer.replaceAll("_", " "),
      times: times.toFixed(1),
    });

  /* The curves of a recorded run; its gradient is the first layer's. */
  function past({ lines: { gradient, ...rest } }, panel) {
    const first = Object.keys(panel.data.layers)[0];
    return layerOf(panel) === first ? { gradient, ...rest } : rest;
  }

  /* Of an axis: every recorded run and all that is shown, so that it holds still when a
     control moves. */
  function limits({ key, log }, panel, lines) {
    const runs = panel.training.own ? [] : panel.data.recorded;
    const all = [
      ...runs.map((run) => past(run, panel)),
      ...lines.map(({ data }) => data),
    ];
    return reach(
      all.map((data) => ({ y: data[key]?.[1] ?? [] })),
      log,
    );
  }

  /* What stands behind: [{ runs, asked, colour }], the recorded runs that are nearest to
     the chosen setting in grey, or to both of a pair in its colours. */
  function recorded({ data, settings, training: { own, live } }) {
    if (own || !data.recorded.length) return [];
    const name = data.compare?.name,
      pair = live.filter(({ from }) => !from);
    const sides =
      pair.length === 2
        ? pair.map((one) => [
            { ...settings, [name]: one.recipe[name] },
            look(one).colour,
          ])
        : [[settings, GREY]];
    return sides.map(([asked, colour]) => ({
      runs: nearest(data.recorded, asked),
      asked,
      colour,
    }));
  }

  const thin = ({ runs, colour }, panel) =>
    runs.map((run) => ({
      name: run.name,
      seed: true,
      colour,
      width: 1,
      opacity: 0.45,
      data: past(run, panel),
    }));

  /* Which runs those are, in a sentence; "" where there are none. */
  function behind(panel) {
    const { axes } = panel.data;
    const sides = recorded(panel).map(({ runs, asked }) => {
      const seeds = runs.map(({ seed }) => seed).join(", ");
      const apart = axes
        .filter(({ name }) => runs[0].settings[name] !== asked[name])
        .map(
          ({ name, values, spoken }) => spoken[values.indexOf(runs[0].settings[name])],
        );
      const which = apart.length
        ? said("nearest to it, {settings}", { settings: Why.listed(apart) })
        : said("of this setting");
      return runs.length === 1
        ? said("{which} (seed {seeds})", { which, seeds })
        : said("{which} (seeds {seeds})", { which, seeds });
    });
    const [first, second] = new Set(sides);
    if (!first) return "";
    return second
      ? said("Thin: recorded runs {first} and {second}.", { first, second })
      : said("Thin: recorded runs {first}.", { first });
  }

  /* Words weigh more than any number. */
  function nearest(runs, settings) {
    const far = (run) =>
      Object.entries(settings).reduce((sum, [name, value]) => {
        const own = run.settings[name];
        if (typeof value === "string") return sum + 100 * (own !== value);
        return sum + Math.abs(Math.log(Math.max(own, 1e-9) / Math.max(value, 1e-9)));
      }, 0);
    const least = Math.min(...runs.map(far));
    return runs.filter((run) => far(run) <= least + 1e-9);
  }

  const isFixed = ({ patch_projection: how }) => how === "fixed";

  /* The layer whose gradient is drawn: the chosen one, else the first that learns in
     each run. */
  function layerOf({ layer, data, settings, training: { live } }) {
    if (layer in data.layers) return layer;
    const shown = live.length
      ? live.map((record) => record.settings)
      : [{ ...data.recipe, ...settings }];
    return Object.keys(data.layers)[shown.some(isFixed) ? 1 : 0];
  }

  /* Why a chart shows nothing, or nothing of some run; "" where it shows all. */
  function missing({ key }, panel, lines) {
    const [first] = Object.keys(panel.data.layers);
    const fixed = panel.training.live.some(({ settings }) => isFixed(settings));
    if (["gradient", "adam_rms"].includes(key) && layerOf(panel) === first && fixed)
      return said("a fixed projection has no gradient");
    return lines.some(({ data }) => data[key]?.[0]?.length)
      ? ""
      : said("it fills as you train: none was recorded");
  }

  /* The furthest below the best so far, in points, once the warmup is over. */
  function deepestFall({ rows, recipe }) {
    let best = 0,
      fall = 0;
    for (const { step, knn } of rows) {
      if (!finite(knn) || step <= recipe.warmup_steps) continue;
      best = Math.max(best, knn);
      fall = Math.max(fall, best - knn);
    }
    return 100 * fall;
  }

  function stateOf({ outcome }, phase) {
    const [, step] = /^diverged at step (\d+)/.exec(outcome) ?? [];
    if (step) return said("diverged at step {step}", { step });
    return STATES[outcome || phase] ?? outcome;
  }

  function table(panel) {
    const { live, phase } = panel.training,
      first = Object.keys(panel.data.layers)[0];
    const number = (value, digits) => (finite(value) ? value.toFixed(digits) : "–");
    const facts = (record) => {
      const knn = record.last("knn"),
        { list } = record.spikes;
      return {
        [said("kNN, %")]: number(knn === null ? NaN : 100 * knn, 1),
        [said("deepest fall, points")]: number(deepestFall(record), 1),
        [said("spikes (first layer’s)")]:
          `${list.length} (${list.filter(({ layer }) => layer === first).length})`,
        [said("loss")]: number(record.last("loss"), 2),
        [said("step")]: record.steps,
        [said("state")]: stateOf(record, live.includes(record) ? phase : "stopped"),
      };
    };
    const records = shown(panel.training).reverse();
    if (!records.length) return "";
    const rows = records.map(
      (record) => `<tr><th scope="row">${swatch(look(record))}
      ${escaped(nameOf(record))}</th>${Object.entries(facts(record))
        .map(([head, fact]) => `<td data-head="${head}">${escaped(fact)}</td>`)
        .join("")}</tr>`,
    );
    const heads = [said("run"), ...Object.keys(facts(records[0]))].map(
      (h) => `<th scope="col">${h}</th>`,
    );
    return `<table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
  }

  /* The last spike of what goes on, with the layer that it began in. */
  function spikes({ training, data }) {
    const told = ({ words, from, spikes: found }) =>
      (found?.list ?? [])
        .filter(({ step }) => step >= (from?.step ?? 0))
        .slice(-1)
        .map(({ step, layer, times }) =>
          named(
            words,
            said("spike at step {step}, began in {layer} (×{times})", {
              step,
              layer: data.layers[layer] ?? layer,
              times: times.toFixed(1),
            }),
          ),
        );
    return training.live.flatMap(told).join(" · ");
  }

  function placed({ steps }, knn, place) {
    if (!steps) return said("{name}, {state}: step {step} of {steps}.", place);
    return knn === null
      ? said("{name}, {state}: step {step} of {steps}, loss {loss}.", place)
      : said(
          "{name}, {state}: step {step} of {steps}, loss {loss}, kNN {knn} %.",
          place,
        );
  }

  /* What the charts show, for those who do not see them. */
  function sentence({ training: { live, phase }, data, at, seed }) {
    const chosen = Why.listed(data.axes.map((axis, k) => axis.spoken[at[k]]));
    if (!live.length)
      return phase === "idle"
        ? said("Chosen: {chosen}, seed {seed}. Press Train.", { chosen, seed })
        : said("Chosen: {chosen}, seed {seed}.", { chosen, seed });
    return live
      .map((record) => {
        const knn = record.last("knn"),
          loss = record.last("loss");
        const place = {
          name: nameOf(record),
          state: stateOf(record, phase),
          step: record.steps,
          steps: record.recipe.steps,
          loss: short(loss ?? NaN),
          knn: short(100 * knn),
        };
        const changes = record.changes.map(({ step, words }) =>
          said("From step {step} on: {words}.", { step, words }),
        );
        return [placed(record, knn, place), ...changes].join(" ");
      })
      .join(" ");
  }

  Object.assign(Why, {
    trainView: {
      behind,
      charts,
      column,
      deepestFall,
      layerOf,
      nameOf,
      sentence,
      spikes,
      table,
    },
  });
})();
