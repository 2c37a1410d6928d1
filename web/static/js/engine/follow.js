/** Follows a job by its stored events, from the first on: what it did before this page was there, and what it does now. */

/**
 * Tells a job's events as messages of the socket, until it is over or the returned function is called.
 * @param {string} jobId @param {(type: string, data: any) => void} receive @param {() => void} ended
 * @returns {() => void}
 */
export function followJob(jobId, receive, ended) {
  const source = new EventSource(`api/jobs/${encodeURIComponent(jobId)}/events`);
  for (const name of ["job_started", "nodes_cached", "node_started", "node_progress", "node_finished"]) {
    source.addEventListener(name, (event) => {
      for (const [type, data] of asMessages(name, JSON.parse(event.data))) receive(type, data);
    });
  }
  source.addEventListener("end", () => {
    source.close();
    ended();
  });
  return () => source.close();
}

/**
 * A stored event in the words of the socket.
 * @param {string} name @param {any} data
 * @returns {[string, any][]}
 */
export function asMessages(name, data) {
  const key = data.display_id || data.node_id;
  if (name === "job_started") return [["execution_start", {}]];
  if (name === "nodes_cached") return [["execution_cached", { nodes: data.nodes }]];
  if (name === "node_started") return [["executing", { node: key }]];
  const done = name === "node_finished";
  /** @type {[string, any]} */
  const progress = ["progress_state", {
    nodes: { [key]: { state: done ? "finished" : "running", value: done ? 1 : data.value, max: done ? 1 : data.total } },
  }];
  return done && data.ui ? [progress, ["executed", { node: key, output: data.ui }]] : [progress];
}
