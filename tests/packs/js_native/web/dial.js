/** The example pack of docs/extensions.md: a widget, a command with keys, menus, panels, a setting, a badge, runs, the document. */

export const api = 1;

/** A slider in an element of its own, for inputs of the type ANGLE. */
const dial = {
  type: "ANGLE",
  height: 40,
  fallback: 0,
  mount(element, field) {
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: 360, value: field.value });
    range.setAttribute("aria-label", "Angle");
    range.addEventListener("input", () => field.set(Number(range.value)));
    element.append(range);
    return { update: (value) => (range.value = value) };
  },
};

export default function (sfumato) {
  const { commands, menus, sidebar, bottom, settings, widgets, nodes, runs, messages } = sfumato;
  const document_ = sfumato.document;

  settings.define({ id: "example.badge", label: "Show angles beside titles", kind: "toggle", fallback: true });
  settings.listen("example.badge", () => nodes.redraw());

  widgets.add(dial);

  const turn = (key) => document_.edit("Turn", (editor) => editor.set(key, "angle", (document_.node(key).values.angle + 90) % 360));
  commands.add({
    id: "example.turn", label: "Turn the dial", keys: ["alt+t"], isEnabled: () => document_.selection.length > 0,
    run: () => document_.selection.forEach(turn),
  });

  menus.canvas(([x, y]) => [{
    label: "Add a dial here", run: () => document_.edit("Add a dial", (editor) => editor.add("ExampleDial", { position: [x, y] })),
  }]);
  menus.node((node) => (node.type === "ExampleDial" ? [{ label: "Turn by 90°", run: () => turn(node.key) }] : []));
  menus.link((link) => [{ label: `Name the link ${link.type}`, run: () => sfumato.toast(`${link.from} to ${link.to}`) }]);

  nodes.badge((node) => (node.type === "ExampleDial" && settings.get("example.badge") ? { text: `${node.values.angle}°` } : null));
  nodes.draw((context, node, { width, title }) => {
    if (node.type !== "ExampleDial") return;
    context.fillStyle = "rgb(255, 0, 255)";
    context.fillRect(width - 6, title + 2, 4, 4);
  });

  sidebar.add({
    id: "example", title: "Example", icon: "M10 3v14M3 10h14",
    render(element) {
      const list = document.createElement("p");
      const show = () => (list.textContent = `${document_.nodes.length} nodes`);
      const watching = document_.listen(show);
      show();
      element.append(list);
      return () => watching.dispose();
    },
  });
  bottom.add({ id: "example-log", title: "Example log", render: (element) => element.append("What ran stands here.") });

  runs.listen(({ type }) => {
    if (type === "finished") sidebar.setBadge("example", "done");
  });
  messages.listen("executed", ({ node }) => sfumato.toast(`Node ${node} has run.`, { name: "ran" }));
}
