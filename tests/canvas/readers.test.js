/** Workflows inside files of every kind, and files that lie about themselves. */

import assert from "node:assert/strict";
import test from "node:test";

import { openFile } from "../../web/static/js/model/io/files.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readTexts } from "../../web/static/js/model/io/media/texts.js";
import { isParameters, readParameters } from "../../web/static/js/model/io/parameters.js";
import { starterDocument, starterWorkflow } from "../../web/static/js/model/starter.js";
import { DEFINITIONS, pick, randomness } from "./catalogue.js";

const WORKFLOW = JSON.stringify(starterWorkflow());
const PROMPT = JSON.stringify(writePrompt(starterDocument(DEFINITIONS), DEFINITIONS));

/** @param {number} value @param {number} count @param {boolean} little */
function uint(value, count, little = false) {
  const bytes = Array.from({ length: count }, (_, index) => Number((BigInt(value) >> BigInt(8 * (count - 1 - index))) & 255n));
  return Buffer.from(little ? bytes.reverse() : bytes);
}

/** @param {Uint8Array} bytes */
const blobOf = (bytes) => new Blob([new Uint8Array(bytes)]);
/** @param {...(string | Uint8Array)} parts */
const join = (...parts) => Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : part)));
/** @param {string} type @param {...(string | Uint8Array)} parts */
const box = (type, ...parts) => join(uint(8 + join(...parts).length, 4), Buffer.from(type, "latin1"), ...parts);

/** A TIFF structure of which the first directory holds texts. @param {[number, string][]} texts @param {boolean} little */
function tiff(texts, little) {
  const order = (/** @type {number} */ value, /** @type {number} */ count) => uint(value, count, little);
  let at = 8 + 2 + texts.length * 12 + 4;
  const entries = texts.map(([tag, text]) => {
    const entry = join(order(tag, 2), order(2, 2), order(Buffer.byteLength(text) + 1, 4), order(at, 4));
    at += Buffer.byteLength(text) + 1;
    return entry;
  });
  return join(little ? "II" : "MM", order(42, 2), order(8, 4), order(texts.length, 2), ...entries, order(0, 4), ...texts.flatMap(([, text]) => [text, "\0"]));
}

/** @param {Uint8Array} exif */
const webp = (exif) => join("RIFF", uint(0, 4), "WEBPVP8 ", uint(3, 4, true), "xxx\0", "EXIF", uint(exif.length, 4, true), exif);
/** @param {Uint8Array} exif */
const jpeg = (exif) => join(uint(0xffd8, 2), uint(0xffe1, 2), uint(exif.length + 8, 2), "Exif\0\0", exif, uint(0xffda, 2), "scan");

/** @param {string} name @param {string} text */
function mp4(name, text) {
  const keys = box("keys", uint(0, 4), uint(1, 4), box("mdta", name));
  const data = box("data", uint(1, 4), uint(0, 4), text);
  const list = box("ilst", join(uint(8 + data.length, 4), uint(1, 4), data));
  return join(box("ftyp", "isom"), box("mdat", "x".repeat(99)), box("moov", box("udta", box("meta", uint(0, 4), box("hdlr", "12345678"), keys, list))));
}

/** @param {Uint8Array} exif */
function avif(exif) {
  const infe = box("infe", uint(2, 1), uint(0, 3), uint(1, 2), uint(0, 2), "Exif\0");
  const iinf = box("iinf", uint(0, 4), uint(1, 2), infe);
  const ftyp = box("ftyp", "avif");
  const iloc = (/** @type {number} */ at) => box("iloc", uint(0, 4), uint(0x4400, 2), uint(1, 2), uint(1, 2), uint(0, 2), uint(1, 2), uint(at, 4), uint(exif.length + 4, 4));
  const meta = (/** @type {number} */ at) => box("meta", uint(0, 4), iinf, iloc(at));
  return join(ftyp, meta(ftyp.length + meta(0).length + 8), box("mdat", uint(0, 4), exif));
}

/** @param {number} id @param {Uint8Array | string} body */
const element = (id, body) => join(uint(id, Math.ceil(id.toString(16).length / 2)), uint(1, 1), uint(join(body).length, 7), body);
/** @param {string} name @param {string} text */
const webm = (name, text) => join(element(0x1a45dfa3, "webm"), uint(0x18538067, 4), uint(1, 1), Buffer.alloc(7, 255), element(0x1f43b675, "cluster"),
  element(0x1254c367, element(0x7373, element(0x67c8, join(element(0x45a3, name), element(0x4487, text))))));

/** @param {Record<string, string>} texts */
const comments = (texts) => join(uint(3, 4, true), "lib", uint(Object.keys(texts).length, 4, true),
  ...Object.entries(texts).flatMap(([name, text]) => [uint(Buffer.byteLength(`${name}=${text}`), 4, true), `${name}=${text}`]));
/** @param {Uint8Array} body */
const flac = (body) => join("fLaC", uint(0, 1), uint(2, 3), "in", uint(0x84, 1), uint(body.length, 3), body);

/** @param {Uint8Array} packet */
function ogg(packet) {
  const pages = [];
  const page = (/** @type {Uint8Array} */ lacing, /** @type {Uint8Array} */ body) => join("OggS", Buffer.alloc(22), uint(lacing.length, 1), lacing, body);
  pages.push(page(uint(4, 1), Buffer.from("Opus")));
  for (let at = 0; at <= packet.length; at += 255 * 200) {
    const body = packet.subarray(at, at + 255 * 200);
    const lacing = [...Buffer.alloc(Math.floor(body.length / 255), 255), ...(body.length < 255 * 200 ? [body.length % 255] : [])];
    pages.push(page(Buffer.from(lacing), body));
  }
  return join(...pages);
}

/** @param {number} size */
const safe = (size) => Buffer.from([21, 14, 7, 0].map((shift) => (size >> shift) & 127));
/** @param {string} name @param {string} text @param {number} version */
function mp3(name, text, version) {
  const body = version === 4 ? join(uint(3, 1), name, "\0", text) : join(uint(1, 1), Buffer.from(`\ufeff${name}\0\ufeff${text}`, "utf16le"));
  const frame = join("TXXX", version === 4 ? safe(body.length) : uint(body.length, 4), uint(0, 2), body);
  return join("ID3", uint(version, 1), uint(0, 2), safe(frame.length), frame, "sound");
}

/** @param {any} header @param {string} tensors */
const safetensors = (header, tensors) => join(uint(JSON.stringify(header).length, 8, true), JSON.stringify(header), tensors);
const GLTF = JSON.stringify({ asset: { version: "2.0", extras: { workflow: JSON.parse(WORKFLOW) } } });

/** @type {Record<string, Buffer>} */
const FILES = {
  "webp, little": webp(tiff([[0x10f, `workflow:${WORKFLOW}`], [0x110, `prompt:${PROMPT}`]], true)),
  "webp, big": webp(tiff([[0x10f, `Workflow: ${WORKFLOW}`]], false)), "jpeg": jpeg(tiff([[0x10e, JSON.stringify({ workflow: WORKFLOW })]], true)),
  "avif": avif(tiff([[0x10f, `workflow:${WORKFLOW}`]], false)), "mp4": mp4("workflow", WORKFLOW),
  "mp4, comment": mp4("comment", JSON.stringify({ prompt: PROMPT, workflow: JSON.parse(WORKFLOW) })), "webm": webm("WORKFLOW", WORKFLOW),
  "webm, comment": webm("COMMENT", JSON.stringify({ workflow: WORKFLOW })), "flac": flac(comments({ prompt: PROMPT, workflow: WORKFLOW })),
  "ogg": ogg(join("OpusTags", comments({ workflow: WORKFLOW, other: "x".repeat(90_000) }))), "mp3, 2.4": mp3("workflow", WORKFLOW, 4),
  "mp3, 2.3": mp3("workflow", WORKFLOW, 3), "safetensors": safetensors({ __metadata__: { workflow: WORKFLOW } }, "weights"),
  "glb": join("glTF", uint(2, 4, true), uint(20 + GLTF.length, 4, true), uint(GLTF.length, 4, true), "JSON", GLTF),
  "svg": Buffer.from(`<?xml version="1.0"?><svg><metadata><![CDATA[{"workflow": ${WORKFLOW}}]]></metadata></svg>`),
  "svg, escaped": Buffer.from(`<svg><metadata>${WORKFLOW.replaceAll('"', "&quot;")}</metadata></svg>`),
  "json, wrapped": Buffer.from(`\ufeff{"workflow": ${WORKFLOW}}`),
};

for (const [name, bytes] of Object.entries(FILES)) {
  test(`a workflow is found in ${name}`, async () => {
    const opened = await openFile(blobOf(bytes), DEFINITIONS);
    assert.equal(opened?.document.root.nodeByKey("3")?.position.join(), "762,190");
  });
}

test("a file that may carry a workflow and carries none is no error, one that cannot is told", async () => {
  for (const bytes of [webp(tiff([], true)), mp4("x", "y"), flac(comments({})), safetensors({ a: 1 }, "w"), Buffer.from("<svg></svg>")]) {
    assert.equal(await openFile(blobOf(bytes), DEFINITIONS), null);
  }
  await assert.rejects(openFile(new Blob(["hello"]), DEFINITIONS), /No workflow can be read from a file of this kind/);
  await assert.rejects(openFile(new Blob(["{broken"]), DEFINITIONS), /not valid JSON/);
});

test("files that are cut short or damaged are read as far as they go, soon, and never fail", { timeout: 60_000 }, async () => {
  const random = randomness(7);
  const files = Object.entries(FILES).filter(([name]) => !name.startsWith("json"));
  for (let round = 0; round < 400; round += 1) {
    const [name, bytes] = pick(random, files);
    const damaged = Buffer.from(bytes.subarray(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length));
    const head = Math.min(damaged.length, random() < 0.7 ? 400 : damaged.length);
    for (let count = 0; count < 6 && head > 0; count += 1) damaged[Math.floor(random() * head)] = pick(random, [0, 1, 127, 128, 255, Math.floor(random() * 256)]);
    const texts = await readTexts(blobOf(damaged));
    assert.ok(texts === null || texts.every(([, text]) => typeof text === "string"), `${name}, round ${round}`);
  }
});

const WORDS = `a castle, <lora:ink:0.7> (night:1.2)
second line
Negative prompt: blurry, low
quality
Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 18446744073709551615, Size: 640x512, Model hash: abc, Model: a, Clip skip: 2, Lora hashes: "ink: 1f, x: 2", Hires upscale: 2, Denoising strength: 0.4`;

test("the words of other programs become a graph that does the same", async () => {
  assert.ok(isParameters(WORDS) && !isParameters("Steps to take: 4"));
  const { negative, settings } = readParameters(WORDS);
  assert.deepEqual([negative, settings.get("lora hashes")], ["blurry, low\nquality", "ink: 1f, x: 2"]);
  const opened = await openFile(blobOf(jpeg(tiff([[0x10e, WORDS]], true))), DEFINITIONS);
  const nodes = [.../** @type {any} */ (opened).document.root.nodes.values()];
  const values = (/** @type {string} */ type) => nodes.filter((node) => node.type === type).map((node) => ({ ...node.values }));
  assert.deepEqual(values("CheckpointLoaderSimple"), [{ ckpt_name: "a.safetensors" }]);
  assert.deepEqual(values("CLIPTextEncode").map(({ text }) => text), ["a castle,  (night:1.2)\nsecond line", "blurry, low\nquality"]);
  const [first, second] = values("KSampler");
  assert.deepEqual(first, { seed: 2n ** 64n - 1n, steps: 25, cfg: 6.5, sampler_name: "dpmpp_2m", scheduler: "karras", denoise: 1 });
  assert.equal(second.denoise, 0.4);
  assert.deepEqual(values("EmptyLatentImage"), [{ width: 640, height: 512, batch_size: 1 }]);
  assert.deepEqual(nodes.filter(({ type }) => type === "LoraLoader").length, 1);
  assert.match(/** @type {any} */ (opened).doubts.at(-1).text, /rebuilt from words/);
});
