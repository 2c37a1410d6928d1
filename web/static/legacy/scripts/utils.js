/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const addStylesheet = globalThis.comfyAPI.utils.addStylesheet;
export const applyTextReplacements = globalThis.comfyAPI.utils.applyTextReplacements;
export const clone = globalThis.comfyAPI.utils.clone;
export const downloadBlob = globalThis.comfyAPI.utils.downloadBlob;
export const getStorageValue = globalThis.comfyAPI.utils.getStorageValue;
export const prop = globalThis.comfyAPI.utils.prop;
export const setStorageValue = globalThis.comfyAPI.utils.setStorageValue;
export const uploadFile = globalThis.comfyAPI.utils.uploadFile;
