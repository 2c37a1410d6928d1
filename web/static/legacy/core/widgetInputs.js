/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const getWidgetConfig = globalThis.comfyAPI.widgetInputs.getWidgetConfig;
export const setWidgetConfig = globalThis.comfyAPI.widgetInputs.setWidgetConfig;
export const convertToInput = globalThis.comfyAPI.widgetInputs.convertToInput;
export const mergeIfValid = globalThis.comfyAPI.widgetInputs.mergeIfValid;
export const isConvertibleWidget = globalThis.comfyAPI.widgetInputs.isConvertibleWidget;
