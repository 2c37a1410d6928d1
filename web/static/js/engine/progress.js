/** How far a run is. */

/** @import { Job } from "./runner.js" */

/**
 * The part of its nodes that are done, with that of the one that runs.
 * @param {Job | null} job
 * @returns {number} from 0 to 1
 */
export function partOf(job) {
  const total = job?.keys.length ?? 0;
  if (!job || total === 0) return 0;
  const within = job.current && !job.finished.has(job.current) ? job.part : 0;
  return Math.min(total, job.finished.size + within) / total;
}
