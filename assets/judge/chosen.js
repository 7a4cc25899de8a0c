/* Which columns of a run are judged, named or guessed: mocolib/logs/chosen.py. */

import { finite, largest, least } from "./arrays.js";
import { norms, normOf, RANKS, use } from "./columns.js";
import { general, repr } from "./numbers.js";
import { refused, rules, said } from "./rules.js";

/* {roles: role -> column, layers: Map of layer -> column of a gradient norm}. */
export function chosen(table, named, place) {
  const roles = {};
  for (const role of rules.chosen.ROLES) {
    if (named[role]) roles[role] = numeric(table, named[role], role, place);
    else if (RANKS[role]) roles[role] = guessed(table, role);
  }
  if (!named.norms?.length) {
    const taken = Object.values(roles);
    return {
      roles,
      layers: norms([...table.kept.keys()].filter((name) => !taken.includes(name))),
    };
  }
  const listed = named.norms.map((name) => numeric(table, name, "norm", place));
  const layers = new Map(listed.map((name) => [normOf(name)?.[1] ?? name, name]));
  const apart = layers.size === listed.length;
  return { roles, layers: apart ? layers : new Map(listed.map((n) => [n, n])) };
}

function numeric(table, name, role, place) {
  const fields = { role, name: repr(name), place };
  if (!table.names.has(name))
    throw refused("NO_COLUMN", { ...fields, names: some(table.names.keys()) });
  if (table.kept.has(name)) return name;
  const text = table.names.get(name);
  if (!text) throw refused("HOLDS_NOTHING", fields);
  throw refused("HOLDS_TEXT", { ...fields, text: repr(text) });
}

/* The column whose name fits a role best; of equal ones the first. An accuracy that moves
   comes before any that does not, which may be a setting. */
function guessed(table, role) {
  const rank = RANKS[role],
    known = (name) => finite(table.column(name)[1]);
  let fits = [...table.kept.keys()].filter((name) => rank(name) !== null);
  if (role === "accuracy") {
    fits = fits.filter((name) => isAccuracy(known(name)));
    const moving = fits.filter((name) => moves(known(name)));
    if (moving.length) fits = moving;
  }
  return fits.toSorted((a, b) => rank(a) - rank(b))[0];
}

const moves = (known) => known.some((v) => v !== known[0]);

const isAccuracy = (known) =>
  known.length && least(known) >= 0 && largest(known) <= 100;

/* Accuracies as shares, and whether the column has shares or percent, or both. */
export function shares(values, name, place, notes) {
  let known = finite(values);
  if (!known.length) return [values, null];
  if (!isAccuracy(known)) {
    const ends = { low: general(least(known)), high: general(largest(known)) };
    throw refused("OUT_OF_RANGE", { name: repr(name), ...ends, place });
  }
  if (between(known)) {
    values = values.map((v) => (v === 0 ? Number.NaN : v));
    notes.set("zeros", known.filter((v) => v === 0).length);
    known = known.filter((v) => v > 0);
  }
  const percent = name.includes("%") || name.toLowerCase().includes("percent");
  if (largest(known) <= 1 && !percent) return [values, "share"];
  if (!mixed(known)) return [values.map((v) => v / 100), "percent"];
  notes.set("mixed", 1);
  return [values.map((v) => (v > 1 ? v / 100 : v)), "both"];
}

/* Whether most readings are zero, in three stretches or more. */
function between(known) {
  const zeros = known.filter((v) => v === 0).length,
    begins = known.filter((v, i) => v === 0 && !(i && known[i - 1] === 0)).length;
  return zeros > known.length / 2 && begins >= 3 && zeros < known.length;
}

/* Whether a column changes from shares to percent: by about 100 in one step. */
function mixed(known) {
  const low = known.filter((v) => v <= 1).length;
  if (Math.min(low, known.length - low) < rules.chosen.MIXED) return false;
  const changes = Array.from(known.keys()).filter(
    (i) => i && known[i - 1] <= 1 !== known[i] <= 1,
  );
  return changes.every((i) => {
    const [small, large] = [known[i - 1], known[i]].sort((a, b) => a - b);
    return large > 50 * small && large < 200 * small;
  });
}

/* The sentence for a file whose columns say nothing by their names. */
export function nothingKnown(tables, place) {
  const names = new Set(
    [...tables.values()].flatMap(({ kept, numeric }) => [...kept.keys(), ...numeric]),
  );
  const roles = new Set(
    [...tables.values()].flatMap(({ names: all }) =>
      [...all.keys()].filter((name) => rules.columns.JUDGED.includes(use(name))),
    ),
  );
  // or there would be something to judge
  if (roles.size) return refused("NO_NUMBER", { place, names: some(roles) });
  if (!names.size) return refused("NOTHING", { place, kinds: rules.refusals.KINDS });
  return refused("UNKNOWN", { place, names: some(names) });
}

function some(given) {
  const { SHOWN } = rules.chosen,
    names = [...given],
    few = names.slice(0, SHOWN).join(", ");
  const count = names.length - SHOWN;
  return count > 0 ? said(rules.refusals.MORE, { names: few, count }) : few;
}
