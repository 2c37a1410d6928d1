/** Shows what a node was given in a read-only text, and keeps it in the file. */

import { app } from "../../scripts/app.js";
import { ComfyWidgets } from "../../scripts/widgets.js";

app.registerExtension({
  name: "example.showText",
  async beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== "EcoShowText") return;

    function fill(texts) {
      for (let index = 0; index < (this.widgets?.length ?? 0); index++) this.widgets[index].onRemove?.();
      if (this.widgets) this.widgets.length = 0;
      for (const text of texts) {
        const { widget } = ComfyWidgets["STRING"](this, `text_${this.widgets?.length ?? 0}`, ["STRING", { multiline: true }], app);
        widget.inputEl.readOnly = true;
        widget.inputEl.style.opacity = 0.6;
        widget.value = text;
      }
      requestAnimationFrame(() => {
        const size = this.computeSize();
        this.setSize([Math.max(size[0], this.size[0]), Math.max(size[1], this.size[1])]);
        app.graph.setDirtyCanvas(true, false);
      });
    }

    const onExecuted = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (message) {
      onExecuted?.apply(this, arguments);
      fill.call(this, message.text);
    };
    const onConfigure = nodeType.prototype.onConfigure;
    nodeType.prototype.onConfigure = function (info) {
      onConfigure?.apply(this, arguments);
      if (info.widgets_values?.length) fill.call(this, info.widgets_values);
    };
  },
});
