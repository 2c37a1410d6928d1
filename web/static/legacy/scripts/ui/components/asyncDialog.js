/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const ComfyAsyncDialog = globalThis.comfyAPI.asyncDialog.ComfyAsyncDialog;
