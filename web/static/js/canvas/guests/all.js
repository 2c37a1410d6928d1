/** What the page itself paints on nodes of some types. */

/** @import { App } from "../../app.js" */

import { hooks } from "../hooks.js";
import { boxesGuest } from "./boxes.js";
import { comparing } from "./compare.js";
import { curveGuest } from "./curve.js";

/** @param {App} app */
export function tendGuests(app) {
  const guests = /** @type {const} */ ([["CURVE", curveGuest(app)], ["BOUNDING_BOXES", boxesGuest(app, false)], ["BOUNDING_BOX", boxesGuest(app, true)]]);
  for (const [type, { guest, double }] of guests) {
    hooks.widgets.set(type, guest);
    hooks.double.add(double);
  }
  const { type, paint, hover, press } = comparing(app);
  hooks.media.set(type, paint);
  hooks.hover.add(hover);
  hooks.press.add(press);
  app.view.redraw();
}
