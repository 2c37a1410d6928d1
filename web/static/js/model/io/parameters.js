/** Builds a graph from the "parameters" text that other programs put into pictures: prompts, a line of settings, LoRAs. */

/** @import { Definitions, PromptNode } from "../types.js" */

/** @type {Readonly<Record<string, string>>} names of samplers there and here */
const SAMPLERS = {
  "euler": "euler", "euler a": "euler_ancestral", "lms": "lms", "heun": "heun", "dpm2": "dpm_2", "dpm2 a": "dpm_2_ancestral",
  "dpm++ 2s a": "dpmpp_2s_ancestral", "dpm++ 2m": "dpmpp_2m", "dpm++ sde": "dpmpp_sde", "dpm++ 2m sde": "dpmpp_2m_sde",
  "dpm++ 3m sde": "dpmpp_3m_sde", "dpm fast": "dpm_fast", "dpm adaptive": "dpm_adaptive", "ddim": "ddim", "unipc": "uni_pc", "lcm": "lcm",
  "ddpm": "ddpm", "restart": "euler", "plms": "lms",
};
/** @type {Readonly<Record<string, string>>} */
const SCHEDULES = {
  "karras": "karras", "exponential": "exponential", "sgm uniform": "sgm_uniform", "simple": "simple", "normal": "normal",
  "uniform": "normal", "ddim": "ddim_uniform", "beta": "beta", "align your steps": "normal", "kl optimal": "kl_optimal",
};
const PAIR = /\s*([\w +/-]+?):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)/g;
const LORA = /<(?:lora|lyco):([^:>]+)(?::(-?[\d.]+))?[^>]*>/g;

/** @typedef {{positive: string, negative: string, settings: ReadonlyMap<string, string>}} Parameters */

/** @param {string} text @returns {boolean} */
export function isParameters(text) {
  return /(^|\n)\s*Steps:\s*\d+\s*(,|$)/.test(text);
}

/**
 * Takes such a text apart.
 * @param {string} text
 * @returns {Parameters}
 */
export function readParameters(text) {
  const whole = text.replaceAll("\r\n", "\n");
  const start = [...whole.matchAll(/(^|\n)\s*Steps:\s*\d+/g)].at(-1)?.index ?? whole.length;
  const [positive, ...rest] = whole.slice(0, start).split(/(?:^|\n)Negative prompt:/);
  const settings = new Map([...whole.slice(start).matchAll(PAIR)].map(([, name, value]) => [name.trim().toLowerCase(), value.replace(/^"|"$/g, "").trim()]));
  return { positive: positive.trim(), negative: rest.join("\nNegative prompt:").trim(), settings };
}

/**
 * A prompt that does what the text says, as far as it says it.
 * @param {string} text @param {Definitions} definitions
 * @returns {Record<string, PromptNode>}
 */
export function promptOf(text, definitions) {
  const { positive, negative, settings } = readParameters(text);
  const number = (/** @type {string} */ name, /** @type {number} */ fallback) => {
    const value = parseFloat(settings.get(name) ?? "");
    return Number.isFinite(value) ? value : fallback;
  };
  /** @type {Record<string, PromptNode>} */
  const graph = {};
  const add = (/** @type {string} */ type, /** @type {Record<string, any>} */ inputs) => {
    const key = String(Object.keys(graph).length + 1);
    graph[key] = { class_type: type, inputs };
    return key;
  };
  const loader = add("CheckpointLoaderSimple", { ckpt_name: fileName(settings.get("model") ?? "", "CheckpointLoaderSimple", "ckpt_name", definitions) });
  let [model, clip] = [[loader, 0], [loader, 1]];
  for (const [, name, strength] of positive.matchAll(LORA)) {
    const weight = Number(strength ?? 1);
    const key = add("LoraLoader", {
      model, clip, lora_name: fileName(name, "LoraLoader", "lora_name", definitions), strength_model: weight, strength_clip: weight,
    });
    [model, clip] = [[key, 0], [key, 1]];
  }
  const skip = number("clip skip", 1);
  if (skip > 1) clip = [add("CLIPSetLastLayer", { clip, stop_at_clip_layer: -skip }), 0];
  const encode = (/** @type {string} */ words) => [add("CLIPTextEncode", { clip, text: words.replace(LORA, "").trim() }), 0];
  const conditions = { positive: encode(positive), negative: encode(negative) };
  const [width, height] = (settings.get("size") ?? "512x512").split("x").map((side) => parseInt(side, 10) || 512);
  const first = add("EmptyLatentImage", { width, height, batch_size: number("batch size", 1) });
  const common = { model, ...conditions, seed: seedOf(settings), cfg: number("cfg scale", 7), ...samplerOf(settings) };
  const steps = number("steps", 20);
  let latent = [add("KSampler", { ...common, latent_image: [first, 0], steps, denoise: 1 }), 0];
  const scale = number("hires upscale", 1);
  if (scale > 1) {
    const larger = add("LatentUpscaleBy", { samples: latent, upscale_method: "bislerp", scale_by: scale });
    const denoise = number("denoising strength", 0.5);
    latent = [add("KSampler", { ...common, latent_image: [larger, 0], steps: number("hires steps", 0) || steps, denoise }), 0];
  }
  const images = add("VAEDecode", { samples: latent, vae: [loader, 2] });
  add("SaveImage", { images: [images, 0], filename_prefix: "Sfumato" });
  return graph;
}

/** @param {ReadonlyMap<string, string>} settings @returns {number | bigint} */
function seedOf(settings) {
  const digits = /^\d{1,20}$/.exec(settings.get("seed") ?? "")?.[0] ?? "0";
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt.asUintN(64, BigInt(digits));
}

/** @param {ReadonlyMap<string, string>} settings @returns {{sampler_name: string, scheduler: string}} */
function samplerOf(settings) {
  const name = (settings.get("sampler") ?? "Euler").toLowerCase();
  const suffix = Object.keys(SCHEDULES).find((word) => name.endsWith(` ${word}`)) ?? "";
  const type = (settings.get("schedule type") ?? "").toLowerCase();
  const bare = suffix === "" ? name : name.slice(0, -suffix.length - 1);
  return { sampler_name: SAMPLERS[bare] ?? "euler", scheduler: SCHEDULES[type] ?? SCHEDULES[suffix] ?? "normal" };
}

/**
 * The installed file of a name without its ending, or the name as a file that is missing.
 * @param {string} name @param {string} type @param {string} input @param {Definitions} definitions
 * @returns {string}
 */
function fileName(name, type, input, definitions) {
  const options = definitions.get(type)?.inputs.find((one) => one.name === input)?.widget?.options ?? [];
  const bare = (/** @type {any} */ path) => String(path).replaceAll("\\", "/").split("/").at(-1)?.replace(/\.[^.]+$/, "").toLowerCase();
  const found = options.find((option) => bare(option) === bare(`${name}.x`));
  return found ?? (name === "" ? String(options[0] ?? "") : `${name}.safetensors`);
}
