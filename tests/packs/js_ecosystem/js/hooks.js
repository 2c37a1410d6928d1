/** Writes down every hook in the order in which it is called. */

import { app } from "../../scripts/app.js";

const called = (window.hooksCalled = []);
const note = (name) => () => void called.push(name);

app.registerExtension({
  name: "example.hooks",
  init: note("init"),
  addCustomNodeDefs(defs) {
    called.push("addCustomNodeDefs");
    window.sawDefinitions = Object.keys(defs).includes("EcoWords");
  },
  getCustomWidgets() {
    called.push("getCustomWidgets");
    return {
      EXAMPLE_COLOUR(node, name, [, options]) {
        const input = document.createElement("input");
        Object.assign(input, { type: "color", value: options.default });
        input.setAttribute("aria-label", "Colour");
        const widget = node.addDOMWidget(name, "EXAMPLE_COLOUR", input, { getValue: () => input.value, setValue: (value) => (input.value = value), getHeight: () => 26 });
        input.addEventListener("input", () => node.setDirtyCanvas(true, true));
        return { widget };
      },
      STRING: () => undefined,
    };
  },
  beforeRegisterVueAppNodeDefs: note("beforeRegisterVueAppNodeDefs"),
  beforeRegisterNodeDef(nodeType, nodeData, given) {
    if (nodeData.name !== "EcoWords") return;
    called.push("beforeRegisterNodeDef");
    window.sawClass = [nodeType.comfyClass, nodeType.title, given === app, typeof nodeType.prototype.addWidget];
  },
  registerCustomNodes: note("registerCustomNodes"),
  async setup() {
    await Promise.resolve();
    called.push("setup");
  },
  beforeConfigureGraph: note("beforeConfigureGraph"),
  nodeCreated(node) {
    if (node.comfyClass === "EcoWords") called.push("nodeCreated");
  },
  loadedGraphNode(node) {
    if (node.type === "EcoWords") called.push(`loadedGraphNode ${node.id}`);
  },
  afterConfigureGraph: note("afterConfigureGraph"),
});
