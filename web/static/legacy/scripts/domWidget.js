/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const DOMWidgetImpl = globalThis.comfyAPI.domWidget.DOMWidgetImpl;
export const addDomClippingSetting = globalThis.comfyAPI.domWidget.addDomClippingSetting;
export const addWidget = globalThis.comfyAPI.domWidget.addWidget;
