/** The view of the open graph: two canvases, what is selected and hovered, and when to draw. */

/** @import { Bounds, InputSlot, Link, Node, OutputSlot, Point } from "../model/types.js" */
/** @import { Store } from "../model/store.js" */
/** @import { Board } from "../engine/board.js" */
/** @import { Pictures } from "./pictures.js" */
/** @import { Hit } from "./hit.js" */

import { showsPictures } from "../model/nodes.js";
import { checkLink, typesMatch } from "../model/validate.js";
import { Camera } from "./camera.js";
import { DomWidgets } from "./domwidgets.js";
import { Painter } from "./painter.js";
import { pick } from "./paint/media.js";
import { Scene } from "./scene.js";
import { overlap, union } from "./spatial.js";
import { Standing } from "./standing.js";
import { hooks } from "./hooks.js";
import { readTheme } from "./theme.js";

/**
 * A link that is being drawn. `ends` are the fixed ends: one, or several when all links of an output are moved; `via` is the
 * reroute from which it is drawn, and a `target` may be a reroute, too.
 * @typedef {{fromOutput: boolean, type: string, ends: readonly {node: string, slot: number, input: string, via?: string | null}[],
 *   starts: readonly Point[], at: Point, snap: Point | null, target: {node: string, slot: number, input: string, reroute?: string} | null,
 *   refusal: string | null}} Linking
 */

/**
 * What a person chose about the hand: what the wheel and a drag of the background do, the pitch of the grid, whether moves keep
 * to it always, what a link dropped on nothing opens, whether new nodes hang on the pointer; and how solid nodes look.
 * @typedef {{wheel: "automatic" | "zoom" | "move", drag: "move" | "select", grid: number, snaps: boolean,
 *   linkMenu: "search" | "menu", speed: number, dots: boolean, previews: boolean, spelling: boolean, opacity: number,
 *   hangs: boolean, edges: number, text: number}} Choices
 */

/** Draws when something changed, at most once a frame, and never otherwise. */
export class View {
  /**
   * @param {HTMLElement} stage @param {Store} store @param {Board} board @param {Pictures} pictures
   */
  constructor(stage, store, board, pictures) {
    this.stage = stage;
    this.store = store;
    this.board = board;
    this.pictures = pictures;
    this.scene = new Scene(store);
    this.camera = new Camera();
    this.place = "";
    /** @type {Map<string, {x: number, y: number, scale: number}>} */ this.cameras = new Map();
    this.theme = readTheme();
    this.width = 1;
    this.height = 1;
    /** @type {Set<string>} */ this.selection = new Set();
    /** @type {string | null} */ this.selectedLink = null;
    /** @type {string | null} */ this.selectedGroup = null;
    /** @type {Set<string>} */ this.chosenReroutes = new Set();
    /** @type {Set<string>} links that a gesture holds in the hand */ this.held = new Set();
    /** @type {Set<string>} links that a stroke is about to cut */ this.cut = new Set();
    /** @type {Point[]} the stroke that cuts */ this.stroke = [];
    /** @type {string | null} the link on which a dragged node would land */ this.dropLink = null;
    /** @type {Hit} */ this.hover = { kind: "background" };
    /** @type {Linking | null} */ this.linking = null;
    /** @type {Bounds | null} */ this.box = null;
    /** @type {Map<string, number>} node -> which of its pictures stands out */ this.picked = new Map();
    /** only links of the selection are drawn plainly */ this.isFocused = false;
    this.showsNumbers = true;
    /** @type {"none" | "circle" | "arrow"} */ this.marks = "none";
    /** @type {"select" | "hand"} what the pointer is for */ this.mode = "select";
    /** @type {Choices} */ this.choices = {
      wheel: "automatic", drag: "move", grid: 12, snaps: false, linkMenu: "search", speed: 1, dots: true, previews: true, spelling: false,
      opacity: 1, hangs: false, edges: 1, text: 13,
    };
    this.isCatalogueComplete = false;
    /** the eye as `fit` left it */ this.fitted = "";
    this.isCovered = false;
    this.draws = 0;
    this.frame = 0;
    /** @type {Set<() => void>} */ this.watchers = new Set();
    this.painter = new Painter(this, stage);
    this.standing = new Standing(this);
    this.dom = new DomWidgets(this, /** @type {HTMLElement} */ (stage.querySelector(".widgets")));
    this.watch();
  }

  /** Listens to everything that can change the picture. */
  watch() {
    this.store.listen((change) => {
      if (change.reason === "open") this.cameras.clear();
      if (change.reason === "open" || change.reason === "enter") this.clearSelection();
      if (change.reason === "enter") this.lookAt(this.store.path.join());
      this.forgetRemoved();
      this.showTouched();
      this.dom.follow();
    });
    this.board.listen(() => {
      this.standing.isOld = true;
      this.look();
    });
    this.pictures.onload = () => this.redraw();
    new ResizeObserver(() => this.resize()).observe(this.stage);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.retheme());
    this.resize();
  }

  /** Looks at the graph on screen as it was left, or at all of it. @param {string} place */
  lookAt(place) {
    const { x, y, scale } = this.camera;
    this.cameras.set(this.place, { x, y, scale });
    this.place = place;
    const before = this.cameras.get(place);
    if (before) Object.assign(this.camera, before);
    else this.fit();
  }

  /** Reads the colours again. */
  retheme() {
    this.theme = readTheme();
    this.redraw();
  }

  /** Fits the canvases to the stage and to the pixels of the screen. */
  resize() {
    this.width = Math.max(1, this.stage.clientWidth);
    this.height = Math.max(1, this.stage.clientHeight);
    // Who saw all of it and has not moved since goes on seeing all of it.
    if (this.fitted === this.eye()) this.fit();
    this.painter.resize();
    this.look();
  }

  /** Asks for a new picture of everything. */
  redraw() {
    this.painter.damage.all();
    this.look();
  }

  /** Asks for a new picture of a part. @param {Bounds} bounds of the canvas */
  redrawPart([x, y, width, height]) {
    const fringe = 16;
    this.painter.damage.add([x - fringe, y - fringe, width + 2 * fringe, height + 2 * fringe]);
    this.look();
  }

  /** Asks for a frame: the eye moved, or a gesture shows something else. */
  look() {
    if (this.frame === 0 && !this.isCovered) this.frame = requestAnimationFrame(() => this.draw());
  }

  /** Draws what is damaged. */
  draw() {
    this.draws += 1;
    for (const prepare of hooks.before) prepare();
    this.standing.damage();
    this.frame = 0;
    this.painter.draw();
    this.dom.place();
    for (const watcher of this.watchers) watcher();
  }

  /** Asks for a new picture of what a change touched. */
  showTouched() {
    const touched = this.scene.takeTouched();
    if (touched === null) return this.redraw();
    for (const bounds of touched) this.redrawPart(bounds);
    this.look();
  }

  /** What part of the canvas is in sight, and a little around it. @returns {Bounds} */
  visible() {
    const margin = 60;
    const { x, y, scale } = this.camera;
    return [x - margin, y - margin, this.width / scale + 2 * margin, this.height / scale + 2 * margin];
  }

  /**
   * Shows some nodes, or everything.
   * @param {Iterable<string> | null} ids @param {number} most the largest scale
   */
  fit(ids = null, most = 1) {
    const bounds = this.scene.bounds(ids);
    if (bounds) this.camera.fit(bounds, this.width, this.height, 24, most);
    this.fitted = ids === null ? this.eye() : "";
    this.redraw();
  }

  /** Where it looks, to compare. */
  eye() {
    const { x, y, scale } = this.camera;
    return `${x} ${y} ${scale}`;
  }

  /** @param {Iterable<string>} ids of nodes @param {boolean} add @param {Iterable<string>} reroutes */
  select(ids, add = false, reroutes = []) {
    const [nodes, points] = [[...ids], [...reroutes]];
    if (!add) {
      this.selection.clear();
      this.chosenReroutes.clear();
    }
    for (const id of nodes) this.selection.add(id);
    for (const id of points) this.chosenReroutes.add(id);
    this.selectedLink = null;
    this.selectedGroup = null;
    this.redraw();
  }

  /** Selects nothing. */
  clearSelection() {
    this.select([]);
  }

  /** Lets go of what is no longer there. */
  forgetRemoved() {
    const graph = this.store.graph;
    for (const id of this.selection) if (!graph.nodes.has(id)) this.selection.delete(id);
    for (const id of this.chosenReroutes) if (!graph.reroutes.has(id)) this.chosenReroutes.delete(id);
    if (this.selectedLink && !graph.links.has(this.selectedLink)) this.selectedLink = null;
    if (this.selectedGroup && !graph.groups.has(this.selectedGroup)) this.selectedGroup = null;
    if ("node" in this.hover && !graph.nodes.has(this.hover.node.id)) this.hover = { kind: "background" };
  }

  /** @param {Hit} hit */
  setHover(hit) {
    if (hoverName(hit) === hoverName(this.hover)) return void (this.hover = hit);
    for (const one of [this.hover, hit]) {
      const bounds = this.boundsOf(one);
      if (bounds) this.redrawPart(bounds);
    }
    this.hover = hit;
  }

  /** @param {Hit} hit @returns {Bounds | null} what looks otherwise when it is pointed at */
  boundsOf(hit) {
    if (hit.kind === "link") return this.scene.links.entries.get(hit.link.id)?.bounds ?? null;
    if (hit.kind === "reroute") return this.scene.reroutes.entries.get(hit.reroute.id)?.bounds ?? null;
    if (!("node" in hit)) return null;
    const { graph } = this.store;
    const hidden = [...graph.linksInto(hit.node.id), ...graph.linksFrom(hit.node.id)].filter((link) => link.hidden);
    const all = hidden.map((link) => this.scene.links.entries.get(link.id)?.bounds).filter((bounds) => bounds !== undefined);
    return union([this.scene.shape(hit.node).bounds, ...all]);
  }

  /** @param {Link} link @returns {boolean} whether the line of a link is drawn, so that it can be pointed at */
  isSeen(link) {
    if (this.selectedLink === link.id || this.selection.has(link.from) || this.selection.has(link.to)) return true;
    return !link.hidden && this.scene.style !== "hidden";
  }

  /** @param {Node} node @returns {boolean} */
  isHovered(node) {
    return "node" in this.hover && this.hover.node.id === node.id;
  }

  /** @param {Node} node @param {string} name @returns {"widget" | "control" | null} */
  isHoveredWidget(node, name) {
    const { hover } = this;
    if (hover.kind !== "widget" && hover.kind !== "control") return null;
    return hover.node.id === node.id && hover.place.slot.name === name ? hover.kind : null;
  }

  /** @param {string} id @param {string} name @returns {boolean} */
  isEditing(id, name) {
    return this.dom.isOpen(id, name);
  }

  /**
   * Whether a socket could end the link that is being drawn.
   * @param {Node} node @param {"input" | "output"} side @param {InputSlot | OutputSlot} slot
   * @returns {boolean}
   */
  offers(node, side, slot) {
    const { linking } = this;
    if (!linking || linking.fromOutput !== (side === "input")) return false;
    const graph = this.store.graph;
    const fixed = linking.ends[0];
    if (fixed.node === "") return "index" in slot && typesMatch(slot.type, linking.type);
    if (linking.fromOutput) return checkLink(graph, this.store.definitions, fixed.node, fixed.slot, node.id, slot.name).ok;
    return "index" in slot && checkLink(graph, this.store.definitions, node.id, slot.index, fixed.node, fixed.input).ok;
  }

  /** @param {string} node @param {string} input @param {number} slot @returns {boolean} whether the link in the hand is fixed here */
  isLinkEnd(node, input, slot) {
    return this.linking?.ends.some((end) => end.node === node && end.input === input && end.slot === slot) ?? false;
  }

  /** @param {string} type @returns {boolean} whether nodes of this type can be entered */
  isSubgraph(type) {
    return this.store.document.subgraphs.has(type);
  }

  /** @param {Node} node @returns {string} the key under which prompts and messages know it */
  keyOf(node) {
    return this.store.path.length === 0 ? node.key : this.store.prefix + node.key;
  }

  /** @param {Node} node @returns {Readonly<import("../engine/board.js").NodeRun>} */
  runOf(node) {
    const key = this.keyOf(node);
    return this.isSubgraph(node.type) ? this.board.stateWithin(`${key}:`) : this.board.stateOf(key);
  }

  /** @param {Node} node @returns {import("../engine/board.js").Output} */
  outputOf(node) {
    const key = this.keyOf(node);
    return this.isSubgraph(node.type) ? this.board.outputWithin(`${key}:`) : this.board.outputOf(key);
  }

  /** @param {Node} node @returns {import("../model/types.js").Problem[]} */
  problemsOf(node) {
    const key = this.keyOf(node);
    const own = this.board.problemsOf(key);
    return this.isSubgraph(node.type) ? [...own, ...this.board.problemsWithin(`${key}:`)] : own;
  }

  /** @param {Node} node @returns {boolean} */
  showsPictures(node) {
    return showsPictures(this.store.definitions.get(node.type));
  }

  /**
   * Addresses of the pictures that stand on a node: results, or the file that it loads.
   * @param {Node} node
   * @returns {string[]}
   */
  picturesOf(node) {
    const results = this.outputOf(node).pictures;
    if (results.length > 0) return results;
    const upload = this.store.definitions.get(node.type)?.inputs.find((input) => input.widget?.upload);
    const name = upload ? node.values[upload.name] : null;
    return typeof name === "string" && name !== "" ? [this.pictures.inputUrl(name)] : [];
  }

  /** Lets one picture of a node stand out, or all of them again. @param {Node} node @param {Point} at */
  pickPicture(node, at) {
    const { media, bounds } = this.scene.shape(node);
    const count = this.picturesOf(node).length;
    if (!media || count < 2) return;
    const picked = pick(media, count, this.picked.get(node.id), [at[0], at[1]]);
    if (picked === undefined) this.picked.delete(node.id);
    else this.picked.set(node.id, picked);
    this.redrawPart(bounds);
  }

  /** @param {Node} node @param {boolean} isKnown @returns {boolean} whether its type is nowhere to be found */
  isLost(node, isKnown) {
    return !isKnown && this.isCatalogueComplete && !this.isSubgraph(node.type);
  }

  /** @param {Node} node @returns {boolean} */
  isInSight(node) {
    return overlap(this.scene.shape(node).bounds, this.visible());
  }
}

/** @param {Hit} hit @returns {string} */
function hoverName(hit) {
  if (hit.kind === "link") return `link ${hit.link.id}`;
  if (hit.kind === "reroute") return `reroute ${hit.reroute.id}`;
  if ("group" in hit) return `${hit.kind} ${hit.group.id}`;
  if (!("node" in hit)) return hit.kind;
  const part = "place" in hit ? hit.place.slot.name : "";
  return `${hit.kind} ${hit.node.id} ${part}`;
}
