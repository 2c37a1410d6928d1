/** How nodes stood in their runs when they were painted, so that news of a run repaint only the nodes that they are about. */

/** @import { Bounds, Node } from "../model/types.js" */
/** @import { NodeRun } from "../engine/board.js" */
/** @import { View } from "./view.js" */

/** How far a preview or a list of problems hangs below its node. */
const HANG = 360;

/** Compares what the board says with what is on screen, at most once a frame. */
export class Standing {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.isOld = false;
    /** @type {Map<string, {run: Readonly<NodeRun>, output: string, problems: number}>} */ this.seen = new Map();
  }

  /** Damages the nodes of which the board says something new. */
  damage() {
    if (!this.isOld) return;
    this.isOld = false;
    const { view } = this;
    const hasProblems = view.board.problems.length > 0;
    for (const node of view.scene.nodesIn(view.painter.area())) {
      const before = this.seen.get(node.id);
      const run = view.runOf(node);
      const { pictures, texts } = view.outputOf(node);
      const output = pictures.length + texts.length === 0 ? "" : `${pictures.join()} ${texts.join()}`;
      const problems = hasProblems ? view.problemsOf(node).length : 0;
      if (before ? before.run === run && before.output === output && before.problems === problems : isBlank(run, output, problems)) continue;
      this.seen.set(node.id, { run, output, problems });
      const [x, y, width, height] = view.scene.shape(node).bounds;
      const hangs = problems > 0 || (before?.problems ?? 0) > 0 || isHanging(run) || isHanging(before?.run) ||
        output !== "" || (before?.output ?? "") !== "";
      view.redrawPart([x, y, width, height + (hangs ? HANG : 0)]);
    }
  }

  /** @param {Bounds} part @returns {Node[]} nodes of which a preview or problems may hang into a part */
  hangersIn([x, y, width, height]) {
    const { view } = this;
    const { problems, runs, outputs } = view.board;
    const isNone = problems.length === 0 && ![...runs.values()].some(isHanging) && ![...outputs.values()].some(({ texts }) => texts.length > 0);
    if (isNone) return [];
    return view.scene.nodesIn([x, y - HANG, width, height + HANG]);
  }
}

/** @param {Readonly<NodeRun> | undefined} run @returns {boolean} whether it shows something below its node */
function isHanging(run) {
  return run !== undefined && (run.preview !== null || run.text !== "");
}

/** @param {Readonly<NodeRun>} run @param {string} output @param {number} problems @returns {boolean} */
function isBlank(run, output, problems) {
  return run.state === "idle" && output === "" && problems === 0;
}
