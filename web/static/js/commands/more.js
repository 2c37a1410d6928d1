/** What the page can do beyond its first moment: fetched when all else stands. */

/** @import { App } from "../app.js" */

import { tendGuests } from "../canvas/guests/all.js";
import { tendAdvanced } from "./advanced.js";
import { tendBadges } from "./badges.js";
import { tendBlueprints } from "./blueprints.js";
import { tendNodeTexts } from "./nodetexts.js";
import { tendQuiet } from "./quiet.js";
import { tendRerouting } from "./rerouting.js";
import { tendSwaps } from "./swapping.js";
import { tendFavicon } from "../ui/favicon.js";
import { addLazily } from "../ui/lazy.js";
import { t } from "../words.js";
import { tendWeights } from "./weights.js";

/** @param {App} app */
export function tendMore(app) {
  const { settings } = app;
  settings.define({
    id: "text.weight", label: t("Step of the weights in prompts"), category: t("Nodes"), kind: "number", fallback: 0.05, minimum: 0.01, maximum: 1, step: 0.01,
    note: t("Ctrl with the arrow up or down gives the selected words more or less weight."),
  });
  settings.define({ id: "run.icon", label: t("Show in the icon of the tab how far a run is"), category: t("Runs"), kind: "toggle", fallback: true });
  for (const tend of [tendGuests, tendAdvanced, tendBadges, tendSwaps, tendBlueprints, tendQuiet, tendRerouting]) tend(app);
  void tendNodeTexts(app);
  tendWeights(app);
  tendFavicon(app);
  // The search is there at once when somebody wants to type into it.
  void import("../ui/nodesearch.js");
  addLazily(app.bottom, { id: "plan", title: t("Memory plan"), order: 95 }, async (element) =>
    (await import("../ui/memoryplan.js")).renderPlan(app, element));
}
