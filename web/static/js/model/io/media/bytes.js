/** Reads parts of a file of any size, never past its end, whatever its fields claim. */

const MOST = 64 * 1024 * 1024;

/** A file that is too strange to go on with. */
export class BrokenFile extends Error {}

/** A file, read in parts. */
export class Source {
  /** @param {Blob} blob */
  constructor(blob) {
    this.blob = blob;
    this.size = blob.size;
  }

  /**
   * Some bytes, fewer at the end of the file.
   * @param {number} offset @param {number} length
   * @returns {Promise<Bytes>}
   */
  async read(offset, length) {
    if (length > MOST) throw new BrokenFile("A part of this file that should hold text is larger than 64 MB.");
    return new Bytes(new Uint8Array(await this.blob.slice(Math.max(0, offset), Math.max(0, offset) + Math.max(0, length)).arrayBuffer()));
  }
}

/** Bytes in memory; numbers past the end are 0, so that a field that lies leads to nothing found and not to a failure. */
export class Bytes {
  /** @param {Uint8Array<ArrayBuffer>} array */
  constructor(array) {
    this.array = array;
    this.view = new DataView(array.buffer, array.byteOffset, array.byteLength);
    this.size = array.byteLength;
  }

  /** @param {number} offset @param {number} end @returns {Bytes} */
  part(offset, end = this.size) {
    return new Bytes(this.array.subarray(Math.max(0, offset), Math.max(0, Math.min(end, this.size))));
  }

  /** @param {number} offset @param {number} count of bytes, 1 to 8 @param {boolean} little @returns {number} */
  uint(offset, count, little = false) {
    if (offset < 0 || offset + count > this.size) return 0;
    let value = 0;
    for (let index = 0; index < count; index += 1) value = value * 256 + this.array[offset + (little ? count - 1 - index : index)];
    return value;
  }

  /** Bytes as letters one to one. @param {number} offset @param {number} length @returns {string} */
  latin(offset = 0, length = this.size - offset) {
    // Not by TextDecoder, whose "latin1" is windows-1252: the first byte of a PNG would be another letter.
    let text = "";
    for (const byte of this.array.subarray(offset, offset + Math.max(0, length))) text += String.fromCharCode(byte);
    return text;
  }

  /** @param {number} offset @param {number} length @param {string} encoding @returns {string} */
  text(offset = 0, length = this.size - offset, encoding = "utf-8") {
    return new TextDecoder(encoding).decode(this.array.subarray(offset, offset + Math.max(0, length)));
  }

  /** Where a byte stands from an offset on, or -1. @param {number} byte @param {number} offset */
  find(byte, offset = 0) {
    return this.array.indexOf(byte, offset);
  }
}
