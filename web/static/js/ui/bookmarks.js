/** What a person marked in the library of node types, in folders of their own, and what they add most. */

/** @import { App } from "../app.js" */
/** @import { Settings } from "../engine/settings.js" */
/** @import { Definition } from "../model/types.js" */
/** @import { Item } from "./menu.js" */
/** @import { Branch } from "./tree.js" */

import { USES } from "../commands/actions.js";
import { tidied, treeOf } from "../model/library.js";
import { t } from "../words.js";
import { askText } from "./dialogs.js";
import { toggleMark } from "./star.js";
import { toast } from "./toasts.js";
import { branches, leaf } from "./tree.js";

export const BOOKMARKS = "library.bookmarks";
/** The folder of each bookmark that has one. */
export const FOLDERS = "library.folders";
const ROOT = "*bookmarks";
const MOST_USED = 8;

/**
 * What this person marked, and adds most.
 * @param {Settings} settings @param {ReadonlyMap<string, Definition>} known @returns {Branch<Definition>[]}
 */
export function ownBranches(settings, known) {
  const found = (/** @type {readonly string[]} */ types) => types.flatMap((type) => known.get(type) ?? []);
  const marked = found(settings.get(BOOKMARKS));
  /** @type {Readonly<Record<string, string>>} */
  const folders = settings.get(FOLDERS);
  const uses = Object.entries(/** @type {Record<string, number>} */ (settings.get(USES))).sort(([, one], [, other]) => other - one);
  const often = found(uses.slice(0, MOST_USED).map(([type]) => type)).map(leaf);
  const children = branches(treeOf(marked, ({ type }) => folders[type] ?? ""), ROOT);
  return [
    ...(marked.length > 0 ? [{ id: ROOT, label: t("Bookmarks"), note: String(marked.length), children }] : []),
    ...(often.length > 0 ? [{ id: "*often", label: t("Used often"), note: String(often.length), children: often }] : []),
  ];
}

/**
 * The menu of a row: what it adds, and where its bookmark is.
 * @param {App} app @param {Branch<Definition>} branch @param {(definition: Definition) => void} add
 * @returns {Item[]}
 */
export function libraryItems({ settings }, { id, item }, add) {
  if (item) {
    const isMarked = settings.get(BOOKMARKS).includes(item.type);
    return [
      { label: t("Add the node"), run: () => add(item) },
      { label: isMarked ? t("Remove the bookmark") : t("Bookmark"), run: () => toggleMark(settings, BOOKMARKS, item.type) },
      { label: t("Bookmark it in a folder…"), run: () => void file(settings, item) },
    ];
  }
  if (!id.startsWith(`${ROOT}/`)) return [];
  const path = id.slice(ROOT.length + 1);
  return [
    { label: t("Rename the folder…"), run: () => void rename(settings, path) },
    { label: t("Take the folder apart"), run: () => move(settings, path, path.slice(0, Math.max(0, path.lastIndexOf("/")))) },
  ];
}

/** Marks a type and puts it into a folder. @param {Settings} settings @param {Definition} definition */
async function file(settings, { type, name }) {
  const folders = settings.get(FOLDERS);
  const answer = await askText(t("Folder of the bookmark; “/” makes folders in folders"), folders[type] ?? "", t("Keep"));
  if (answer === null) return;
  const folder = tidied(answer);
  settings.set(FOLDERS, { ...folders, [type]: folder });
  if (!settings.get(BOOKMARKS).includes(type)) toggleMark(settings, BOOKMARKS, type);
  toast(t("“{name}” is in the folder “{folder}” of the bookmarks now.", { name, folder }), { name: "bookmark" });
}

/** @param {Settings} settings @param {string} path */
async function rename(settings, path) {
  const answer = await askText(t("Name of the folder"), path, t("Rename"));
  if (answer !== null) move(settings, path, tidied(answer));
}

/** Gives a folder, and those in it, another path. @param {Settings} settings @param {string} from @param {string} to */
function move(settings, from, to) {
  const moved = Object.entries(/** @type {Record<string, string>} */ (settings.get(FOLDERS))).map(([type, folder]) =>
    [type, folder === from || folder.startsWith(`${from}/`) ? tidied(to + folder.slice(from.length)) : folder]);
  settings.set(FOLDERS, Object.fromEntries(moved));
}
