/** Hands on what packs import from here; the adapter is fetched when the first of them does. */

await globalThis.sfumatoLegacy();

export const ComfyWidgets = globalThis.comfyAPI.widgets.ComfyWidgets;
export const addValueControlWidget = globalThis.comfyAPI.widgets.addValueControlWidget;
export const addValueControlWidgets = globalThis.comfyAPI.widgets.addValueControlWidgets;
export const updateControlWidgetLabel = globalThis.comfyAPI.widgets.updateControlWidgetLabel;
export const IS_CONTROL_WIDGET = globalThis.comfyAPI.widgets.IS_CONTROL_WIDGET;
export const getWidgetType = globalThis.comfyAPI.widgets.getWidgetType;
export const initWidgets = globalThis.comfyAPI.widgets.initWidgets;
