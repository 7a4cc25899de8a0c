/* Which column is what, by its name: mocolib/logs/columns.py, whose forms these are. */

import { strip } from "./numbers.js";
import { form, rules, whole } from "./rules.js";

const has = (name, source) => form(source).test(name);

export function use(name) {
  if (axisOf(name)) return "axis";
  if (normOf(name)) return "norm";
  return Object.keys(RANKS).find((role) => RANKS[role](name) !== null) ?? "";
}

export function axisOf(name) {
  const low = strip(name).toLowerCase();
  return rules.columns.AXES.find(([, source]) => whole(source).test(low))?.[0] ?? "";
}

function accuracy(given) {
  const own = rules.columns,
    name = given.toLowerCase();
  if (has(name, own.NOT_ACCURACY) || has(name, own.TRAINING)) return null;
  const place = own.ACCURACIES.findIndex((source) => has(name, source));
  return place < 0 ? null : 2 * place + !has(name, own.EVALUATION);
}

function loss(given) {
  const own = rules.columns,
    name = given.toLowerCase();
  if (!has(name, own.LOSS) || has(name, own.NOT_LOSS)) return null;
  if (has(name, own.EVALUATION)) return 5;
  if (whole(`${own.PLAIN_LOSS}_step`).test(name)) return 0;
  if (whole(own.PLAIN_LOSS).test(name)) return 1;
  return name.includes("epoch") ? 4 : 3 - has(name, own.TRAINING);
}

function rate(given) {
  const own = rules.columns,
    name = given.toLowerCase();
  if (!has(name, own.RATE) || /loss|grad/.test(name)) return null;
  return has(name, own.NOT_RATE) ? 1 : 0;
}

/* How well a name fits a role; lower is better, null is not at all. */
export const RANKS = { accuracy, loss, rate };

/* [family, layer] of a gradient norm; null where it is none. */
export function normOf(name) {
  const own = rules.columns,
    low = name.toLowerCase();
  if (has(low, own.NOT_GRADIENT) || has(low, own.LOSS)) return null;
  const found =
    whole(own.GRADIENT_LAST, "i").exec(name) ?? whole(own.GRADIENT, "i").exec(name);
  if (!found) return null;
  const { family, layer = own.WHOLE } = found.groups;
  if (["g", "g_"].includes(family.toLowerCase())) return null;
  const bare = layer.endsWith(".weight") ? layer.slice(0, -7) : layer;
  const train = whole(own.TRAINING).test(bare.toLowerCase());
  return [family.toLowerCase(), train ? own.WHOLE : bare];
}

/* Layer -> column, a Map of the family of gradient norms that has most layers. */
export function norms(names) {
  const families = new Map();
  for (const name of names) {
    const [family, layer] = normOf(name) ?? [];
    if (!family) continue;
    if (!families.has(family)) families.set(family, new Map());
    const own = families.get(family);
    if (!own.has(layer)) own.set(layer, name);
  }
  let most = new Map();
  for (const own of families.values()) if (own.size > most.size) most = own;
  const weights = [...most].filter(([layer]) => !layer.endsWith(".bias"));
  return weights.length ? new Map(weights) : most;
}

/* The names of norms that are of a layer and not of the whole. */
export const layers = (names) =>
  [...names].filter((layer) => layer !== rules.columns.WHOLE);

/* The first layer and the last, by name where names say it, else by their order. */
export function ends(names) {
  const { FIRST, LAST } = rules.columns,
    found = layers(names);
  if (found.length < 2) return null;
  const first = found.find((name) => has(name.toLowerCase(), FIRST)) ?? found[0];
  const rest = found.filter((name) => name !== first);
  return [first, rest.findLast((name) => has(name.toLowerCase(), LAST)) ?? rest.at(-1)];
}
