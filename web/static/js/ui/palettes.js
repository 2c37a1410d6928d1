/** Palettes that a person brought: applied over the theme of their brightness. */

/** @import { Palette } from "../model/palettes.js" */
/** @import { Settings } from "../engine/settings.js" */

import { slotColours, typeColour } from "../canvas/theme.js";
import { readPalette, writePalette } from "../model/palettes.js";
import { t } from "../words.js";
import { make } from "./dom.js";
import { chooseJson, saveFile } from "./localfiles.js";
import { tell, toast } from "./toasts.js";

const PALETTES = "appearance.palettes";
const VARIABLES = ["--paper", "--node", "--node-title", "--node-title-far", "--line", "--ink", "--soft", "--faint", "--field", "--danger", "--bar", "--panel", "--accent"];
const KNOWN = ["MODEL", "CLIP", "VAE", "CONDITIONING", "LATENT", "IMAGE", "MASK", "CONTROL_NET", "NOISE", "GUIDER", "SAMPLER", "SIGMAS"];

/** Shows a palette, or none. @param {Palette | undefined} palette */
export function applyPalette(palette) {
  const { style, dataset } = document.documentElement;
  for (const name of VARIABLES) style.removeProperty(name);
  slotColours(palette?.slots ?? {});
  if (!palette) return;
  for (const [name, colour] of Object.entries(palette.colours)) style.setProperty(name, colour);
  dataset.theme = palette.isDark ? "dark" : "light";
}

/** Asks for a file and shows the palette in it. @param {Settings} settings @param {string} theme the setting of the theme */
async function importPalette(settings, theme) {
  const chosen = await chooseJson();
  if (!chosen) return;
  const palette = readPalette(chosen.json);
  const others = settings.get(PALETTES).filter((/** @type {Palette} */ one) => one.id !== palette.id);
  settings.set(PALETTES, [...others, palette]);
  settings.set(theme, `palette ${palette.id}`);
  for (const watch of settings.watchers) watch();
  toast(t("“{name}” is a theme now.", { name: palette.name }), { kind: "good", name: "palette" });
}

/** Saves the colours that are shown as a palette of the ecosystem. @param {string} name */
function exportPalette(name) {
  const style = getComputedStyle(document.documentElement);
  const isDark = style.getPropertyValue("--is-dark").trim() === "1";
  const colours = Object.fromEntries(VARIABLES.map((variable) => [variable, style.getPropertyValue(variable).trim()]));
  const slots = Object.fromEntries(KNOWN.map((type) => [type, typeColour(type, isDark)]));
  saveFile(`${name}.json`, JSON.stringify(writePalette(name, colours, slots, isDark), null, 2));
}

/** Takes the palette that is shown away. @param {Settings} settings @param {string} theme the setting of the theme */
function forgetPalette(settings, theme) {
  const shown = settings.get(theme);
  settings.set(theme, "system");
  settings.set(PALETTES, settings.get(PALETTES).filter((/** @type {Palette} */ one) => `palette ${one.id}` !== shown));
  for (const watch of settings.watchers) watch();
}

/** Lets go of the row that was filled last. */
let leave = /** @type {() => void} */ (() => undefined);

/** Fills a row of the settings. @param {HTMLElement} field @param {Settings} settings @param {string} theme the setting of the theme */
export function paletteButtons(field, settings, theme) {
  const button = (/** @type {string} */ label, /** @type {() => unknown} */ run) => make("button", { type: "button", onclick: () => void run() }, label);
  const shown = () => settings.get(PALETTES).find((/** @type {Palette} */ { id }) => settings.get(theme) === `palette ${id}`);
  field.className = "choice-buttons";
  const forget = button(t("Delete"), () => forgetPalette(settings, theme));
  field.replaceChildren(forget, button(t("Export"), () => exportPalette(shown()?.name ?? "Sfumato")), button(t("Import…"), () => tell(importPalette(settings, theme), "palette")));
  const follow = () => {
    forget.hidden = shown() === undefined;
  };
  leave();
  leave = settings.listen(theme, follow);
  follow();
}
