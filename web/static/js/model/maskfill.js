/** Which pixels of a picture have about the colour of one of them: all that hang together with it, or all there are. */

/** @import { Area, Mask } from "./mask.js" */

/**
 * Fills a mask where the picture has about one colour, as one step.
 * @param {Mask} mask @param {Uint8ClampedArray} pixels of the picture, four bytes each @param {readonly [number, number]} at in pixels
 * @param {{tolerance: number, isEverywhere: boolean, erases: boolean}} how `tolerance` is how far each of red, green and blue may lie
 *   off, 0 to 1; `isEverywhere` takes pixels that do not hang together too
 * @returns {Area | null} what changed; null outside of the picture
 */
export function fillMask(mask, pixels, [left, top], { tolerance, isEverywhere, erases }) {
  const { width, height, data } = mask;
  const [x, y] = [Math.floor(left), Math.floor(top)];
  if (x < 0 || y < 0 || x >= width || y >= height) return null;
  const seed = 4 * (y * width + x);
  const [red, green, blue] = [pixels[seed], pixels[seed + 1], pixels[seed + 2]];
  const most = 255 * tolerance;
  const fits = (/** @type {number} */ index) => {
    const place = 4 * index;
    return Math.abs(pixels[place] - red) <= most && Math.abs(pixels[place + 1] - green) <= most && Math.abs(pixels[place + 2] - blue) <= most;
  };
  const value = erases ? 0 : 255;
  return mask.whole(() => {
    if (!isEverywhere) return flood(data, width, height, x, y, fits, value);
    for (let index = 0; index < data.length; index += 1) if (fits(index)) data[index] = value;
  });
}

/**
 * Goes from a pixel to those beside, above and below it, row by row, as long as they fit.
 * @param {Uint8Array} data @param {number} width @param {number} height @param {number} x @param {number} y
 * @param {(index: number) => boolean} fits @param {number} value
 */
function flood(data, width, height, x, y, fits, value) {
  const seen = new Uint8Array(width * height);
  const waiting = [y * width + x];
  const isNew = (/** @type {number} */ index) => seen[index] === 0 && fits(index);
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen[at] === 1) continue;
    const row = at - (at % width);
    let [first, last] = [at, at];
    while (first > row && isNew(first - 1)) first -= 1;
    while (last < row + width - 1 && isNew(last + 1)) last += 1;
    for (let index = first; index <= last; index += 1) {
      seen[index] = 1;
      data[index] = value;
    }
    for (const next of [-width, width]) {
      if (row + next < 0 || row + next >= width * height) continue;
      for (let index = first + next; index <= last + next; index += 1) {
        if (isNew(index) && (index === first + next || !isNew(index - 1))) waiting.push(index);
      }
    }
  }
}
