/** The way from the first level to the subgraph on screen; every part of it leads back. */

/** @import { App } from "../app.js" */

import { titleOf } from "../model/slots.js";
import { byId, make } from "./dom.js";

/** Keeps the trail true. @param {App} app */
export function showTrail(app) {
  const trail = byId("trail");
  const { store } = app;
  const fill = () => {
    const isRoot = store.path.length === 0;
    if (isRoot && trail.hidden) return;
    trail.hidden = isRoot;
    if (isRoot) return trail.replaceChildren();
    const names = [app.name, ...store.instances.map((node) => titleOf(store.definitions, node))];
    trail.replaceChildren(...names.flatMap((name, depth) => {
      const isLast = depth === names.length - 1;
      const part = make("button", {
        type: "button", disabled: isLast, onclick: () => store.show(store.path.slice(0, depth)), ...(isLast ? { "aria-current": "page" } : {}),
      }, name);
      return depth === 0 ? [part] : [make("span", { "aria-hidden": "true" }, "›"), part];
    }));
  };
  store.listen(fill);
  fill();
}
