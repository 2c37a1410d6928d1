/** What the page itself paints on nodes of some types. */

/** @import { App } from "../../app.js" */

import { hooks } from "../hooks.js";
import { boxesGuest, removeBox } from "./boxes.js";
import { comparing } from "./compare.js";
import { curveGuest, removePoint } from "./curve.js";

/** @param {App} app */
export function tendGuests(app) {
  hooks.widgets.set("CURVE", curveGuest(app)).set("BOUNDING_BOXES", boxesGuest(app, false)).set("BOUNDING_BOX", boxesGuest(app, true));
  hooks.double.add((pointer) => removePoint(app, pointer)).add((pointer) => removeBox(app, pointer));
  const { type, paint, hover, press } = comparing(app);
  hooks.media.set(type, paint);
  hooks.hover.add(hover);
  hooks.press.add(press);
  app.view.redraw();
}
