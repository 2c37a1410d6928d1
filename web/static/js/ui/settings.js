/** What the page does with its settings: how it looks, moves and speaks. */

/** @import { Settings } from "../engine/settings.js" */

import { t } from "../words.js";
import { LANGUAGES } from "./language.js";
import { loadStyle } from "./styles.js";

const THEME = "appearance.theme";
const PALETTES = "appearance.palettes";
export const LANGUAGE = "appearance.language";
const MOTION = "appearance.motion";
const SIZE = "appearance.size";

/**
 * Defines the settings of the page itself and obeys them.
 * @param {Settings} settings
 */
export function tendSettings(settings) {
  const category = t("Appearance");
  const options = (/** @type {[any, string][]} */ pairs) => pairs.map(([value, label]) => ({ value, label }));
  /** @param {import("../engine/settings.js").Definition} definition @param {(value: any) => void} obey */
  const define = (definition, obey) => {
    settings.define({ category, ...definition });
    obey(settings.get(definition.id));
    settings.listen(definition.id, obey);
  };
  settings.define({ id: PALETTES, kind: "record", fallback: [] });
  define({
    id: THEME, label: t("Theme"), kind: "choice", fallback: "system", order: 1, options: () => options([
      ["system", t("Like the system")], ["light", t("Light")], ["dark", t("Dark")], ["warm", t("Warm")], ["contrast", t("High contrast")],
      ...settings.get(PALETTES).map((/** @type {any} */ { id, name }) => [`palette ${id}`, name]),
    ]),
  }, (theme) => void applyTheme(settings, theme));
  matchMedia("(prefers-contrast: more)").addEventListener("change", () => void applyTheme(settings, settings.get(THEME)));
  settings.define({
    id: "appearance.palette", label: t("Palettes of colours"), category, kind: "action", order: 1.5, note: t("Files with palettes of the ecosystem."),
    render: (field) => void import("./palettes.js").then(({ paletteButtons }) => paletteButtons(field, settings, THEME)),
  });
  settings.define({
    id: LANGUAGE, label: t("Language"), category, kind: "choice", fallback: "system", order: 2, note: t("Open pages change when they are loaded again."),
    options: [{ value: "system", label: t("Like the browser") }, ...LANGUAGES.map(([value, label]) => ({ value, label }))],
  });
  define({
    id: SIZE, label: t("Size of the words"), kind: "choice", fallback: 100, order: 3,
    options: [90, 100, 110, 125, 150].map((percent) => ({ value: percent, label: `${percent} %` })),
  }, (percent) => (document.documentElement.style.fontSize = percent === 100 ? "" : `${percent}%`));
  define({
    id: MOTION, label: t("Movement"), kind: "choice", fallback: "system", order: 4,
    options: options([["system", t("Like the system")], ["reduced", t("As little as possible")], ["full", t("All of it")]]),
  }, (motion) => (document.documentElement.dataset.motion = motion));
  addEventListener("storage", (event) => settings.followMirror(event.key));
  addEventListener("pagehide", () => void settings.flush());
  void settings.load().catch(() => undefined);
}

/** Whether the colours of a palette stand over those of the theme. */
let hasPalette = false;

/** @param {Settings} settings @param {string} theme */
async function applyTheme(settings, theme) {
  const palette = settings.get(PALETTES).find((/** @type {any} */ { id }) => theme === `palette ${id}`);
  if (palette || hasPalette) {
    const { applyPalette } = await import("./palettes.js");
    if (settings.get(THEME) !== theme) return;
    hasPalette = palette !== undefined;
    applyPalette(palette);
    if (palette) return;
  }
  const shown = theme === "system" && matchMedia("(prefers-contrast: more)").matches ? "contrast" : theme;
  if (shown === "warm" || shown === "contrast") {
    await loadStyle("themes.css");
    if (settings.get(THEME) !== theme) return;
  }
  if (shown === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = shown;
}
