/** Markdown as elements, made one by one: no HTML is ever parsed, no script can run, nothing is asked of another server. */

/** @import { Mark } from "../model/markdown.js" */

import { ownPicture, readMarkdown, safeLink } from "../model/markdown.js";
import { t } from "../words.js";
import { make } from "./dom.js";

const TAGS = /** @type {const} */ ({
  paragraph: "p", item: "li", list: "ul", quote: "blockquote", strong: "strong", emphasis: "em", deleted: "del",
});

/**
 * The elements of a text.
 * @param {string} text
 * @returns {HTMLElement}
 */
export function markdown(text) {
  return make("div", { className: "markdown" }, ...readMarkdown(text).map(build));
}

/** @param {Mark} mark @returns {Node} */
function build(mark) {
  const { kind, text = "", address = "", level = 1, children = [] } = mark;
  const inner = children.map(build);
  if (kind === "text") return document.createTextNode(text);
  if (kind === "heading") return make(/** @type {"h3"} */ (`h${Math.min(6, level + 2)}`), { className: `is-level-${level}` }, ...inner);
  if (kind === "code") return make("pre", {}, make("code", {}, text));
  if (kind === "inline") return make("code", {}, text);
  if (kind === "line") return make("hr");
  if (kind === "break") return make("br");
  if (kind === "ordered") return make("ol", { start: mark.start ?? 1 }, ...inner);
  if (kind === "link") {
    const href = safeLink(address);
    return href === null ? make("span", { title: t("This link is not followed.") }, ...inner)
      : make("a", { href, target: "_blank", rel: "noopener noreferrer", title: href }, ...inner);
  }
  if (kind === "picture") {
    const src = ownPicture(address, document.baseURI);
    return src === null ? make("span", { className: "markdown-lost", title: address }, text || t("A picture of another server")) : make("img", { src, alt: text, loading: "lazy" });
  }
  return make(TAGS[/** @type {keyof typeof TAGS} */ (kind)], {}, ...inner);
}
