/** Smaller things, each as some popular pack does it: hidden widgets, values with accessors, events of a pack's own, lists of rows. */

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { ComfyButton } from "../../../scripts/ui/components/button.js";
import { GroupNodeHandler } from "../../core/groupNode.js";

const log = (window.kindsLog = { changes: [], selected: [], graphs: 0, positions: [] });

/** A row that draws itself, as lists of models do. */
class Row {
  constructor(name) {
    this.name = name;
    this.type = "custom";
    this.options = {};
    this.y = 0;
    this._value = { on: true, strength: 1 };
  }

  get value() {
    return this._value;
  }

  set value(value) {
    this._value = typeof value === "object" ? value : { on: Boolean(value), strength: 1 };
  }

  draw(context, node, width, y, height) {
    log.positions.push([this.name, y]);
    context.fillStyle = LiteGraph.WIDGET_BGCOLOR;
    context.fillRect(10, y, width - 20, height);
    context.fillStyle = LiteGraph.WIDGET_TEXT_COLOR;
    context.fillText(this.name, 20, y + height / 2);
  }

  computeSize(width) {
    return [width, LiteGraph.NODE_WIDGET_HEIGHT];
  }

  serializeValue() {
    return { ...this.value, made: true };
  }
}

app.registerExtension({
  name: "example.kinds",
  async nodeCreated(node) {
    if (node.comfyClass !== "EcoKinds") return;
    const [level, secret] = ["level", "secret"].map((name) => node.widgets.find((widget) => widget.name === name));

    // A widget that is hidden until a toggle wants it.
    secret.origType = secret.type;
    secret.origComputeSize = secret.computeSize;
    const toggle = (isShown) => {
      secret.type = isShown ? secret.origType : "converted-widget:secret";
      secret.computeSize = isShown ? secret.origComputeSize : () => [0, -4];
      node.setSize([node.size[0], node.computeSize()[1]]);
    };
    const advanced = node.widgets.find((widget) => widget.name === "advanced");
    const original = advanced.callback;
    advanced.callback = function (value) {
      original?.apply(this, arguments);
      toggle(value);
    };
    toggle(advanced.value);

    // A value that is watched by an accessor put on the widget.
    let value = level.value;
    Object.defineProperty(level, "value", {
      get: () => value,
      set(next) {
        log.changes.push(["level", value, next]);
        value = next;
      },
    });
    node.onSelected = () => log.selected.push(node.id);
    node.isGroup = GroupNodeHandler.isGroupNode(node);
  },

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== "EcoKinds") return;
    nodeType.prototype.addRow = function () {
      const rows = this.widgets.filter((widget) => widget.name?.startsWith("row_"));
      const row = this.addCustomWidget(new Row(`row_${rows.length + 1}`));
      this.setSize([this.size[0], Math.max(this.size[1], this.computeSize()[1])]);
      this.setDirtyCanvas(true, true);
      return row;
    };
    const configure = nodeType.prototype.configure;
    nodeType.prototype.configure = function (info) {
      for (const value of info.widgets_values ?? []) if (value?.strength !== undefined && !info.isOursAlready) this.addRow();
      return configure.apply(this, arguments);
    };
  },

  setup() {
    api.addEventListener("example-feedback", ({ detail }) => {
      const node = app.graph.getNodeById(detail.node_id);
      const widget = node?.widgets.find((one) => one.name === detail.widget);
      if (widget) widget.value = detail.value;
    });
    api.addEventListener("graphChanged", () => (log.graphs += 1));
    app.menu?.settingsGroup.append(new ComfyButton({ icon: "star", action: () => (log.pressed = true), tooltip: "Star of a pack", content: "Star" }));
    setTimeout(() => {
      if (window.throwLater) throw new Error("later, on purpose");
    });
  },
});
