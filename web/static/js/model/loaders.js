/** Which node loads a model file of a folder. */

/** @import { Definition, Definitions } from "./types.js" */

/** The usual node for each folder, and its input. */
const USUAL = new Map(Object.entries({
  checkpoints: ["CheckpointLoaderSimple", "ckpt_name"], loras: ["LoraLoader", "lora_name"], vae: ["VAELoader", "vae_name"],
  controlnet: ["ControlNetLoader", "control_net_name"], upscale_models: ["UpscaleModelLoader", "model_name"],
  diffusion_models: ["UNETLoader", "unet_name"], text_encoders: ["CLIPLoader", "clip_name"], clip_vision: ["CLIPVisionLoader", "clip_name"],
  style_models: ["StyleModelLoader", "style_model_name"], gligen: ["GLIGENLoader", "gligen_name"],
  hypernetworks: ["HypernetworkLoader", "hypernetwork_name"], diffusers: ["DiffusersLoader", "model_path"],
}));

/**
 * The node for a model and the input that names it: the usual one, or else one that offers the file; null where there is none.
 * @param {string} folder @param {string} name @param {Definitions} definitions
 * @returns {{definition: Definition, input: string} | null}
 */
export function loaderFor(folder, name, definitions) {
  const [type, input] = USUAL.get(folder) ?? [];
  const usual = definitions.get(type ?? "");
  if (usual && input && usual.inputs.some((one) => one.name === input)) return { definition: usual, input };
  for (const definition of definitions.values()) {
    const fits = definition.inputs.find(({ widget }) => widget?.kind === "combo" && widget.options.includes(name));
    if (fits && !definition.deprecated) return { definition, input: fits.name };
  }
  return null;
}
