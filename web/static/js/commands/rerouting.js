/** Reroutes by key: what a press with the middle button on an output does, for all outputs of what is selected. */

/** @import { App } from "../app.js" */

import { outputPoint } from "../canvas/shape.js";
import { addReroute } from "../model/commands.js";
import { chainOf } from "../model/reroutes.js";
import { toast } from "../ui/toasts.js";
import { t } from "../words.js";

const AWAY = 48;

/** @param {App} app */
export function tendRerouting({ commands, store, view }) {
  const firstLinks = () => {
    const links = [...view.selection].flatMap((id) => store.graph.linksFrom(id));
    return links.filter((link, index) => links.findIndex((one) => one.from === link.from && one.slot === link.slot) === index);
  };
  commands.add([{
    id: "add-reroutes", label: t("Add reroutes after the outputs of the selection"), isEnabled: () => [...view.selection].some((id) => store.graph.linksFrom(id).length > 0), run: () => {
      const links = firstLinks();
      const made = store.run("Add reroute", (change) => links.map((link) => {
        const node = /** @type {import("../model/types.js").Node} */ (store.graph.nodes.get(link.from));
        const [x, y] = outputPoint(view.scene.shape(node), link.slot);
        const end = chainOf(store.graph, link.via)[0]?.id ?? link.id;
        return addReroute(change, end, [Math.round(x) + AWAY, Math.round(y)]).id;
      }));
      view.select([], false, made);
      toast(t("Reroutes added: {count}", { count: made.length }), { name: "reroutes" });
    },
  }]);
}
