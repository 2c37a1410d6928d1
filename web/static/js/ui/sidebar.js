/** The panels at the left edge: a rail of icons, and beside it the one that is open. */

/** @import { Settings } from "../engine/settings.js" */
/** @import { Commands } from "../commands/registry.js" */

import { Dock } from "./dock.js";
import { byId } from "./dom.js";

/** Its panels have icons; see `Panel` in dock.js. */
export class Sidebar extends Dock {
  /** @param {Settings} settings @param {Commands} commands */
  constructor(settings, commands) {
    super({ name: "sidebar", strip: byId("rail"), place: byId("side"), side: "left", size: 320, smallest: 200 }, settings, commands);
  }
}
