/** Style sheets that are fetched when what they dress is first shown. */

/** @type {Map<string, Promise<void>>} */
const known = new Map();

/**
 * Resolves when a sheet applies; one that cannot be fetched leaves its part plain.
 * @param {string} name of a file in styles/
 * @returns {Promise<void>}
 */
export function loadStyle(name) {
  const found = known.get(name) ?? new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`../../styles/${name}`, import.meta.url).href;
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => resolve());
    document.head.append(link);
  });
  known.set(name, found);
  return found;
}
