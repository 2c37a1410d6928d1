/** Gives nodes the seeds that made a result, and keeps them from changing. */

/** @import { App } from "../app.js" */
/** @import { Seed } from "../engine/board.js" */

import { setControl, setValue } from "../model/commands.js";
import { t } from "../words.js";
import { toast } from "./toasts.js";

/** @param {App} app @param {readonly Seed[]} seeds as a run used them, on the workflow that is on screen */
export function takeSeeds({ store }, seeds) {
  let taken = 0;
  store.run("Use this seed", (change) => {
    for (const { key, name, value } of seeds) {
      const node = key.includes(":") ? undefined : store.document.root.nodeByKey(key);
      if (!node || !(name in node.values)) continue;
      const root = change.at(store.document.root.id);
      setValue(root, node.id, name, value);
      setControl(root, node.id, name, "fixed");
      taken += 1;
    }
  });
  const [first] = seeds;
  if (taken === 0) toast(t("No seed of that run belongs to a node that is still here."));
  else toast(taken === 1 ? t("The seed is {value} now, and stays.", { value: first.value }) : t("{count} seeds are those of that run now, and stay.", { count: taken }));
}
