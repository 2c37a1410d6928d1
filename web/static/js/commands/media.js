/** Opens files of every kind: workflows in tabs, all else as nodes that load it, several pictures as one batch. */

/** @import { App } from "../app.js" */
/** @import { Definition } from "../model/types.js" */

import { hitTest } from "../canvas/hit.js";
import { addNode, connect, setValue } from "../model/commands.js";
import { openFile as readFile } from "../model/io/files.js";
import { uploadImage } from "../engine/api.js";
import { t } from "../words.js";

const BATCH = "BatchImagesNode";
const GAP = 40;
const STEP = 360;
const LOADERS = /** @type {const} */ ([["image/", "LoadImage"], ["video/", "LoadVideo"], ["audio/", "LoadAudio"]]);

/** @param {App} app @param {File} file @returns {{definition: Definition, input: string} | null} the node that loads such a file */
function loaderOf({ store }, file) {
  const type = LOADERS.find(([prefix]) => file.type.startsWith(prefix))?.[1];
  const definition = type && store.definitions.get(type);
  const input = definition && definition.inputs.find(({ widget }) => widget?.upload)?.name;
  return definition && input ? { definition, input } : null;
}

/**
 * Adds a node for each file, and one that makes a batch of several pictures.
 * @param {App} app @param {readonly File[]} files @param {[number, number] | null} at on the canvas
 */
export async function addMedia(app, files, at) {
  const { store, view } = app;
  const found = files.map((file) => ({ file, loader: loaderOf(app, file) }));
  const idle = found.filter(({ loader }) => loader === null).map(({ file }) => file.name);
  if (idle.length > 0) throw new Error(t("Nothing here can use {names}: no workflow is inside, and no node loads such a file.", { names: idle.join(", ") }));
  const names = await Promise.all(files.map((file) => uploadImage(file, file.name || "pasted.png")));
  const [x, y] = (at ?? view.camera.toWorld(view.width / 2 - 130, view.height / 2 - 120)).map(Math.round);
  const ids = store.run(files.length === 1 ? "Add picture" : "Add pictures", (change) => {
    const nodes = found.map(({ loader }, index) => {
      const { definition, input } = /** @type {NonNullable<typeof loader>} */ (loader);
      const node = addNode(change, definition, [x, y + index * STEP]);
      setValue(change, node.id, input, names[index]);
      return node;
    });
    const pictures = nodes.filter((node) => node.type === "LoadImage");
    const batch = pictures.length > 1 ? store.definitions.get(BATCH) : undefined;
    if (!batch) return nodes.map((node) => node.id);
    const joint = addNode(change, batch, [x + nodes[0].size[0] + 2 * GAP, y]);
    for (const [index, node] of pictures.entries()) connect(change, store.definitions, node.id, 0, joint.id, `images.image${index}`);
    return [...nodes.map((node) => node.id), joint.id];
  });
  for (const [index, { loader }] of found.entries()) {
    const { definition, input } = /** @type {NonNullable<typeof loader>} */ (loader);
    app.actions.offerOption(definition.type, input, names[index]);
  }
  view.select(ids);
}

/**
 * Opens files: each workflow in a tab of its own; what holds none becomes nodes that load it.
 * @param {App} app @param {readonly File[]} files @param {[number, number] | null} at where they were dropped, on the canvas
 */
export async function openFiles(app, files, at) {
  if (files.length === 1) return openFile(app, files[0], at);
  /** @type {File[]} */
  const media = [];
  for (const file of files) if (!await openWorkflow(app, file)) media.push(file);
  if (media.length > 0) await addMedia(app, media, at);
}

/**
 * Opens a file: a workflow in a tab of its own, a picture without one as a node that loads it.
 * @param {App} app @param {File} file @param {[number, number] | null} at where it was dropped, on the canvas
 */
export async function openFile(app, file, at) {
  const target = at && nodeAt(app, at);
  if (/^(image|video|audio)\//.test(file.type) && target && app.actions.uploadName(target)) return app.actions.putImage(target.id, file);
  if (!await openWorkflow(app, file)) await addMedia(app, [file], at);
}

/** @param {App} app @param {File} file @returns {Promise<boolean>} whether it held a workflow */
async function openWorkflow(app, file) {
  const isMedia = /^(image|video|audio)\//.test(file.type);
  const opened = await readFile(file, app.store.catalogue).catch((error) => {
    if (isMedia) return null;
    throw error;
  });
  if (opened) app.open(opened.document, file.name.replace(/(\.api)?\.[^.]+$/, ""), { doubts: opened.doubts });
  return opened !== null;
}

/** @param {App} app @param {[number, number]} at */
function nodeAt(app, at) {
  const hit = hitTest(app.view.scene, at, app.view.camera.scale);
  return "node" in hit ? hit.node : null;
}
