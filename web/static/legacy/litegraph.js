/** The `LiteGraph` object of the ecosystem: its numbers and names, and the register of node types. Colours are those of the page. */

import { newUuid } from "../js/model/ids.js";
import { typesMatch } from "../js/model/validate.js";
import { attempt, page, recording } from "./page.js";

const NUMBERS = {
  NODE_TITLE_HEIGHT: 30, NODE_TITLE_TEXT_Y: 20, NODE_SLOT_HEIGHT: 20, NODE_WIDGET_HEIGHT: 20, NODE_WIDTH: 140, NODE_MIN_WIDTH: 50,
  NODE_COLLAPSED_RADIUS: 10, NODE_COLLAPSED_WIDTH: 80, NODE_TEXT_SIZE: 14, NODE_SUBTEXT_SIZE: 12, DEFAULT_GROUP_FONT: 24,
  DEFAULT_GROUP_FONT_SIZE: 24, CANVAS_GRID_SIZE: 10, ROUND_RADIUS: 8, MAX_NUMBER_OF_NODES: 10_000, DEFAULT_POSITION: [100, 100],
  BOX_SHAPE: 1, ROUND_SHAPE: 2, CIRCLE_SHAPE: 3, CARD_SHAPE: 4, ARROW_SHAPE: 5, GRID_SHAPE: 6, NODE_DEFAULT_SHAPE: 2,
  INPUT: 1, OUTPUT: 2, EVENT: -1, ACTION: -1, ALWAYS: 0, ON_EVENT: 1, NEVER: 2, ON_TRIGGER: 3, BYPASS: 4,
  UP: 1, DOWN: 2, LEFT: 3, RIGHT: 4, CENTER: 5, STRAIGHT_LINK: 0, LINEAR_LINK: 1, SPLINE_LINK: 2,
  NORMAL_TITLE: 0, NO_TITLE: 1, TRANSPARENT_TITLE: 2, AUTOHIDE_TITLE: 3, VERTICAL_LAYOUT: "vertical",
  NODE_MODES: ["Always", "On Event", "Never", "On Trigger"], NODE_MODES_COLORS: ["#666", "#422", "#333", "#224", "#626"],
  LINK_RENDER_MODES: ["Straight", "Linear", "Spline"], VALID_SHAPES: ["default", "box", "round", "card"],
  LINK_COLOR: "#9A9", EVENT_LINK_COLOR: "#A86", CONNECTING_LINK_COLOR: "#AFA", NODE_ERROR_COLOUR: "#E00",
};

/** Choices of the ecosystem's canvas that a pack may set; this page has its own. */
const CHOICES = {
  vueNodesMode: false, alwaysSnapToGrid: false, snaps_for_comfy: true, middle_click_slot_add_default_node: false,
  dialog_close_on_mouse_leave: false, dialog_close_on_mouse_leave_delay: 500, node_box_coloured_by_mode: false,
  node_box_coloured_when_on: false, ctrl_shift_v_paste_connect_unselected_outputs: true, use_legacy_node_error_indicator: false,
  use_uuids: false, debug: false, catch_exceptions: true, allow_scripts: false, pointerevents_method: "pointer",
  release_link_on_empty_shows_menu: true, alt_drag_do_clone_nodes: true, context_menu_scaling: false, snap_highlights_node: true,
  search_show_all_on_open: true, auto_load_slot_types: false, DEFAULT_BACKGROUND_IMAGE: "",
};

/** @type {Record<string, string>} name there, name in the theme of the page */
const COLOURS = {
  WIDGET_BGCOLOR: "field", WIDGET_OUTLINE_COLOR: "line", WIDGET_ADVANCED_OUTLINE_COLOR: "line", WIDGET_TEXT_COLOR: "ink",
  WIDGET_SECONDARY_TEXT_COLOR: "soft", WIDGET_DISABLED_TEXT_COLOR: "faint", NODE_TITLE_COLOR: "soft",
  NODE_SELECTED_TITLE_COLOR: "ink", NODE_TEXT_COLOR: "soft", NODE_TEXT_HIGHLIGHT_COLOR: "ink", NODE_DEFAULT_COLOR: "title",
  NODE_DEFAULT_BGCOLOR: "node", NODE_DEFAULT_BOXCOLOR: "faint", NODE_BOX_OUTLINE_COLOR: "accent", DEFAULT_SHADOW_COLOR: "shadow",
};

/** @type {Record<string, any>} */
const own = {
  ...NUMBERS, ...CHOICES,
  /** @type {Record<string, any>} */ registered_node_types: {},
  /** @type {Record<string, any>} */ Nodes: {},
  slot_types_in: [], slot_types_out: [], slot_types_default_in: {}, slot_types_default_out: {}, registered_slot_in_types: {},
  registered_slot_out_types: {}, node_types_by_file_extension: {}, Globals: {}, searchbox_extras: {},

  registerNodeType(type, base) {
    base.type = type;
    base.title ??= type;
    base.category ??= type.includes("/") ? type.slice(0, type.lastIndexOf("/")) : "";
    own.registered_node_types[type] = base;
    own.Nodes[base.name] = base;
    page.host?.typeRegistered(type, base);
  },
  unregisterNodeType(type) {
    const name = typeof type === "string" ? type : type.type;
    delete own.registered_node_types[name];
  },
  registerNodeAndSlotType() {},
  getNodeType: (type) => own.registered_node_types[type],
  getNodeTypesInCategory: (category) => Object.values(own.registered_node_types).filter((one) => (one.category ?? "") === category),
  getNodeTypesCategories: () => [...new Set(Object.values(own.registered_node_types).map((one) => one.category ?? "").filter(Boolean))],
  createNode(type, title, options) {
    const base = own.registered_node_types[type];
    if (!base) return null;
    const node = new base(title);
    node.type = type;
    node.title ??= title ?? base.title ?? type;
    node.properties ??= {};
    node.flags ??= {};
    node.size ??= node.computeSize();
    node.pos ??= [100, 100];
    node.mode ??= 0;
    Object.assign(node, options ?? {});
    if (typeof node.onNodeCreated === "function") attempt(`${type}.onNodeCreated`, () => node.onNodeCreated());
    return node;
  },
  isValidConnection: (one, other) => typesMatch(String(one || "*"), String(other || "*")),
  isInsideRectangle: (x, y, left, top, width, height) => x > left && x < left + width && y > top && y < top + height,
  overlapBounding: (a, b) => a[0] <= b[0] + b[2] && a[1] <= b[1] + b[3] && a[0] + a[2] >= b[0] && a[1] + a[3] >= b[1],
  distance: (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]),
  cloneObject: (object, target) => (object == null ? null : Object.assign(target ?? {}, structuredClone(object))),
  compareObjects: (a, b) => JSON.stringify(a) === JSON.stringify(b),
  colorToString: (c) => `rgba(${c.slice(0, 3).map((part) => Math.round(part * 255)).join()},${c[3] ?? 1})`,
  uuidv4: newUuid,
  getTime: () => performance.now(),
  extendClass(target, origin) {
    for (const name of Object.getOwnPropertyNames(origin.prototype ?? {})) {
      if (!(name in target.prototype)) Object.defineProperty(target.prototype, name, Object.getOwnPropertyDescriptor(origin.prototype, name));
    }
    for (const name of Object.keys(origin)) if (!(name in target)) target[name] = origin[name];
  },
  pointerListenerAdd: (target, name, listener, capture = false) => target?.addEventListener(pointerName(name), listener, capture),
  pointerListenerRemove: (target, name, listener, capture = false) => target?.removeEventListener(pointerName(name), listener, capture),
  closeAllContextMenus() {
    document.querySelectorAll(".legacy-menu").forEach((menu) => menu.remove());
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  },
  getParameterNames: (method) => (/\(([^)]*)\)/.exec(String(method))?.[1] ?? "").split(",").map((name) => name.trim()).filter(Boolean),
};

/** @param {string} name @returns {string} */
function pointerName(name) {
  return ["down", "up", "move", "over", "out", "enter", "leave", "cancel"].includes(name) ? `pointer${name}` : name;
}

for (const [name, colour] of Object.entries(COLOURS)) {
  Object.defineProperty(own, name, {
    enumerable: true, configurable: true,
    get: () => page.app.view.theme[colour],
    set: (value) => Object.defineProperty(own, name, { value, writable: true, enumerable: true, configurable: true }),
  });
}

export const LiteGraph = recording(own, "LiteGraph");
