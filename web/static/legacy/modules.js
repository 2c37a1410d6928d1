/** What each module of the ecosystem exports, as `comfyAPI`; the files under /scripts hand it on. */

import { getFlacMetadata, getLatentMetadata, getPngMetadata, getWebpMetadata, importA1111 } from "./metadata.js";
import { ComfyApi } from "./api.js";
import { ComfyApp } from "./app.js";
import { lacking, page } from "./page.js";
import { $el, ComfyButton, ComfyButtonGroup, ComfyDialog, ComfySettings, dragElement } from "./ui.js";
import { ComfyWidgets, DOMWidget, addValueControlWidget, addValueControlWidgets } from "./widgets.js";
import { addStylesheet, applyTextReplacements, clone, downloadBlob, getStorageValue, prop, setStorageValue, uploadFile } from "./utils.js";

/** A name that is there so that imports succeed; using it is told. @param {string} name */
function absent(name) {
  return class Absent {
    constructor() {
      lacking(name);
    }

    static registerButton() {
      lacking(name);
    }

    static invalidatePreview() {}
  };
}

/** @param {any} app @returns {Record<string, Record<string, any>>} */
export function modulesOf(app) {
  const none = (/** @type {string} */ name) => () => void lacking(name);
  return {
    app: { app, ComfyApp, ANIM_PREVIEW_WIDGET: "$$comfy_animation_preview", sanitizeNodeName: (/** @type {string} */ name) => name.replace(/[&<>"'`=]/g, "") },
    api: { api: page.api, ComfyApi },
    ui: { $el, ComfyDialog, ComfyUI: class ComfyUI {}, dragElement, toggleSwitch: none("toggleSwitch") },
    dialog: { ComfyDialog },
    settings: { ComfySettingsDialog: ComfySettings },
    button: { ComfyButton }, buttonGroup: { ComfyButtonGroup },
    popup: { ComfyPopup: absent("ComfyPopup") }, splitButton: { ComfySplitButton: ComfyButtonGroup }, asyncDialog: { ComfyAsyncDialog: ComfyDialog },
    widgets: {
      ComfyWidgets, addValueControlWidget, addValueControlWidgets, updateControlWidgetLabel() {}, IS_CONTROL_WIDGET: Symbol("control"),
      getWidgetType: (/** @type {any} */ [type]) => (Array.isArray(type) ? "COMBO" : type), initWidgets() {},
    },
    domWidget: {
      DOMWidgetImpl: DOMWidget, DOMWidget, addWidget: (/** @type {any} */ node, /** @type {any} */ widget) => node.addCustomWidget(widget),
      addDomClippingSetting() {},
    },
    utils: { addStylesheet, applyTextReplacements, clone, downloadBlob, getStorageValue, prop, setStorageValue, uploadFile },
    pnginfo: { importA1111, getPngMetadata, getLatentMetadata, getWebpMetadata, getFlacMetadata },
    changeTracker: { ChangeTracker: absent("ChangeTracker") },
    clipspace: { ClipspaceDialog: absent("ClipspaceDialog") },
    groupNode: { GroupNodeConfig: absent("GroupNodeConfig"), GroupNodeHandler: Object.assign(absent("GroupNodeHandler"), { isGroupNode: () => false, getGroupData: () => undefined }) },
    widgetInputs: {
      getWidgetConfig: (/** @type {any} */ slot) => slot?.widget?.config ?? ["*", {}], setWidgetConfig() {}, convertToInput: none("convertToInput"),
      mergeIfValid: none("mergeIfValid"), isConvertibleWidget: () => false,
    },
  };
}
