/** The `api` of the ecosystem: requests to the server, and every message of it as an event. */

import { hearers } from "../js/engine/socket.js";
import { queuePrompt } from "../js/engine/api.js";
import { page } from "./page.js";

/** Where pages and files of the server are. */
const root = () => new URL(".", document.baseURI).href.replace(/\/$/, "");

/** Messages that come many times a second: what packs change at them shows at the next frame. */
const OFTEN = new Set(["progress", "progress_state", "progress_text", "status", "preview", "crystools.monitor"]);

/** Messages whose event carries something else than their data. */
const DETAILS = {
  executing: (data) => data.display_node ?? data.node ?? null,
  status: (data) => data.status ?? data,
};

/** One for the page. */
export class ComfyApi extends EventTarget {
  constructor() {
    super();
    this.api_host = location.host;
    this.api_base = new URL(".", document.baseURI).pathname.replace(/\/$/, "");
    this.clientId = page.app.clientId;
    this.initialClientId = this.clientId;
    this.user = "default";
    this.serverFeatureFlags = {};
    /** @type {Set<string>} */ this.heard = new Set();
    hearers.add((type, data) => this.receive(type, data));
  }

  apiURL(route) {
    return `${this.api_base}/api${route}`;
  }

  internalURL(route) {
    return `${this.api_base}/internal${route}`;
  }

  fileURL(route) {
    return this.api_base + route;
  }

  fetchApi(route, options = {}) {
    return fetch(this.apiURL(route), { cache: "no-cache", ...options });
  }

  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    this.heard.add(type);
  }

  dispatchCustomEvent(type, detail) {
    return this.dispatchEvent(detail === undefined ? new CustomEvent(type) : new CustomEvent(type, { detail }));
  }

  /** A message of the server. @param {string} type @param {any} data */
  receive(type, data) {
    page.comfy.receive(type, data);
    if (type === "preview") return this.receivePreview(data);
    this.dispatchCustomEvent(type, DETAILS[type] ? DETAILS[type](data) : data);
    if (type === "execution_success") this.dispatchCustomEvent("executing", null);
    if (!OFTEN.has(type)) page.host.stir();
    return undefined;
  }

  receivePreview({ key, promptId, blob }) {
    this.dispatchCustomEvent("b_preview", blob);
    const node = key ?? "";
    this.dispatchCustomEvent("b_preview_with_metadata", { blob, nodeId: node, displayNodeId: node, parentNodeId: node, realNodeId: node, jobId: promptId, promptId });
  }

  async json(route, options) {
    return (await this.fetchApi(route, options)).json();
  }

  post(route, body) {
    return this.fetchApi(route, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  /** Hands a prompt to the server. Packs may put another function in its place. */
  async queuePrompt(number, { output, workflow }, options = {}) {
    return queuePrompt({
      prompt: output, client_id: this.clientId, ...page.sending, ...(number === -1 ? { front: true } : {}),
      extra_data: { extra_pnginfo: { workflow }, ...options.extra_data },
    });
  }

  getNodeDefs() {
    return this.json("/object_info");
  }

  getExtensions() {
    return this.json("/extensions");
  }

  getEmbeddings() {
    return this.json("/embeddings");
  }

  getModelFolders() {
    return this.json("/models");
  }

  getModels(folder) {
    return this.json(`/models/${encodeURIComponent(folder)}`);
  }

  getSystemStats() {
    return this.json("/system_stats");
  }

  getServerFeatures() {
    return this.serverFeatureFlags;
  }

  serverSupportsFeature(name) {
    return Boolean(this.serverFeatureFlags[name]);
  }

  getServerFeature(name, fallback) {
    return this.serverFeatureFlags[name] ?? fallback;
  }

  async getQueue() {
    const { queue_running: running, queue_pending: pending } = await this.json("/queue");
    const item = ([priority, id, prompt, extra, outputs]) => ({ prompt: [priority, id, prompt, extra, outputs], remove: { name: "Cancel", cb: () => this.interrupt() } });
    return { Running: running.map(item), Pending: pending.map(item) };
  }

  async getHistory(most = 200) {
    return { History: Object.values(await this.json(`/history?max_items=${most}`)).map((entry) => ({ ...entry, taskType: "History" })) };
  }

  async getItems(type) {
    return type === "queue" ? this.getQueue() : this.getHistory();
  }

  async deleteItem(type, id) {
    await this.post(`/${type}`, { delete: [id] });
  }

  async clearItems(type) {
    await this.post(`/${type}`, { clear: true });
  }

  async interrupt(id) {
    await this.post("/interrupt", id ? { prompt_id: id } : {});
  }

  getSettings() {
    return this.json("/settings");
  }

  getSetting(id) {
    return this.json(`/settings/${encodeURIComponent(id)}`);
  }

  async storeSettings(settings) {
    for (const [id, value] of Object.entries(settings)) page.app.settings.keep(id, value);
    await page.app.settings.flush();
  }

  async storeSetting(id, value) {
    await this.storeSettings({ [id]: value });
  }

  getUserData(file, options) {
    return this.fetchApi(`/userdata/${encodeURIComponent(file)}`, options);
  }

  storeUserData(file, data, { overwrite = true, stringify = true, throwOnError = true, full_info: full = false } = {}) {
    const body = stringify ? JSON.stringify(data) : data;
    return this.fetchApi(`/userdata/${encodeURIComponent(file)}?overwrite=${overwrite}&full_info=${full}`, { method: "POST", body }).then((answer) => {
      if (throwOnError && !answer.ok) throw new Error(`${file} could not be stored: ${answer.status}`);
      return answer;
    });
  }

  deleteUserData(file) {
    return this.fetchApi(`/userdata/${encodeURIComponent(file)}`, { method: "DELETE" });
  }

  moveUserData(from, to, { overwrite = false } = {}) {
    return this.fetchApi(`/userdata/${encodeURIComponent(from)}/move/${encodeURIComponent(to)}?overwrite=${overwrite}`, { method: "POST" });
  }

  async listUserDataFullInfo(folder) {
    const answer = await this.fetchApi(`/userdata?dir=${encodeURIComponent(folder)}&recurse=true&split=false&full_info=true`);
    return answer.ok ? answer.json() : [];
  }

  async getLogs() {
    return (await this.fetchApi("/internal/logs").catch(() => null))?.text() ?? "";
  }

  getUserConfig() {
    return this.json("/users");
  }

  get socket() {
    return null;
  }

  get base() {
    return root();
  }
}
