/** The panels at the lower edge, under the canvas; their tabs stand at its left when one is open, and in the palette always. */

/** @import { Settings } from "../engine/settings.js" */
/** @import { Commands } from "../commands/registry.js" */

import { Dock } from "./dock.js";
import { byId, make } from "./dom.js";

/** Its panels have titles; see `Panel` in dock.js. */
export class Bottom extends Dock {
  /** @param {Settings} settings @param {Commands} commands */
  constructor(settings, commands) {
    const strip = make("div", { className: "dock-tabs" });
    super({ name: "bottom", strip, place: byId("bottom"), side: "bottom", size: 220, smallest: 100 }, settings, commands);
    this.title.replaceWith(strip);
  }
}
