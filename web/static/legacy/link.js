/** Links as packs see them, and the table of links that is an object and a map at once. */

/** A link by number. */
export class LLink {
  constructor(id, type, originId, originSlot, targetId, targetSlot) {
    this.id = id;
    this.type = type;
    this.origin_id = originId;
    this.origin_slot = originSlot;
    this.target_id = targetId;
    this.target_slot = targetSlot;
    this.color = null;
    this.data = null;
    this.parentId = undefined;
  }

  serialize() {
    return [this.id, this.origin_id, this.origin_slot, this.target_id, this.target_slot, this.type];
  }

  asSerialisable() {
    const { id, type, origin_id, origin_slot, target_id, target_slot } = this;
    return { id, type, origin_id, origin_slot, target_id, target_slot };
  }

  resolve(graph) {
    const outputNode = graph.getNodeById(this.origin_id);
    const inputNode = graph.getNodeById(this.target_id);
    return { link: this, outputNode, inputNode, output: outputNode?.outputs?.[this.origin_slot], input: inputNode?.inputs?.[this.target_slot] };
  }
}

/** A map of links that also answers `links[id]`, `Object.values(links)` and `id in links`. */
export function linkTable() {
  /** @type {Map<number, LLink>} */
  const map = new Map();
  const key = (name) => (typeof name === "string" && /^\d+$/.test(name) ? Number(name) : undefined);
  return new Proxy(map, {
    get(target, name) {
      const id = key(name);
      if (id !== undefined) return target.get(id);
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    has: (target, name) => (key(name) === undefined ? name in target : target.has(Number(name))),
    ownKeys: (target) => [...target.keys()].map(String),
    getOwnPropertyDescriptor(target, name) {
      const id = key(name);
      return id !== undefined && target.has(id) ? { value: target.get(id), enumerable: true, configurable: true, writable: true } : undefined;
    },
    set(target, name, value) {
      const id = key(name);
      if (id === undefined) return Reflect.set(target, name, value);
      target.set(id, value);
      return true;
    },
    deleteProperty(target, name) {
      const id = key(name);
      if (id !== undefined) target.delete(id);
      return true;
    },
  });
}
