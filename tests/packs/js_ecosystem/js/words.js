/** Sockets that come and go, widgets of every kind, painting, presses, menus, values that are made when a prompt is sent. */

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { $el, ComfyDialog } from "../../scripts/ui.js";

const seen = (window.wordsSeen = { connections: [], callbacks: [], draws: 0, presses: [], executed: [], queued: 0, settings: [], menu: [], removed: 0, painted: [] });

class Switch {
  name = "switch";
  type = "custom";
  options = {};
  value = { on: true };

  draw(context, node, width, y, height) {
    seen.draws += 1;
    seen.scale = context.getTransform().a;
    context.fillStyle = this.value.on ? "rgb(0, 200, 0)" : "rgb(200, 0, 0)";
    context.fillRect(15, y, width - 30, height);
  }

  mouse(event, position, node) {
    seen.presses.push([event.type, Math.round(position[0])]);
    if (event.type === "pointerdown") this.value = { on: !this.value.on };
    return true;
  }

  computeSize(width) {
    return [width, 26];
  }

  serializeValue() {
    return this.value.on ? "on" : "off";
  }
}

app.registerExtension({
  name: "example.words",
  commands: [{ id: "example.words.greet", label: "Greet", function: () => app.extensionManager.toast.add({ severity: "success", summary: "Hello", detail: "from a pack" }) }],
  keybindings: [{ combo: { key: "g", alt: true }, commandId: "example.words.greet" }, { combo: { key: "z", ctrl: true }, commandId: "example.words.greet" }],
  settings: [{ id: "example.words.level", name: "Level", type: "slider", attrs: { min: 0, max: 10 }, defaultValue: 3, onChange: (value) => seen.settings.push(value) }],

  async setup() {
    app.ui.settings.addSetting({ id: "example.words.shout", name: "Shout", type: "boolean", defaultValue: false });
    app.extensionManager.registerSidebarTab({
      id: "example-words", title: "Words", icon: "pi pi-book", type: "custom",
      render: (element) => element.append($el("div.words-panel", { textContent: `${app.graph._nodes.length} nodes` })),
    });
    api.addEventListener("executed", ({ detail }) => seen.executed.push(detail.node));
    api.addEventListener("promptQueued", () => (seen.queued += 1));
    const original = app.graphToPrompt;
    app.graphToPrompt = async function () {
      const made = await original.apply(app, arguments);
      for (const entry of Object.values(made.output)) if (entry.class_type === "EcoWords") entry.inputs.patched = "yes";
      return made;
    };
    const menu = LGraphCanvas.prototype.getCanvasMenuOptions;
    LGraphCanvas.prototype.getCanvasMenuOptions = function () {
      const options = menu.apply(this, arguments);
      options.push(null, { content: "Say <b>where</b>", callback: () => seen.menu.push(this.graph_mouse.map(Math.round)) });
      return options;
    };
    class About extends ComfyDialog {}
    window.aboutWords = () => new About().show($el("p", { textContent: "About words", style: { color: "red" } }));
    LGraphCanvas.prototype.drawNodeShape = function () {};
    app.thingThatNobodyHas?.();
  },

  async beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== "EcoWords") return;
    const proto = nodeType.prototype;

    const created = proto.onNodeCreated;
    proto.onNodeCreated = function () {
      created?.apply(this, arguments);
      this.addCustomWidget(new Switch());
      this.addWidget("button", "Reset", null, () => {
        this.widgets.find((widget) => widget.name === "text").value = "reset";
        this.setDirtyCanvas(true);
      });
      const count = this.addWidget("number", "count", 2, (value) => seen.callbacks.push(["count", value]), { min: 0, max: 9, step: 10, precision: 0 });
      count.options.serialize = false;
      const mode = this.widgets.find((widget) => widget.name === "mode");
      const before = mode.callback;
      mode.callback = function (value) {
        seen.callbacks.push(["mode", value]);
        return before?.apply(this, arguments);
      };
      const area = document.createElement("div");
      area.className = "words-area";
      area.textContent = "an element of a pack";
      this.addDOMWidget("area", "AREA", area, { serialize: false, getMinHeight: () => 30, getMaxHeight: () => 30 });
      this.addInput("in_1", "STRING");
      this.addProperty("note", "none", "string");
    };

    const changed = proto.onConnectionsChange;
    proto.onConnectionsChange = function (side, slot, isConnected, link, socket) {
      changed?.apply(this, arguments);
      seen.connections.push([side, socket?.name, isConnected]);
      if (side !== LiteGraph.INPUT) return;
      const own = this.inputs.filter((input) => input.name.startsWith("in_"));
      if (own.every((input) => input.link != null)) this.addInput(`in_${own.length + 1}`, "STRING");
      else {
        while (own.length > 1 && own.at(-1).link == null && own.at(-2).link == null) this.removeInput(this.inputs.indexOf(own.pop()));
      }
    };

    const foreground = proto.onDrawForeground;
    proto.onDrawForeground = function (context) {
      foreground?.apply(this, arguments);
      context.fillStyle = "rgb(0, 0, 255)";
      context.fillRect(this.size[0] - 20, this.size[1] - 20, 8, 8);
    };
    proto.onDrawBackground = function (context) {
      context.fillStyle = "rgb(250, 240, 0)";
      context.fillRect(2, this.size[1] - 20, 8, 8);
    };

    const options = proto.getExtraMenuOptions;
    proto.getExtraMenuOptions = function (_canvas, entries) {
      options?.apply(this, arguments);
      entries.unshift({ content: "Note it", callback: () => this.setProperty("note", "noted") }, {
        content: "Colours", has_submenu: true, submenu: { options: [{ content: "Red", callback: () => (this.color = "#aa0000") }] },
      });
    };
    proto.onSerialize = function (info) {
      info.words = "kept";
    };
    proto.onRemoved = function () {
      seen.removed += 1;
    };
    proto.onDblClick = function () {
      seen.presses.push(["double"]);
      return true;
    };
  },
});
