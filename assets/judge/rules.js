/* What Python and the page share: sentences, names of columns, numbers of the judgement.
   They stand in mocolib/logs; `mocolib.lab.own_log` hands them over, by module. */

export const rules = {};

export function begin(given) {
  Object.assign(rules, given);
  forms.clear();
}

const forms = new Map();

/* A regular expression of Python's, made once. */
export function form(source, flags = "") {
  const key = `${flags}/${source}`;
  if (!forms.has(key)) forms.set(key, new RegExp(source, flags));
  return forms.get(key);
}
export const whole = (source, flags) => form(`^(?:${source})$`, flags);

/* A message with its {fields} filled in. */
export const said = (message, fields = {}) =>
  message.replace(/\{(\w+)\}/g, (_, name) => fields[name]);

/* A file or a choice that cannot be judged; its message is a whole sentence. */
export class BadInput extends Error {}

export const refused = (name, fields) =>
  new BadInput(said(rules.refusals[name], fields));
