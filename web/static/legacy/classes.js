/** The class of each node type of the server, as packs get it in `beforeRegisterNodeDef`. */

import { comfortableSize } from "../js/model/nodes.js";
import { liveInputs } from "../js/model/definitions.js";
import { LGraphNode } from "./node.js";
import { attempt, page } from "./page.js";
import { rememberBase } from "./sync.js";
import { ComfyWidgets } from "./widgets.js";

const NONE = Object.freeze({ values: {}, inputs: [] });

/**
 * A class for a node type.
 * @param {string} type @param {any} data its entry of the catalogue
 */
export function classOf(type, data) {
  const name = data.display_name || data.name || type;
  return class ComfyNode extends LGraphNode {
    static comfyClass = type;
    static type = type;
    static title = name;
    static category = data.category ?? "";
    static nodeData = data;
    static filter = undefined;

    constructor(title) {
      super(title ?? name);
      this.type = type;
      this.serialize_widgets = true;
      this.properties = { "Node name for S&R": type };
      addSlots(this, type, data);
      const definition = page.app.store.definitions.get(type);
      this.size = definition ? [...comfortableSize(definition)] : this.computeSize();
      rememberBase(this);
      page.comfy.hook("nodeCreated", this);
    }
  };
}

/** Sockets first, then the widgets, each with its socket. */
function addSlots(node, type, data) {
  const definition = page.app.store.definitions.get(type);
  if (!definition) return;
  const record = page.host.making ?? NONE;
  const inputs = liveInputs(definition, record.type === type ? record : NONE);
  const specs = { ...data.input?.required, ...data.input?.optional };
  for (const input of inputs) if (!widgetMaker(input, specs)) addSocket(node, input);
  for (const input of inputs) {
    const maker = widgetMaker(input, specs);
    if (!maker) continue;
    addSocket(node, input, { widget: { name: input.name } });
    const made = attempt(`widget ${input.type}`, () => maker(node, input.name, specs[input.name] ?? [input.type, {}], page.comfy));
    const widget = made?.widget;
    if (!widget) continue;
    if (input.tooltip) widget.tooltip = input.tooltip;
    if (input.label !== undefined && input.label !== input.name) widget.label = input.label;
    if (input.widget?.kind === "combo") widget.options.values = input.widget.options;
    if (input.widget && widget.value === undefined) widget.value = input.widget.fallback;
  }
  const upload = inputs.find((input) => input.widget?.upload);
  if (upload) ComfyWidgets.IMAGEUPLOAD(node, "upload");
  for (const output of definition.outputs) {
    node.outputs.push({ name: output.name, type: output.type, links: null, boundingRect: [0, 0, 0, 0], ...(output.isList ? { shape: 6 } : {}) });
  }
}

function addSocket(node, { name, type, optional, label, tooltip }, extra = {}) {
  node.inputs.push({
    name, type, link: null, boundingRect: [0, 0, 0, 0], isDefined: true, ...(optional ? { shape: 7 } : {}), ...(label !== name ? { label } : {}),
    ...(tooltip ? { tooltip } : {}), ...extra,
  });
}

/** Who makes the widget of an input: a pack for types of its own, the page for what it knows. */
function widgetMaker(input, specs) {
  const spec = specs[input.name];
  const type = Array.isArray(spec?.[0]) ? "COMBO" : spec?.[0] ?? input.type;
  if (spec?.[1]?.forceInput) return null;
  const own = page.comfy.customWidgets[`${type}:${input.name}`] ?? page.comfy.customWidgets[type] ?? page.comfy.customWidgets[spec?.[1]?.widgetType];
  if (own) return own;
  if (!input.widget) return null;
  const { kind } = input.widget;
  return { int: ComfyWidgets.INT, float: ComfyWidgets.FLOAT, toggle: ComfyWidgets.BOOLEAN, combo: ComfyWidgets.COMBO }[kind] ?? ComfyWidgets.STRING;
}
