/** A small catalogue in the shape of `/object_info`, and tools for random tests. */

import { readCatalogue } from "../../web/static/js/model/definitions.js";

const SEED = ["INT", { default: 0, min: 0, max: 2 ** 64 - 1, control_after_generate: true }];

export const CATALOGUE = {
  CheckpointLoaderSimple: {
    input: { required: { ckpt_name: [["a.safetensors", "b.safetensors"], {}] } }, output: ["MODEL", "CLIP", "VAE"],
    output_name: ["MODEL", "CLIP", "VAE"], display_name: "Load Checkpoint", category: "loaders",
  },
  CLIPTextEncode: {
    input: { required: { text: ["STRING", { multiline: true, dynamicPrompts: true }], clip: ["CLIP", {}] } },
    output: ["CONDITIONING"], display_name: "CLIP Text Encode (Prompt)", category: "conditioning",
  },
  EmptyLatentImage: {
    input: {
      required: {
        width: ["INT", { default: 512, min: 16, max: 16384, step: 8 }], height: ["INT", { default: 512, min: 16, max: 16384, step: 8 }],
        batch_size: ["INT", { default: 1, min: 1, max: 4096 }],
      },
    },
    output: ["LATENT"], category: "latent",
  },
  KSampler: {
    input: {
      required: {
        model: ["MODEL", {}], seed: SEED, steps: ["INT", { default: 20, min: 1, max: 10000 }],
        cfg: ["FLOAT", { default: 8, min: 0, max: 100, step: 0.1, round: 0.01 }], sampler_name: [["euler", "heun"], {}],
        scheduler: ["COMBO", { options: ["normal", "karras"] }], positive: ["CONDITIONING", {}], negative: ["CONDITIONING", {}],
        latent_image: ["LATENT", {}], denoise: ["FLOAT", { default: 1, min: 0, max: 1, step: 0.01 }],
      },
    },
    input_order: {
      required: ["model", "seed", "steps", "cfg", "sampler_name", "scheduler", "positive", "negative", "latent_image", "denoise"],
    },
    output: ["LATENT"], category: "sampling",
  },
  LatentUpscale: {
    input: { required: { samples: ["LATENT", {}], width: ["INT", { default: 512 }] }, optional: { mask: ["MASK", {}] } },
    output: ["LATENT"], category: "latent",
  },
  VAEDecode: { input: { required: { samples: ["LATENT", {}], vae: ["VAE", {}] } }, output: ["IMAGE"], category: "latent" },
  SaveImage: {
    input: { required: { images: ["IMAGE", {}], filename_prefix: ["STRING", { default: "Sfumato" }] } }, output: [],
    output_node: true, category: "image",
  },
  LoadImage: { input: { required: { image: [["x.png", "y.png"], { image_upload: true }] } }, output: ["IMAGE", "MASK"], category: "image" },
  PreviewAny: { input: { required: { source: ["*", {}] } }, output: [], output_node: true, category: "utils" },
  PrimitiveBoolean: { input: { required: { value: ["BOOLEAN", {}] } }, output: ["BOOLEAN"], category: "utils" },
};

export const DEFINITIONS = readCatalogue(CATALOGUE);

/**
 * A seeded source of numbers in [0, 1) (mulberry32).
 * @param {number} seed
 * @returns {() => number}
 */
export function randomness(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * One of some things.
 * @template T
 * @param {() => number} random @param {readonly T[]} things
 * @returns {T}
 */
export function pick(random, things) {
  return things[Math.floor(random() * things.length)];
}
