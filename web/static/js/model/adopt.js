/** Nodes whose type was unknown when their file was read, and is known now: their values take their places. */

/** @import { Transaction } from "./document.js" */
/** @import { Definitions } from "./types.js" */

import { readValues, writeUnknown } from "./io/values.js";

/**
 * Reads what such nodes keep of their file by the definitions that there are now.
 * @param {Transaction} change @param {Definitions} before what was known until now @param {Definitions} definitions
 */
export function adoptTypes(change, before, definitions) {
  for (const graph of change.document.graphs.values()) {
    const within = change.at(graph.id);
    for (const node of [...graph.nodes.values()]) {
      const definition = definitions.get(node.type);
      if (!definition || before.has(node.type)) continue;
      const { widgets_values: list, widgets_values_named: named } = writeUnknown(node);
      const { widgets_values: _list, widgets_values_named: _named, ...kept } = node.kept;
      const { values, controls } = readValues(definition, list, named);
      within.put("node", { ...node, values: Object.freeze(values), controls: Object.freeze(controls), kept: Object.freeze(kept) });
    }
  }
}
