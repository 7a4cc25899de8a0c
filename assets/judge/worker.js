/* The worker that judges logs, so that a large one does not hold up the page. In: the
   rules, then {id, file, named}. Out, by id: how far it is, then the logs or the sentence
   why there are none. Nothing is sent anywhere but to the page. */

import { drawn } from "./drawn.js";
import { judge } from "./judged.js";
import { read } from "./log.js";
import { BadInput, begin, rules } from "./rules.js";
import { told } from "./telling.js";

const PAUSE = 200; // ms between two words on how far it is

self.onmessage = ({ data }) => {
  if (data.rules) begin(data.rules);
  else work(data);
};

function work({ id, file, named }) {
  let next = performance.now() + PAUSE;
  const came = (bytes) => {
    if (performance.now() < next) return;
    next = performance.now() + PAUSE;
    postMessage({ id, is: "reading", share: bytes / file.size });
  };
  try {
    const found = read(file, named, came);
    const logs = found.map((log) => {
      const judged = judge(log);
      return { judged, sentences: told(judged), drawn: drawn(log, judged, rules.own) };
    });
    postMessage({
      id,
      is: "judged",
      logs,
      columns: found.flatMap(({ known }) => known),
    });
  } catch (error) {
    const { columns = [] } = error; // another may be chosen among them
    postMessage({ id, is: "refused", sentence: sentence(error, file.name), columns });
  }
}

function sentence(error, place) {
  if (error instanceof BadInput) return error.message;
  const reason = error.message ?? String(error);
  return rules.own.FAILED.replace("{place}", place).replace("{reason}", reason);
}
