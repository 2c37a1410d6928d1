/** The state chart of the pointer over the start graph, on a view without a screen. */

import { Camera } from "../../web/static/js/canvas/camera.js";
import { hitTest } from "../../web/static/js/canvas/hit.js";
import { brushing } from "../../web/static/js/canvas/input/brushing.js";
import { Chart } from "../../web/static/js/canvas/input/chart.js";
import { cutting } from "../../web/static/js/canvas/input/cutting.js";
import { idle } from "../../web/static/js/canvas/input/idle.js";
import { lacing } from "../../web/static/js/canvas/input/lacing.js";
import { linking } from "../../web/static/js/canvas/input/linking.js";
import { panning } from "../../web/static/js/canvas/input/panning.js";
import { pressing } from "../../web/static/js/canvas/input/pressing.js";
import { pressingWidget } from "../../web/static/js/canvas/input/pressing_widget.js";
import { resizing } from "../../web/static/js/canvas/input/resizing.js";
import { translating } from "../../web/static/js/canvas/input/translating.js";
import { zooming } from "../../web/static/js/canvas/input/zooming.js";
import { Scene } from "../../web/static/js/canvas/scene.js";
import { shapeOf } from "../../web/static/js/canvas/shape.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";

/** A chart, and hands to drive it in places of the canvas. */
export function bench() {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  /** @type {any[]} */ const calls = [];
  const note = (/** @type {string} */ name) => (/** @type {any[]} */ ...args) => void calls.push([name, ...args]);
  const view = {
    store, scene: new Scene(store), camera: new Camera(), stage: { style: {} }, selection: new Set(), selectedLink: /** @type {string | null} */ (null),
    selectedGroup: null, chosenReroutes: new Set(), held: new Set(), cut: new Set(), stroke: [], dropLink: /** @type {string | null} */ (null), mode: "select",
    choices: { wheel: "automatic", drag: "move", grid: 12, snaps: false, linkMenu: "search" }, redrawPart: () => undefined,
    pickPicture: note("picture"), linking: /** @type {any} */ (null), box: null, redraw: () => undefined,
    isSeen: (/** @type {any} */ link) => !link.hidden,
    look: () => undefined, setHover: () => undefined, dom: { close: note("close"), openText: note("text"), isFocused: false, openTitle: note("title") },
    select(/** @type {Iterable<string>} */ ids, add = false, /** @type {Iterable<string>} */ reroutes = []) {
      const [nodes, points] = [[...ids], [...reroutes]];
      if (!add) for (const set of [this.selection, this.chosenReroutes]) set.clear();
      for (const id of nodes) this.selection.add(id);
      for (const id of points) this.chosenReroutes.add(id);
    },
    clearSelection() {
      this.select([]);
      this.selectedLink = null;
    },
  };
  const actions = { search: note("search"), refuse: note("refuse"), linkMenu: note("menu"), useWidget: note("use"), canEdit: () => true };
  const chart = new Chart(/** @type {any} */ (view), /** @type {any} */ (actions), {
    idle, panning, pressing, translating, brushing, resizing, pressingWidget, linking, cutting, lacing, zooming,
  });
  const at = (/** @type {readonly [number, number]} */ place, keys = {}) => ({
    screen: [...place], world: view.camera.toWorld(...place), button: 0, shift: false, control: false, alt: false, touch: false,
    hit: hitTest(view.scene, view.camera.toWorld(...place), view.camera.scale, view.isSeen), ...keys,
  });
  /** @param {"down" | "move" | "up"} what @param {readonly [number, number]} place @param {any} keys */
  const tell = (what, place, keys = {}) => chart.state[what]?.(/** @type {any} */ (at(place, keys)));
  /** @param {readonly (readonly [number, number])[]} places @param {any} keys */
  const drag = (places, keys = {}) => {
    tell("down", places[0], keys);
    for (const place of places.slice(1)) tell("move", place, keys);
    tell("up", places[places.length - 1], keys);
  };
  const node = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key));
  const shape = (/** @type {string} */ key) => shapeOf(DEFINITIONS, node(key));
  /** @param {string} key @returns {[number, number]} */
  const title = (key) => [shape(key).title[0] + 80, shape(key).title[1] + 12];
  return { store, view, chart, calls, tell, drag, node, shape, title };
}
