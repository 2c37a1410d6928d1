/** The live line to the server: messages and preview frames, opened again whenever it breaks. */

const LONGEST_WAIT = 5000;
/** With this code the server closes a socket whose id a newer one has taken. */
const REPLACED = 4001;
/** The server tells the events of this many jobs again. */
const MOST_JOBS = 20;
const MOST_HEARD = 100;

/**
 * @typedef {object} SocketEvents
 * @property {(state: "open" | "closed") => void} state
 * @property {() => readonly string[]} jobs ids of those that are followed: what was missed of them is asked for when the line is back
 * @property {(type: string, data: any) => void} message
 * @property {(frame: {key: string | null, promptId: string | null, blob: Blob}) => void} preview
 * @property {(key: string, text: string) => void} text
 */

/**
 * Who else hears everything that comes in: extensions. Beside the messages of the server there are "preview" (a frame),
 * "progress_text", "reconnecting" and "reconnected".
 * @type {Set<(type: string, data: any) => void>}
 */
export const hearers = new Set();

/** @param {string} type @param {any} data */
function tell(type, data) {
  for (const hear of hearers) hear(type, data);
}

/** One socket for the page. */
export class Socket {
  /** @param {string} clientId @param {SocketEvents} events */
  constructor(clientId, events) {
    this.clientId = clientId;
    this.events = events;
    this.wait = 250;
    this.wasOpen = false;
    /** @type {Map<string, number>} the number of the last event that was heard of each job */ this.heard = new Map();
    /** @type {WebSocket | null} */ this.socket = null;
  }

  /** Opens the line. */
  open() {
    const address = new URL(`ws?clientId=${encodeURIComponent(this.clientId)}`, document.baseURI);
    for (const job of this.wasOpen ? this.events.jobs().slice(0, MOST_JOBS) : []) address.searchParams.append("resume", `${this.heard.get(job) ?? 0}:${job}`);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.wait = 250;
      socket.send(JSON.stringify({ type: "feature_flags", data: { supports_preview_metadata: true, supports_event_ids: true } }));
      this.events.state("open");
      if (this.wasOpen) tell("reconnected", null);
      this.wasOpen = true;
    });
    socket.addEventListener("message", (event) => this.receive(event.data));
    socket.addEventListener("close", ({ code }) => {
      this.events.state("closed");
      tell("reconnecting", null);
      // Where a duplicated tab cannot be told from its twin, the one that is looked at is live.
      if (code === REPLACED) return addEventListener("focus", () => this.open(), { once: true });
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(LONGEST_WAIT, this.wait * 1.7);
    });
  }

  /** @param {string | ArrayBuffer} data */
  receive(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      this.remember(message);
      this.events.message(message.type, message.data ?? {});
      tell(message.type, message.data ?? {});
    } else this.receiveFrame(data);
  }

  /** @private @param {any} message that may tell an event of a job, with its number */
  remember({ id, data }) {
    const job = data?.prompt_id;
    if (typeof job !== "string" || !Number.isInteger(id)) return;
    this.heard.delete(job);
    this.heard.set(job, id);
    if (this.heard.size > MOST_HEARD) this.heard.delete(/** @type {string} */ (this.heard.keys().next().value));
  }

  /** @private @param {ArrayBuffer} data */
  receiveFrame(data) {
    readFrame(data, {
      preview: (frame) => {
        this.events.preview(frame);
        tell("preview", frame);
      },
      text: (key, text) => {
        this.events.text(key, text);
        tell("progress_text", { nodeId: key, text });
      },
    });
  }
}

/**
 * Takes a binary frame apart: 1 is a picture, 3 a text for a node, 4 a picture with what it belongs to.
 * @param {ArrayBuffer} buffer @param {Pick<SocketEvents, "preview" | "text">} events
 */
export function readFrame(buffer, events) {
  const view = new DataView(buffer);
  const kind = view.getUint32(0);
  if (kind === 1) {
    const type = view.getUint32(4) === 2 ? "image/png" : "image/jpeg";
    events.preview({ key: null, promptId: null, blob: new Blob([buffer.slice(8)], { type }) });
  } else if (kind === 3) {
    const length = view.getUint32(4);
    const decoder = new TextDecoder();
    events.text(decoder.decode(new Uint8Array(buffer, 8, length)), decoder.decode(new Uint8Array(buffer, 8 + length)));
  } else if (kind === 4) {
    const length = view.getUint32(4);
    const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    const blob = new Blob([buffer.slice(8 + length)], { type: about.image_type });
    events.preview({ key: String(about.display_node_id ?? about.node_id), promptId: about.prompt_id ?? null, blob });
  }
}
