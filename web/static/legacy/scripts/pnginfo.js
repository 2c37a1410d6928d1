/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const importA1111 = globalThis.comfyAPI.pnginfo.importA1111;
export const getPngMetadata = globalThis.comfyAPI.pnginfo.getPngMetadata;
export const getLatentMetadata = globalThis.comfyAPI.pnginfo.getLatentMetadata;
export const getWebpMetadata = globalThis.comfyAPI.pnginfo.getWebpMetadata;
export const getFlacMetadata = globalThis.comfyAPI.pnginfo.getFlacMetadata;
