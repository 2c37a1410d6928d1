/** A voice for screen readers: what a run does. */

/** @import { App } from "../app.js" */

import { titleOf } from "../model/slots.js";
import { t } from "../words.js";
import { byId } from "./dom.js";

const QUIET_MILLISECONDS = 2000;

/** Says how runs go, not oftener than one can listen. @param {App} app */
export function tellRuns(app) {
  const voice = byId("voice");
  let last = 0;
  const say = (/** @type {string} */ text, isUrgent = false) => {
    const now = Date.now();
    if (!isUrgent && now - last < QUIET_MILLISECONDS) return;
    last = now;
    voice.textContent = text;
  };
  app.runner.listen(({ type, job, text }) => {
    if (type === "started") say(t("The run has started."), true);
    else if (type === "finished") say(t("The run is done."), true);
    else if (type === "failed" || type === "refused") say(t("The run failed: {text}", { text }), true);
    else if (type === "progress" && job?.current) {
      const run = app.board.stateOf(job.current);
      const node = app.store.document.root.nodeByKey(job.current.split(":")[0]);
      if (node && run.max > 1) say(t("{name}: {value} of {count}", { name: titleOf(app.store.definitions, node), value: run.value, count: run.max }));
    }
  });
}
