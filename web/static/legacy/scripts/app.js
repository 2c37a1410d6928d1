/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const app = globalThis.comfyAPI.app.app;
export const ComfyApp = globalThis.comfyAPI.app.ComfyApp;
export const ANIM_PREVIEW_WIDGET = globalThis.comfyAPI.app.ANIM_PREVIEW_WIDGET;
export const sanitizeNodeName = globalThis.comfyAPI.app.sanitizeNodeName;
