/** The colours and fonts of the canvas, read from the style sheet, so that one place decides light and dark. */

/**
 * @typedef {Readonly<{
 *   paper: string, dot: string, node: string, title: string, titleFar: string, line: string, ink: string, soft: string, faint: string,
 *   field: string, fieldHover: string, accent: string, onAccent: string, danger: string, dangerSoft: string, warn: string,
 *   shadow: string, bypass: string, bypassFar: string, isDark: boolean,
 * }>} Theme
 */

export const FONT = `system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif`;

const NAMES = {
  paper: "--paper", dot: "--dot", node: "--node", title: "--node-title", titleFar: "--node-title-far", line: "--line", ink: "--ink", soft: "--soft",
  faint: "--faint", field: "--field", fieldHover: "--field-hover", accent: "--accent", onAccent: "--on-accent",
  danger: "--danger", dangerSoft: "--danger-soft", warn: "--warn", shadow: "--shadow", bypass: "--bypass", bypassFar: "--bypass-far",
};

/**
 * The theme that stands in the style sheet now.
 * @returns {Theme}
 */
export function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const colours = Object.fromEntries(Object.entries(NAMES).map(([name, variable]) => [name, style.getPropertyValue(variable).trim()]));
  return /** @type {Theme} */ ({ ...colours, isDark: style.getPropertyValue("--is-dark").trim() === "1" });
}

/** @type {Record<string, number>} hues of the types that everyone knows */
const HUES = {
  MODEL: 265, CLIP: 48, VAE: 350, CONDITIONING: 26, LATENT: 318, IMAGE: 208, MASK: 150, CONTROL_NET: 172, INT: 92,
  FLOAT: 108, STRING: 70, BOOLEAN: 130, NOISE: 232, GUIDER: 288, SAMPLER: 190, SIGMAS: 220, UPSCALE_MODEL: 245,
  CLIP_VISION: 60, STYLE_MODEL: 36, AUDIO: 12, VIDEO: 196,
};

/** @type {Map<string, string>} */
const colours = new Map();

/** Gives types other colours than their own. @param {Readonly<Record<string, string>>} chosen by type */
export function slotColours(chosen) {
  colours.clear();
  for (const [type, colour] of Object.entries(chosen)) for (const isDark of [true, false]) colours.set(`${isDark} ${type}`, colour);
}

/**
 * The colour of a socket type: quiet, and always the same for the same name.
 * @param {string} type @param {boolean} isDark
 * @returns {string}
 */
export function typeColour(type, isDark) {
  const name = `${isDark} ${type}`;
  let colour = colours.get(name);
  if (!colour) {
    if (type === "*" || type === "") colour = isDark ? "hsl(40 4% 62%)" : "hsl(40 4% 52%)";
    else {
      const hue = HUES[type.toUpperCase()] ?? hash(type) % 360;
      colour = isDark ? `hsl(${hue} 46% 66%)` : `hsl(${hue} 46% 52%)`;
    }
    colours.set(name, colour);
  }
  return colour;
}

/** @param {string} text @returns {number} */
function hash(text) {
  let value = 7;
  for (const letter of text) value = (value * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return value;
}
