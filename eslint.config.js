/** Rules for the page: what `tsc` does not see, the size of files, and which folder may know which. */

import js from "@eslint/js";

const BROWSER = [
  "AbortController", "Blob", "CSS", "CanvasRenderingContext2D", "DataView", "DOMMatrix", "DecompressionStream", "EventSource", "File", "FormData", "HTMLElement",
  "HTMLInputElement", "HTMLTextAreaElement", "ImageBitmap", "MutationObserver", "ResizeObserver", "TextDecoder", "TextEncoder", "Path2D", "URL", "URLSearchParams",
  "WebSocket", "Worker", "addEventListener", "clearInterval", "clearTimeout", "console", "createImageBitmap", "crypto", "devicePixelRatio", "document",
  "fetch", "getComputedStyle", "getSelection", "indexedDB", "innerHeight", "innerWidth", "localStorage", "matchMedia", "navigator",
  "performance", "removeEventListener", "requestAnimationFrame", "sessionStorage", "setInterval", "setTimeout", "structuredClone", "window", "globalThis",
];
const PURE = new Set(["Blob", "CSS", "DataView", "DecompressionStream", "TextDecoder", "TextEncoder", "URL", "crypto", "structuredClone", "globalThis"]);

/** What the adapter for packs of the ecosystem uses besides. */
const LEGACY = [
  "CustomEvent", "DOMParser", "Element", "EventTarget", "Image", "KeyboardEvent", "Node", "PointerEvent", "innerWidth", "location", "queueMicrotask",
];

const globals = Object.fromEntries(BROWSER.map((name) => [name, "readonly"]));

export default [
  js.configs.recommended,
  {
    files: ["web/static/js/**/*.js", "web/static/legacy/**/*.js", "tests/canvas/**/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals },
    rules: {
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "max-len": ["error", { code: 150, ignoreStrings: true, ignoreTemplateLiterals: true }],
      "no-console": "error",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-control-regex": "off",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      curly: ["error", "multi-line"],
      "no-restricted-properties": [
        "error", { property: "innerHTML" }, { property: "outerHTML" }, { property: "insertAdjacentHTML" },
        { object: "document", property: "write" }, { property: "createContextualFragment" }, { property: "setHTMLUnsafe" }, { property: "srcdoc" },
      ],
    },
  },
  {
    files: ["web/static/legacy/**/*.js"],
    languageOptions: { globals: { ...globals, ...Object.fromEntries(LEGACY.map((name) => [name, "readonly"])) } },
    rules: { "no-unused-vars": ["error", { ignoreRestSiblings: true, varsIgnorePattern: "^_", argsIgnorePattern: "^_" }], "no-setter-return": "off" },
  },
  { files: ["tests/canvas/**/*.js"], languageOptions: { globals: { ...globals, Buffer: "readonly" } }, rules: { "max-len": "off" } },
  {
    files: ["web/static/js/model/**/*.js"],
    rules: {
      "no-restricted-globals": ["error", ...BROWSER.filter((name) => !PURE.has(name))],
      "no-restricted-imports": ["error", { patterns: ["**/canvas/**", "**/engine/**", "**/ui/**", "**/commands/**", "**/widgets/**"] }],
    },
  },
];
