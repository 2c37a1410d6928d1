/** What legacy nodes are configured with, and where the values of a file go. */

import { invoke, page } from "./page.js";
import { MODES, namedWidgets } from "./sync.js";

/** The entry of a file for a node, as its record has it. */
export function infoFrom(host, node) {
  const record = host.recordOf(node);
  const { widgets_values, properties, flags, ...kept } = record.kept;
  const raw = Array.isArray(widgets_values) || (widgets_values && typeof widgets_values === "object") ? widgets_values : undefined;
  const slot = ({ name, type, kept: rest }) => ({ name, type, ...rest });
  const info = {
    ...kept, id: node.id, type: record.type, pos: [...record.position], size: [...record.size],
    flags: { ...flags, ...(record.collapsed ? { collapsed: true } : {}) }, order: node.order,
    mode: record.mode === "normal" ? 0 : MODES[record.mode], properties: { ...properties },
    ...(record.title === null ? {} : { title: record.title }), ...(record.color === null ? {} : { color: record.color }),
  };
  const graph = host.store.document.graphs.get(node._graphId);
  if (record.inputs.length > 0) info.inputs = record.inputs.map((one) => ({ ...slot(one), link: graph.linkInto(record.id, one.name)?.key ?? null }));
  if (record.outputs.length > 0) {
    info.outputs = record.outputs.map((one, index) => {
      const links = graph.linksFrom(record.id).filter((link) => link.slot === index).map((link) => link.key);
      return { ...slot(one), links: links.length > 0 ? links : null };
    });
  }
  info.widgets_values = raw ?? listFrom(node, record);
  Object.defineProperty(info, "isOurs", { value: true });
  return info;
}

/** The values of a node as a file lists them: of the widgets that are there, then of those that a script will add. */
function listFrom(node, record) {
  const widgets = (node.widgets ?? []).filter((widget) => widget.serialize !== false);
  const names = new Set(namedWidgets(node).values());
  const others = Object.keys(record.values).filter((name) => !names.has(name));
  return [...widgets.map((widget) => widget.value ?? null), ...others.map((name) => record.values[name])];
}

/**
 * Gives widgets the values of a file: by name where the document has read them, else by position.
 * @param {any} node @param {any} info @param {any} record
 */
export function valuesOfFile(node, info, record) {
  const stored = info.widgets_values;
  if (!stored || !node.widgets) return;
  if (!Array.isArray(stored)) {
    for (const widget of node.widgets) if (widget.name in stored) widget.value = stored[widget.name];
    return;
  }
  const names = namedWidgets(node);
  let index = 0;
  for (const widget of node.widgets) {
    if (widget.serialize === false) continue;
    const value = stored[index];
    index += 1;
    const name = names.get(widget);
    const isRead = info.isOurs && name !== undefined && Object.hasOwn(record?.values ?? {}, name);
    if (isRead) widget.value = record.values[name];
    else if (value !== undefined && !(info.isOurs && widget.isBuiltIn)) widget.value = value;
  }
}

/** Gives a node without a class the slots of its record. */
export function genericSlots(node, slots) {
  for (const { name, type, label, widget } of slots.inputs) {
    if (!widget) Object.assign(node.addInput(name, type), { label, isDefined: true });
    else {
      node.addInput(name, type, { widget: { name }, label, isDefined: true });
      node.addWidget({ int: "number", float: "number", combo: "combo", toggle: "toggle", text: "customtext" }[widget.kind] ?? "text", name, widget.fallback,
        () => undefined, { min: widget.min, max: widget.max, step2: widget.step, values: widget.options, ...(widget.kind === "int" ? { precision: 0 } : {}) });
    }
  }
  for (const { name, type, label } of slots.outputs) node.addOutput(name, type, { label });
}

/** What is written of the open document has what packs changed, and what their nodes add. @param {any} app */
export function makeWorkflowLegacy(app) {
  const write = app.workflow.bind(app);
  app.workflow = () => {
    page.host.flushAll();
    const json = write();
    for (const entry of json.nodes) {
      const node = page.host.rootGraph.getNodeById(entry.id);
      if (node && typeof node.onSerialize === "function") invoke(node, "onSerialize", entry);
    }
    page.host.rootGraph.onSerialize?.(json);
    return json;
  };
}
