/**
 * The shapes that the whole page speaks of: records of a document, definitions of node types, patches.
 *
 * Records are frozen: a change makes a new record. Input values are kept by name, never by position.
 */

/** @typedef {"fixed" | "increment" | "decrement" | "randomize"} ControlMode How a seed changes before each run. */
/** @typedef {"normal" | "mute" | "bypass"} NodeMode */
/** @typedef {readonly [number, number]} Point */
/** @typedef {readonly [number, number, number, number]} Bounds x, y, width, height */
/** @typedef {Readonly<Record<string, any>>} Kept What a file said beyond what we use; written back as it was. */

/**
 * A slot as a file stored it.
 * @typedef {Readonly<{name: string, type: string, kept: Kept}>} StoredSlot
 */

/**
 * One node of a graph. `position` is the corner below the title, as saved workflows have it.
 * @typedef {Readonly<{
 *   id: string, key: string, type: string, title: string | null,
 *   position: Point, size: Point, z: number,
 *   mode: NodeMode, collapsed: boolean, color: string | null,
 *   values: Readonly<Record<string, any>>, controls: Readonly<Record<string, ControlMode>>,
 *   inputs: readonly StoredSlot[], outputs: readonly StoredSlot[], kept: Kept,
 * }>} Node
 */

/**
 * A link from an output (by index) to an input (by name). `via` is the last reroute before its end; a hidden link is drawn
 * as labels at its ends.
 * @typedef {Readonly<{id: string, key: number, from: string, slot: number, to: string, input: string, type: string,
 *   via: string | null, hidden: boolean, kept: Kept}>} Link
 */

/** A point that links are led through. `parent` is the reroute before it, null where it follows the output. */
/** @typedef {Readonly<{id: string, key: number, position: Point, parent: string | null, kept: Kept}>} Reroute */

/**
 * A link of which one end is gone: it leads from an output to a reroute, or from a reroute to an input.
 * @typedef {Readonly<{id: string, key: number, from: string | null, slot: number, to: string | null, input: string,
 *   type: string, via: string, kept: Kept}>} Floating
 */

/** @typedef {Readonly<{id: string, key: number, title: string, bounds: Bounds, color: string | null, kept: Kept}>} Group */

/** A graph that nodes of its type stand for; its sockets are those of its entry and exit nodes. */
/** @typedef {Readonly<{id: string, name: string, kept: Kept}>} Subgraph */

/** @typedef {"node" | "link" | "reroute" | "floating" | "group" | "meta" | "graph"} RecordKind */
/** @typedef {Node | Link | Reroute | Floating | Group | Subgraph | Readonly<{id: string, value: any}>} AnyRecord */

/**
 * One record before and after; undefined means that it is not there.
 * @typedef {Readonly<{graph: string, kind: RecordKind, id: string, before: AnyRecord | undefined,
 *   after: AnyRecord | undefined}>} Patch
 */

/** @typedef {"int" | "float" | "combo" | "string" | "text" | "toggle" | "button" | "custom"} WidgetKind */

/**
 * What an input can hold when nothing is linked to it. Those of extensions may say more: `guest` paints a custom one,
 * `height` is its least, one that `grows` takes what is left, a hidden one is not shown, what is not `inPrompt` or not
 * `inFile` is left out there, and a `loose` one belongs to no input, so that nothing can be linked to it.
 * @typedef {Readonly<{
 *   kind: WidgetKind, fallback: any, min: number, max: number, step: number, round: number,
 *   options: readonly any[], seeded: boolean, upload: boolean, dynamic: boolean,
 *   placeholder: string, labelOn: string, labelOff: string,
 *   guest?: string, height?: number, grows?: boolean, hidden?: boolean, inPrompt?: boolean, inFile?: boolean, loose?: boolean,
 * }>} Widget
 */

/**
 * One input of a node type. `brings` are the inputs that each word of a drop-down adds; `grows` says that it stands for
 * a row of sockets; one that is `advanced` is shown where that is
 * asked for. `isForced` says that a link alone gives what others of its type hold in a widget.
 * @typedef {Readonly<{
 *   name: string, type: string, optional: boolean, tooltip: string, widget: Widget | null, label?: string, isForced?: boolean,
 *   advanced?: boolean,
 *   brings?: ReadonlyMap<any, readonly InputDefinition[]>,
 *   grows?: Readonly<{names: readonly string[], labels?: readonly string[], least: number, socket: InputDefinition}>,
 * }>} InputDefinition
 */
/** @typedef {Readonly<{name: string, type: string, tooltip: string, isList: boolean, label?: string}>} OutputDefinition */

/**
 * A node type as the server's catalogue describes it; one that stands for more than itself is added by its `insert`.
 * @typedef {Readonly<{
 *   type: string, name: string, category: string, description: string, module: string,
 *   inputs: readonly InputDefinition[], outputs: readonly OutputDefinition[],
 *   isOutput: boolean, isVirtual: boolean, deprecated: boolean, experimental: boolean, isSubgraph?: boolean,
 *   aliases?: readonly string[],
 *   insert?: (change: import("./document.js").Transaction, position: Point) => string,
 * }>} Definition
 */

/** @typedef {ReadonlyMap<string, Definition>} Definitions */

/**
 * An input as the canvas shows it: a socket, a widget, or both.
 * @typedef {Readonly<{name: string, label: string, type: string, optional: boolean, tooltip: string, widget: Widget | null}>} InputSlot
 */
/** @typedef {Readonly<{index: number, name: string, label: string, type: string, tooltip: string}>} OutputSlot */
/** @typedef {Readonly<{inputs: readonly InputSlot[], outputs: readonly OutputSlot[], isKnown: boolean}>} Slots */

/**
 * Something that is wrong, and where.
 * @typedef {Readonly<{key: string | null, input: string | null, title: string, text: string, details: string}>} Problem
 */

/** @typedef {Readonly<{ok: true}> | Readonly<{ok: false, code: string, reason: string}>} Verdict */

/**
 * One entry of the prompt that the server runs.
 * @typedef {{class_type: string, inputs: Record<string, any>, _meta?: {title: string}}} PromptNode
 */

export {};
