/** Makes elements. Text only ever becomes text: nothing here parses HTML. */

/**
 * An element with properties, attributes (`aria-...`, `role`, `data-...`) and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} properties @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else Object.assign(element, { [name]: value });
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * A line drawing from the `d` of a path.
 * @param {string} path @param {number} size of the box that the path is in, and of the drawing in CSS pixels
 * @returns {SVGSVGElement}
 */
export function drawing(path, size) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${size} ${size}`, width: size, height: size, "aria-hidden": true })) {
    picture.setAttribute(name, String(value));
  }
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  line.setAttribute("class", "stroke");
  picture.append(line);
  return picture;
}

/**
 * A length of the style sheets in pixels: they measure in rem, so that all grows with the letters that a person has chosen.
 * @param {number} pixels where letters have their usual size
 * @returns {number}
 */
export function scaled(pixels) {
  return pixels * (parseFloat(getComputedStyle(document.documentElement).fontSize) || 16) / 16;
}

/**
 * The element with an id, which must be in the page.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Makes the content of an element anew; the keyboard stays at what has the same `data-focus`.
 * @param {HTMLElement} element @param {() => void} fill
 */
export function refill(element, fill) {
  const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-focus") : null;
  fill();
  if (focused) /** @type {HTMLElement | null} */ (element.querySelector(`[data-focus="${CSS.escape(focused)}"]`))?.focus();
}

/**
 * Puts a floating element near a place, wholly on the screen.
 * @param {HTMLElement} element @param {number} x @param {number} y
 */
export function placeAt(element, x, y) {
  const margin = 8;
  const { offsetWidth, offsetHeight } = element;
  element.style.left = `${Math.max(margin, Math.min(x, innerWidth - offsetWidth - margin))}px`;
  element.style.top = `${Math.max(margin, Math.min(y, innerHeight - offsetHeight - margin))}px`;
}

/**
 * Lets the row under the pointer be the active one.
 * @param {HTMLElement} rows @param {(index: number) => void} activate
 */
export function followPointer(rows, activate) {
  rows.addEventListener("pointermove", (event) => {
    const index = [...rows.children].findIndex((row) => row.contains(/** @type {globalThis.Node} */ (event.target)));
    if (index < 0 || rows.children[index].classList.contains("is-active") || !rows.children[index].classList.contains("row")) return;
    for (const row of rows.children) row.classList.remove("is-active");
    rows.children[index].classList.add("is-active");
    activate(index);
  });
}

/**
 * Tells screen readers which row of a list the keys of a search line move to.
 * @param {HTMLElement} line that has the keyboard @param {HTMLElement} rows
 * @returns {(index: number) => void} to be called when another row is the active one
 */
export function tieList(line, rows) {
  rows.id ||= `list-${Math.random().toString(36).slice(2)}`;
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "true", "aria-autocomplete": "list", "aria-controls": rows.id })) {
    line.setAttribute(name, value);
  }
  return (index) => {
    const row = rows.children[index];
    if (row?.getAttribute("role") !== "option") return line.removeAttribute("aria-activedescendant");
    row.id ||= `${rows.id}-${index}`;
    line.setAttribute("aria-activedescendant", row.id);
  };
}
