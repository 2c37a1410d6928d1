/** The graph that a new page shows: text to image with the bundled model. */

/** @import { Definitions } from "./types.js" */
/** @import { Document } from "./document.js" */

import { t } from "../words.js";
import { Transaction } from "./document.js";
import { newUuid } from "./ids.js";
import { readWorkflow } from "./io/read.js";

export const BUNDLED_MODEL = "sfumato-shapes.safetensors";
const PROMPT = "a small red circle left of a large blue square on a yellow background";

/**
 * @param {number} id @param {string} type @param {[number, number]} pos @param {[number, number]} size
 * @param {string[]} inputs `name TYPE link` @param {string[]} outputs `TYPE link,link` @param {Record<string, any>} values
 * @param {string | null} title
 */
function node(id, type, pos, size, inputs, outputs, values = {}, title = null) {
  return {
    id, type, pos, size, ...(title ? { title } : {}), flags: {}, order: 0, mode: 0, properties: { "Node name for S&R": type },
    inputs: inputs.map((text) => {
      const [name, kind, link] = text.split(" ");
      return { name, type: kind, link: Number(link) };
    }),
    outputs: outputs.map((text) => {
      const [kind, links] = text.split(" ");
      return { name: kind, type: kind, links: links ? links.split(",").map(Number) : null };
    }),
    widgets_values: Object.values(values), widgets_values_named: values,
  };
}

/**
 * The start graph as editor JSON.
 * @returns {any}
 */
export function starterWorkflow() {
  return {
    id: newUuid(), revision: 0, last_node_id: 9, last_link_id: 9, version: 0.4, config: {}, extra: {}, groups: [],
    nodes: [
      node(4, "CheckpointLoaderSimple", [28, 150], [308, 104], [], ["MODEL 1", "CLIP 3,5", "VAE 8"],
        { ckpt_name: BUNDLED_MODEL }),
      node(6, "CLIPTextEncode", [384, 250], [330, 120], ["clip CLIP 3"], ["CONDITIONING 4"], { text: PROMPT }, t("Prompt")),
      node(7, "CLIPTextEncode", [384, 420], [330, 90], ["clip CLIP 5"], ["CONDITIONING 6"], { text: "" }, t("Negative prompt")),
      node(5, "EmptyLatentImage", [384, 560], [330, 108], [], ["LATENT 2"], { width: 128, height: 128, batch_size: 1 }),
      node(3, "KSampler", [762, 190], [270, 268],
        ["model MODEL 1", "positive CONDITIONING 4", "negative CONDITIONING 6", "latent_image LATENT 2"], ["LATENT 7"], {
          seed: 1, control_after_generate: "fixed", steps: 20, cfg: 7, sampler_name: "euler", scheduler: "normal", denoise: 1,
        }),
      node(8, "VAEDecode", [1078, 150], [190, 50], ["samples LATENT 7", "vae VAE 8"], ["IMAGE 9"]),
      node(9, "SaveImage", [1314, 150], [300, 344], ["images IMAGE 9"], [], { filename_prefix: "Sfumato" }),
    ],
    links: [
      [1, 4, 0, 3, 0, "MODEL"], [2, 5, 0, 3, 3, "LATENT"], [3, 4, 1, 6, 0, "CLIP"], [4, 6, 0, 3, 1, "CONDITIONING"],
      [5, 4, 1, 7, 0, "CLIP"], [6, 7, 0, 3, 2, "CONDITIONING"], [7, 3, 0, 8, 0, "LATENT"], [8, 4, 2, 8, 1, "VAE"],
      [9, 8, 0, 9, 0, "IMAGE"],
    ],
  };
}

/**
 * The start document, with a checkpoint that is there.
 * @param {Definitions} definitions
 * @returns {Document}
 */
export function starterDocument(definitions) {
  const { document } = readWorkflow(starterWorkflow(), definitions);
  const input = definitions.get("CheckpointLoaderSimple")?.inputs.find(({ name }) => name === "ckpt_name");
  const options = input?.widget?.options ?? [];
  if (options.length === 0 || options.includes(BUNDLED_MODEL)) return document;
  const change = new Transaction(document);
  for (const present of [...document.root.nodes.values()]) {
    if (present.type !== "CheckpointLoaderSimple") continue;
    change.put("node", { ...present, values: Object.freeze({ ...present.values, ckpt_name: options[0] }) });
  }
  return document;
}
