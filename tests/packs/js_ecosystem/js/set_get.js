/** Two nodes that live on the page only: one keeps what comes in under a name, the other gives it out elsewhere. */

import { app } from "../../scripts/app.js";

app.registerExtension({
  name: "example.setGet",
  registerCustomNodes() {
    class SetNode extends LGraphNode {
      constructor(title) {
        super(title);
        this.properties ??= {};
        this.addWidget("text", "Name", "", (value) => {
          this.properties.name = value;
          this.title = `Set ${value}`;
        }, {});
        this.addInput("*", "*");
        this.addOutput("*", "*");
        this.isVirtualNode = true;
        this.onConnectionsChange = function (side, slot, isConnected, link) {
          if (side !== LiteGraph.INPUT || !isConnected || !link) return;
          const type = app.graph.getNodeById(link.origin_id)?.outputs[link.origin_slot]?.type ?? "*";
          this.inputs[0].type = type;
          this.inputs[0].name = type;
          this.outputs[0].type = type;
          this.outputs[0].name = type;
        };
      }
    }

    class GetNode extends LGraphNode {
      constructor(title) {
        super(title);
        this.properties ??= {};
        const setters = () => app.graph.findNodesByType("EcoSet").map((node) => node.widgets[0].value);
        this.addWidget("combo", "Name", "", () => this.take(), { values: () => ["", ...setters()] });
        this.addOutput("*", "*");
        this.isVirtualNode = true;
      }

      get setter() {
        return app.graph._nodes.find((node) => node.type === "EcoSet" && node.widgets[0].value === this.widgets[0].value && node.widgets[0].value !== "");
      }

      take() {
        const type = this.setter?.inputs[0].type ?? "*";
        this.outputs[0].type = type;
        this.outputs[0].name = type;
        this.title = `Get ${this.widgets[0].value}`;
      }

      getInputLink(slot) {
        const setter = this.setter;
        return setter ? app.graph.links[setter.inputs[slot].link] : null;
      }
    }

    for (const [type, base] of [["EcoSet", SetNode], ["EcoGet", GetNode]]) {
      LiteGraph.registerNodeType(type, Object.assign(base, { title: type === "EcoSet" ? "Set (example)" : "Get (example)" }));
      base.category = "examples/ecosystem";
    }
  },
});
