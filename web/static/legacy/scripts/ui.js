/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const $el = globalThis.comfyAPI.ui.$el;
export const ComfyDialog = globalThis.comfyAPI.ui.ComfyDialog;
export const ComfyUI = globalThis.comfyAPI.ui.ComfyUI;
export const dragElement = globalThis.comfyAPI.ui.dragElement;
export const toggleSwitch = globalThis.comfyAPI.ui.toggleSwitch;
