/** A square of samplers, each fed by its neighbours: the graph that the canvas is measured with. */

const INPUTS = ["model", "positive", "negative", "latent_image"];

/**
 * Editor JSON of a grid of nodes with about two links each.
 * @param {number} count
 * @returns {any}
 */
export function gridWorkflow(count) {
  const across = Math.ceil(Math.sqrt(count));
  /** @type {any[]} */
  const links = [];
  /** @type {any[]} */
  const nodes = [];
  for (let index = 0; index < count; index += 1) {
    nodes.push({
      id: index + 1, type: "KSampler", pos: [(index % across) * 320, Math.floor(index / across) * 320], size: [270, 262], flags: {},
      order: index, mode: 0, properties: {}, inputs: INPUTS.map((name) => ({ name, type: "LATENT", link: null })),
      outputs: [{ name: "LATENT", type: "LATENT", links: null }], widgets_values: [index, "fixed", 20, 7, "euler", "normal", 1],
    });
    for (const [input, from] of [[3, index - 1], [2, index - across]]) {
      if (from < 0 || (input === 3 && index % across === 0)) continue;
      const id = links.length + 1;
      links.push([id, from + 1, 0, index + 1, input, "LATENT"]);
      nodes[index].inputs[input].link = id;
    }
  }
  return { id: "grid", revision: 0, last_node_id: count, last_link_id: links.length, nodes, links, groups: [], config: {}, extra: {}, version: 0.4 };
}
