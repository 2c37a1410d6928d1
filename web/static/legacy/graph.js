/** Graphs and groups as packs know them. */

import { setGroup, removeGroups, addGroup } from "../js/model/commands.js";
import { linkTable } from "./link.js";
import { invoke, page } from "./page.js";

/** One graph of the open document. */
export class LGraph extends EventTarget {
  constructor() {
    super();
    this.clearTables();
    this.extra = {};
    this.config = {};
    this.list_of_graphcanvas = [];
    this.status = 1;
    this.iteration = 0;
    this.globaltime = 0;
    this.filter = null;
    this._graphId = "root";
    this.events = this;
  }

  clearTables() {
    this._nodes = [];
    this._nodes_by_id = {};
    this._nodes_in_order = this._nodes;
    this.links = linkTable();
    this.floatingLinks = new Map();
    this.reroutes = new Map();
    this.subgraphs = new Map();
  }

  get nodes() {
    return this._nodes;
  }

  get _links() {
    return this.links;
  }

  get isRootGraph() {
    return this._graphId === "root";
  }

  get rootGraph() {
    return page.host.rootGraph;
  }

  get last_node_id() {
    return Math.max(0, ...this._nodes.map((node) => Number(node.id) || 0));
  }

  get last_link_id() {
    return Math.max(0, ...this.links.keys());
  }

  get _groups() {
    return page.host.groupsOf(this);
  }

  get groups() {
    return this._groups;
  }

  getNodeById(id) {
    return id == null ? null : this._nodes_by_id[id] ?? null;
  }

  getLink(id) {
    return id == null ? undefined : this.links.get(Number(id));
  }

  findNodesByType(type) {
    return this._nodes.filter((node) => node.type?.toLowerCase() === String(type).toLowerCase());
  }

  findNodesByClass(base) {
    return this._nodes.filter((node) => node.constructor === base);
  }

  findNodesByTitle(title) {
    return this._nodes.filter((node) => node.title === title);
  }

  findNodeByTitle(title) {
    return this._nodes.find((node) => node.title === title) ?? null;
  }

  getNodeOnPos(x, y, nodes = this._nodes) {
    return [...nodes].reverse().find((node) => node.isPointInside(x, y, 0)) ?? null;
  }

  getGroupOnPos(x, y) {
    return this._groups.find((group) => group.isPointInside(x, y)) ?? null;
  }

  getNodesInOrder() {
    return this.computeExecutionOrder();
  }

  /** Nodes so that each comes after what feeds it. */
  computeExecutionOrder() {
    const order = [];
    const seen = new Set();
    const visit = (start) => {
      const waiting = [[start, 0]];
      seen.add(start);
      while (waiting.length > 0) {
        const top = waiting.at(-1);
        const [node, slot] = top;
        if (slot >= (node.inputs?.length ?? 0)) {
          order.push(node);
          waiting.pop();
          continue;
        }
        top[1] += 1;
        const feeder = node.getInputNode(slot);
        if (feeder && !seen.has(feeder)) {
          seen.add(feeder);
          waiting.push([feeder, 0]);
        }
      }
    };
    for (const node of this._nodes) if (!seen.has(node)) visit(node);
    order.forEach((node, index) => (node.order = index));
    return order;
  }

  add(item) {
    return item instanceof LGraphGroup ? page.host.addGroup(this, item) : page.host.addNode(this, item);
  }

  remove(item) {
    if (item instanceof LGraphGroup) page.host.run(this, "Remove group", (change) => removeGroups(change, [item._id]));
    else page.host.removeNode(this, item);
  }

  removeLink(id) {
    page.host.disconnect(this, id);
  }

  clear() {
    page.host.clear(this);
  }

  serialize() {
    return page.host.workflow();
  }

  asSerialisable() {
    return this.serialize();
  }

  configure(json) {
    return page.comfy.loadGraphData(json);
  }

  change() {
    page.host.stir();
    page.app.view.redraw();
  }

  setDirtyCanvas() {
    this.change();
  }

  beforeChange() {
    page.host.beforeChange();
  }

  afterChange() {
    page.host.afterChange();
  }

  connectionChange(node) {
    page.host.stir(node);
  }

  attachCanvas() {}

  detachCanvas() {}

  sendActionToCanvas(action, values) {
    invoke(page.canvas, action, ...(values ?? []));
  }

  canvasAction(run) {
    run(page.canvas);
  }

  updateExecutionOrder() {
    this.computeExecutionOrder();
  }
}

/** A frame around nodes. */
export class LGraphGroup {
  constructor(title = "Group", id = -1) {
    this.id = id;
    this.title = title;
    this._bounding = [10, 10, 140, 80];
    this.color = null;
    this.font_size = 24;
    this.flags = {};
    this._id = null;
    this.graph = null;
  }

  get pos() {
    return [this._bounding[0], this._bounding[1]];
  }

  set pos([x, y]) {
    this.put({ bounds: [x, y, this._bounding[2], this._bounding[3]] });
  }

  get size() {
    return [this._bounding[2], this._bounding[3]];
  }

  set size([width, height]) {
    this.put({ bounds: [this._bounding[0], this._bounding[1], width, height] });
  }

  get bounding() {
    return this._bounding;
  }

  get boundingRect() {
    return this._bounding;
  }

  /** Nodes of which the middle lies within. */
  get _nodes() {
    return (this.graph?._nodes ?? []).filter((node) => this.isPointInside(node.pos[0] + node.size[0] / 2, node.pos[1] + node.size[1] / 2));
  }

  get nodes() {
    return this._nodes;
  }

  get _children() {
    return new Set(this._nodes);
  }

  get children() {
    return this._children;
  }

  recomputeInsideNodes() {}

  getBounding() {
    return this._bounding;
  }

  isPointInside(x, y) {
    const [left, top, width, height] = this._bounding;
    return x >= left && y >= top && x < left + width && y < top + height;
  }

  move(dx, dy) {
    const [x, y, width, height] = this._bounding;
    for (const node of this._nodes) node.move(dx, dy);
    this.put({ bounds: [x + dx, y + dy, width, height] });
  }

  resizeTo(items, padding = 10) {
    const boxes = [...items].map((item) => item.getBounding());
    if (boxes.length === 0) return;
    const left = Math.min(...boxes.map((box) => box[0])) - padding;
    const top = Math.min(...boxes.map((box) => box[1])) - padding - 30;
    const right = Math.max(...boxes.map((box) => box[0] + box[2])) + padding;
    const bottom = Math.max(...boxes.map((box) => box[1] + box[3])) + padding;
    this.put({ bounds: [left, top, right - left, bottom - top] });
  }

  addNodes(nodes, padding) {
    this.resizeTo([...this._nodes, ...nodes], padding);
  }

  serialize() {
    return { id: this.id, title: this.title, bounding: [...this._bounding], color: this.color, font_size: this.font_size, flags: this.flags };
  }

  setDirtyCanvas() {
    page.app.view.redraw();
  }

  /** Changes the frame of the document, or this one where it is not yet in a graph. */
  put(fields) {
    if (fields.bounds) this._bounding = [...fields.bounds];
    if (this._id) page.host.run(this.graph, "Change group", (change) => setGroup(change, this._id, fields));
  }
}

/** @param {any} change @param {LGraphGroup} group */
export function addGroupTo(change, group) {
  const added = addGroup(change, group.title, [...group._bounding]);
  if (group.color) setGroup(change, added.id, { color: group.color });
  return added;
}
