/** Fetches a picture with the mask in its alpha, and keeps a new one as the ecosystem does. */

import { inputUrl, send } from "../../engine/api.js";
import { Mask } from "../../model/mask.js";
import { t } from "../../words.js";

const FOLDER = "clipspace";

/**
 * @param {string} value as an input node holds it
 * @returns {Promise<{picture: ImageBitmap, mask: Mask}>} the colours without alpha, and what was masked
 */
export async function fetchMasked(value) {
  const [picture, alpha] = await Promise.all(["rgb", "a"].map(async (channel) => {
    const answer = await fetch(`${inputUrl(value)}&channel=${channel}`);
    if (!answer.ok) throw new Error(t("The picture {name} is not on the server.", { name: value }));
    return createImageBitmap(await answer.blob());
  }));
  const mask = new Mask(picture.width, picture.height);
  const { context } = surface(picture.width, picture.height);
  context.drawImage(alpha, 0, 0);
  const { data } = context.getImageData(0, 0, mask.width, mask.height);
  for (let index = 0; index < mask.data.length; index += 1) mask.data[index] = 255 - data[4 * index + 3];
  alpha.close();
  return { picture, mask };
}

/**
 * @param {string} value the picture that the mask is for @param {Mask} mask
 * @returns {Promise<string>} the name of the new picture, as an input node holds it
 */
export async function uploadMask(value, mask) {
  const { canvas, context } = surface(mask.width, mask.height);
  const image = context.createImageData(mask.width, mask.height);
  mask.data.forEach((amount, index) => (image.data[4 * index + 3] = 255 - amount));
  context.putImageData(image, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const query = new URLSearchParams(inputUrl(value).split("?")[1]);
  const form = new FormData();
  form.append("image", /** @type {Blob} */ (blob), `clipspace-mask-${Date.now()}.png`);
  form.append("type", "input");
  form.append("subfolder", FOLDER);
  form.append("original_ref", JSON.stringify(Object.fromEntries(query)));
  const record = await (await send("upload/mask", { method: "POST", body: form })).json();
  return `${record.subfolder}/${record.name} [input]`;
}

/** @param {number} width @param {number} height */
export function surface(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  return { canvas, context };
}
