/** Runs as packs see them: what nodes showed, callbacks before and after, prompts that packs change on the way. */

import { attempt, invoke, page } from "./page.js";

/** Hands the page's own runs to packs and takes their prompts. */
export function joinRuns() {
  const { app, comfy, host } = page;
  const { runner } = app;
  page.startRun = (options) => runner.run(options);
  const make = async (resolve) => {
    page.resolve = () => resolve;
    page.api.dispatchCustomEvent("promptQueueing", {});
    eachWidget("beforeQueued");
    const { output, workflow } = await comfy.graphToPrompt();
    return { prompt: output, workflow };
  };
  const send = async ({ prompt, extra_data: { extra_pnginfo: { workflow }, ...extra }, front, client_id: _client, ...rest }) => {
    page.sending = rest;
    const answer = await page.api.queuePrompt(front ? -1 : 0, { output: prompt, workflow }, { extra_data: extra });
    eachWidget("afterQueued");
    page.api.dispatchCustomEvent("promptQueued", { number: front ? -1 : 0, batchCount: 1 });
    host.stir();
    return answer;
  };
  runner.detour = { make, send };
  comfy.receive = (type, data) => receive(type, data);
  const { commands } = app;
  for (const [id, number] of [["run", 0], ["run-front", -1]]) {
    const command = commands.all.get(id);
    if (!command) continue;
    command.run = () => {
      app.view.dom.open?.commit();
      void attempt("queuePrompt", () => comfy.queuePrompt(number, 1));
    };
  }
}

/** @param {"beforeQueued" | "afterQueued"} name */
function eachWidget(name) {
  for (const node of page.host.byId.values()) for (const widget of node.widgets ?? []) if (widget[name]) invoke(widget, name);
}

/** A message of the server, before it is an event. @param {string} type @param {any} data */
function receive(type, data) {
  const { comfy, host } = page;
  if (type === "execution_start") {
    comfy.lastExecutionError = null;
    for (const node of host.byId.values()) if (node.onExecutionStart) invoke(node, "onExecutionStart");
  } else if (type === "executing") comfy.runningNodeId = data.display_node ?? data.node ?? null;
  else if (type === "execution_error") comfy.lastExecutionError = data;
  else if (type === "executed") executed(String(data.display_node ?? data.node), data.output);
}

/** @param {string} key "12:3" is node 3 inside node 12 @param {any} output */
function executed(key, output) {
  const { app, comfy, host } = page;
  page.lastResult = performance.now();
  comfy.nodeOutputs[key] = output;
  const found = app.store.find(key);
  const node = found && host.nodeOf(found.node.id);
  if (!node) return;
  takePictures(node, output);
  invoke(node, "onExecuted", output);
  comfy.hook("onNodeOutputsUpdated", comfy.nodeOutputs);
}

/** The pictures that packs find on a node. @param {any} node @param {any} output */
function takePictures(node, output) {
  const { host } = page;
  if (!Array.isArray(output?.images) || output.images.length === 0) return;
  node.images = output.images;
  node.imageIndex = null;
  node.imgs = output.images.map(({ filename, subfolder = "", type = "output" }) => {
    const picture = new Image();
    picture.src = page.api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
    return picture;
  });
  node._ownPictures = page.app.view.showsPictures(host.recordOf(node)) ? node.imgs : null;
}
