/** Writes the prompt (API JSON) that the server runs: one level, where a node inside node 12 is called "12:3". */

/** @import { Document, Graph } from "../document.js" */
/** @import { Definitions, Link, Node, PromptNode } from "../types.js" */

import { ENTRY } from "../definitions.js";
import { OWN_WORDS, placeOf } from "../ownwords.js";
import { inputSlot, slotsOf, titleOf } from "../slots.js";
import { exitOf, withSubgraphs } from "../subgraphs.js";
import { letThrough } from "../wiring.js";

/** @typedef {{kind: "link", key: string, slot: number} | {kind: "value", value: any} | {kind: "none"}} Source */

/**
 * One graph as it stands in one place: the root, or the inside of an instance.
 * @typedef {Readonly<{graph: Graph, prefix: string, host: {scope: Scope, node: Node} | null, types: ReadonlySet<string>}>} Scope
 */

/** The most instances that one prompt may hold: subgraphs in subgraphs multiply. */
const MOST = 20_000;

/** Types of packs that carry a link from a setter to getters of one name; only the page knows them. */
export const PASSING = new Set(["SetNode", "GetNode"]);

/** @type {Source} */
const NONE = Object.freeze({ kind: "none" });

/**
 * The link that a virtual node of an extension passes on, for a link that leaves it.
 * @typedef {(graph: Graph, node: Node, link: Link) => Link | undefined} Follow
 */

/**
 * The prompt of a document: muted and bypassed nodes left out, reroutes, primitives and subgraphs resolved.
 * @param {Document} document @param {Definitions} catalogue
 * @param {(node: Node, name: string, value: any, graph: Graph) => any} resolve last word on a value (choices in text)
 * @param {Follow} follow
 * @returns {Record<string, PromptNode>}
 */
export function writePrompt(document, catalogue, resolve = (_node, _name, value) => value, follow = () => undefined) {
  return new Flattening(document, withSubgraphs(document, catalogue), resolve, follow).write();
}

/** One pass over a document. */
class Flattening {
  /**
   * @param {Document} document @param {Definitions} definitions
   * @param {(node: Node, name: string, value: any, graph: Graph) => any} resolve @param {Follow} follow
   */
  constructor(document, definitions, resolve, follow) {
    this.document = document;
    this.definitions = definitions;
    this.resolve = resolve;
    this.follow = follow;
    /** @type {Record<string, PromptNode>} */ this.prompt = {};
    /** @type {Map<string, Scope>} scopes by the key of their instance */ this.inner = new Map();
  }

  /** @returns {Record<string, PromptNode>} */
  write() {
    this.addGraph({ graph: this.document.root, prefix: "", host: null, types: new Set() });
    for (const entry of Object.values(this.prompt)) {
      for (const [name, value] of Object.entries(entry.inputs)) {
        if (Array.isArray(value) && !Object.hasOwn(this.prompt, value[0])) delete entry.inputs[name];
      }
    }
    return this.prompt;
  }

  /** @param {Scope} scope */
  addGraph(scope) {
    for (const node of scope.graph.nodes.values()) {
      if (node.mode !== "normal") continue;
      if (this.document.subgraphs.has(node.type)) this.addGraph(this.inside(scope, node));
      else if (!this.isLeftOut(scope.graph, node)) this.addNode(scope, node);
    }
  }

  /**
   * Whether a node never reaches the server: it lives on the page, or nobody knows it and nothing is linked to it (a label).
   * @param {Graph} graph @param {Node} node
   * @returns {boolean}
   */
  isLeftOut(graph, node) {
    const definition = this.definitions.get(node.type);
    if (definition) return definition.isVirtual;
    return PASSING.has(node.type) || (!graph.incoming.get(node.id)?.size && !graph.outgoing.get(node.id)?.size);
  }

  /** @param {Scope} scope @param {Node} node @returns {Scope} what is inside an instance */
  inside(scope, node) {
    const key = scope.prefix + node.key;
    let inner = this.inner.get(key);
    if (inner) return inner;
    if (scope.types.has(node.type)) {
      throw new Error(`The subgraph “${this.document.subgraphs.get(node.type)?.name}” contains itself.`);
    }
    if (this.inner.size >= MOST) throw new Error(`The workflow holds more than ${MOST} subgraphs within subgraphs.`);
    const graph = /** @type {Graph} */ (this.document.graphs.get(node.type));
    inner = { graph, prefix: `${key}:`, host: { scope, node }, types: new Set([...scope.types, node.type]) };
    this.inner.set(key, inner);
    return inner;
  }

  /** @param {Scope} scope @param {Node} node */
  addNode(scope, node) {
    const { graph, prefix } = scope;
    const linked = graph.incoming.get(node.id);
    /** @type {Record<string, any>} */
    const inputs = {};
    for (const { name, widget } of slotsOf(this.definitions, node).inputs) {
      const source = linked?.has(name) ? this.sourceOf(scope, graph.linkInto(node.id, name)) : NONE;
      if (name === "__proto__") continue;
      if (source.kind === "link") inputs[name] = [source.key, source.slot];
      else if (source.kind === "value") inputs[name] = wrapped(this.resolve(node, name, source.value, graph));
      else if (widget && widget.inPrompt !== false && Object.hasOwn(node.values, name) && node.values[name] !== undefined) {
        inputs[name] = wrapped(this.resolve(node, name, node.values[name], graph));
      }
    }
    if (node.type === OWN_WORDS) inputs.index = placeOf(node, inputs.choice);
    this.prompt[prefix + node.key] = { class_type: node.type, inputs, _meta: { title: titleOf(this.definitions, node) } };
  }

  /**
   * Where the value of an input really comes from.
   * @param {Scope} scope @param {Link | undefined} link
   * @returns {Source}
   */
  sourceOf(scope, link) {
    const seen = new Set();
    /** @type {Source} what an instance holds, in force where the links that lead to it end in nothing */
    let held = NONE;
    while (link) {
      const name = `${scope.prefix} ${link.id}`;
      if (seen.has(name)) return NONE;
      seen.add(name);
      const { graph } = scope;
      const origin = graph.nodes.get(link.from);
      if (!origin || origin.mode === "mute") return held;
      if (origin.type === ENTRY) {
        if (!scope.host) return held;
        const { node, scope: outer } = scope.host;
        const input = origin.outputs[link.slot]?.name ?? "";
        const value = this.valueOf(node, input);
        if (value !== undefined) held = { kind: "value", value };
        link = outer.graph.linkInto(node.id, input);
        scope = outer;
      } else if (origin.type === "PrimitiveNode") {
        const { value } = origin.values;
        return value === null || value === undefined ? held : { kind: "value", value };
      } else if (PASSING.has(origin.type) && !this.definitions.has(origin.type)) link = passed(graph, origin);
      else if (origin.type === "Reroute") link = graph.linksInto(origin.id)[0];
      else if (origin.mode === "bypass") link = letThrough(graph, this.definitions, origin, link);
      else if (this.document.subgraphs.has(origin.type)) {
        scope = this.inside(scope, origin);
        link = exitLink(scope.graph, link.slot);
      } else if (this.definitions.get(origin.type)?.isVirtual) {
        link = this.follow(graph, origin, link);
        if (link === undefined) return held;
      } else return { kind: "link", key: scope.prefix + origin.key, slot: link.slot };
    }
    return held;
  }

  /** @param {Node} node an instance @param {string} name @returns {any} undefined where it has no widget */
  valueOf(node, name) {
    const widget = inputSlot(this.definitions, node, name)?.widget;
    return widget ? node.values[name] ?? widget.fallback : undefined;
  }
}

/** @param {Graph} graph @param {number} index @returns {Link | undefined} the link that feeds an output of a subgraph */
function exitLink(graph, index) {
  const exit = exitOf(graph);
  const slot = exit?.inputs[index];
  return exit && slot && graph.linkInto(exit.id, String(slot.kept.id));
}

/** @param {Graph} graph @param {Node} node a getter or setter @returns {Link | undefined} what feeds the setter of its name */
function passed(graph, node) {
  const nameOf = (/** @type {Node} */ { kept, values }) => kept.widgets_values?.[0] ?? values.Constant;
  const isSetter = (/** @type {Node} */ other) => other.type === "SetNode" && nameOf(other) === nameOf(node);
  const setter = node.type === "SetNode" ? node : [...graph.nodes.values()].find(isSetter);
  return setter && setter.mode === "normal" ? graph.linksInto(setter.id)[0] : undefined;
}

/** @param {any} value @returns {any} */
function wrapped(value) {
  return Array.isArray(value) ? { __value__: value } : value;
}
