/** What can be done with one picture or other file of the gallery. */

/** @import { App } from "../app.js" */
/** @import { Asset } from "../engine/assets.js" */
/** @import { Node, Point } from "../model/types.js" */
/** @import { Item } from "./menu.js" */

import { assetUrl, valueOf } from "../engine/assets.js";
import { addNode, setValue } from "../model/commands.js";
import { findSeeds } from "../model/seeds.js";
import { t } from "../words.js";
import { openComparison } from "./compare.js";
import { openLightbox } from "./lightbox.js";
import { takeSeeds } from "./seeds.js";
import { tell, toast } from "./toasts.js";

const LOADERS = { picture: "LoadImage", film: "LoadVideo", sound: "LoadAudio", other: "" };

/** @param {App} app @param {Asset} asset @returns {Item[]} */
export function assetItems(app, asset) {
  return [
    { label: t("Open the workflow that made this"), run: () => void tell(openMaker(app, asset)) },
    { label: t("Use this seed"), run: () => void tell(useSeed(app, asset)) },
    { label: t("Add as a node"), isDisabled: !loaderOf(app, asset), run: () => insertAsset(app, asset, null, null) },
    null,
    { label: t("Download"), run: () => download([asset]) },
    { label: t("Copy the name"), run: () => void tell(navigator.clipboard.writeText(asset.name)) },
  ];
}

/** Shows files at their full size. @param {App} app @param {readonly Asset[]} assets @param {number} start @param {(asset: Asset) => void} remove */
export function openAssets(app, assets, start, remove) {
  openLightbox(assets.map((asset) => ({
    url: assetUrl(asset), name: asset.name, kind: asset.kind, actions: [
      { label: t("Open the workflow that made this"), keys: "w", closes: true, run: () => void tell(openMaker(app, asset)) },
      { label: t("Use this seed"), keys: "s", closes: true, run: () => void tell(useSeed(app, asset)) },
      ...(loaderOf(app, asset) ? [{ label: t("Add as a node"), keys: "i", closes: true, run: () => insertAsset(app, asset, null, null) }] : []),
      { label: t("Delete"), keys: "Delete", closes: true, run: () => remove(asset) },
    ],
  })), start);
}

/** @param {App} app @param {Asset} asset the document that lies in the file */
async function makerOf(app, asset) {
  const answer = await fetch(assetUrl(asset));
  if (!answer.ok) throw new Error(t("The file is not there any more."));
  const { openFile } = await import("../model/io/files.js");
  const opened = await openFile(await answer.blob(), app.store.catalogue).catch(() => null);
  if (opened === null) throw new Error(t("No workflow is kept in “{name}”.", { name: asset.name }));
  return opened;
}

/** @param {App} app @param {Asset} asset */
async function openMaker(app, asset) {
  const { document, doubts } = await makerOf(app, asset);
  app.open(document, asset.name.replace(/^.*\//, "").replace(/\.[^.]+$/, ""), { doubts });
}

/** @param {App} app @param {Asset} asset */
async function useSeed(app, asset) {
  const { document } = await makerOf(app, asset);
  const seeds = findSeeds(document.root, app.store.definitions).flatMap(({ id, name }) => {
    const node = document.root.nodes.get(id);
    return node ? [{ key: node.key, name, value: node.values[name] }] : [];
  });
  takeSeeds(app, seeds);
}

/** @param {App} app @param {Asset} asset */
function loaderOf({ store }, { kind }) {
  const definition = store.definitions.get(LOADERS[kind]);
  const input = definition?.inputs.find(({ widget }) => widget?.upload)?.name;
  return definition && input ? { definition, input } : null;
}

/**
 * Gives a node the file, or adds one that loads it.
 * @param {App} app @param {Asset} asset @param {Point | null} at @param {Node | null} node where it was dropped
 */
export function insertAsset(app, asset, at, node) {
  const { store, view } = app;
  const loader = loaderOf(app, asset);
  if (!loader) return toast(t("No node loads files of this kind."));
  const value = valueOf(asset);
  const { definition, input } = loader;
  app.actions.offerOption(definition.type, input, value);
  if (node?.type === definition.type) return void store.run("Choose picture", (change) => setValue(change, node.id, input, value));
  const place = at ?? view.camera.toWorld(view.width / 2 - 130, view.height / 2 - 120);
  const id = store.run("Add picture", (change) => {
    const made = addNode(change, definition, [Math.round(place[0]), Math.round(place[1])]);
    setValue(change, made.id, input, value);
    return made.id;
  });
  view.select([id]);
}

/** @param {readonly Asset[]} assets two pictures */
export function compareThese([one, other]) {
  openComparison(assetUrl(one), assetUrl(other));
}

/** Saves files on this computer, one after the other. @param {readonly Asset[]} assets */
export function download(assets) {
  for (const asset of assets) {
    const link = document.createElement("a");
    link.href = assetUrl(asset);
    link.download = asset.name.slice(asset.name.lastIndexOf("/") + 1);
    link.click();
  }
}
