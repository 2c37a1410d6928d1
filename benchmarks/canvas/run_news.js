/** In the page: a run tells of itself as the server does, `progress` and `previews` times a second. Answers with what was drawn. */
async ({ progress, previews, seconds }) => {
  const { runner, view, store } = sfumato;
  const { x, y, scale } = view.camera;
  const [node] = view.scene.nodesIn([x + 300 / scale, y + 300 / scale, 500 / scale, 300 / scale]);
  const key = view.keyOf(node);
  const prompt = Object.fromEntries([...store.graph.nodes.values()].map((one) => [one.key, {}]));
  const canvas = new OffscreenCanvas(256, 256);
  const context = canvas.getContext("2d");
  const frames = [];
  for (const colour of ["#456", "#654", "#564"]) {
    context.fillStyle = colour;
    context.fillRect(0, 0, 256, 256);
    frames.push(await canvas.convertToBlob({ type: "image/jpeg" }));
  }
  const about = { prompt_id: "news" };
  const job = runner.newJob("news", store.document.id, prompt);
  runner.jobs.set(job.id, job);
  runner.receive("execution_start", about);
  runner.receive("executing", { ...about, node: key });
  const two = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  await two();
  const counts = () => ({ draws: view.draws, ...view.painter.counts });
  const before = counts();
  const began = performance.now();
  let [told, shown, drawn, most, isOver] = [0, 0, 0, 0, false];
  const watch = () => {
    most = Math.max(most, view.draws - (drawn || view.draws));
    drawn = view.draws;
    if (!isOver) requestAnimationFrame(watch);
  };
  requestAnimationFrame(watch);
  performance.mark("news-begin");
  let took = 0;
  while (took < seconds) {
    took = (performance.now() - began) / 1000;
    // A page that was held up catches up, and tells no more than was asked for.
    const due = Math.min(took, seconds);
    for (; told < due * progress; told += 1) {
      runner.receive("progress_state", { ...about, nodes: { [key]: { state: "running", value: told % 1000, max: 1000 } } });
    }
    for (; shown < due * previews; shown += 1) void runner.showPreview({ key, promptId: "news", blob: frames[shown % 3] });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  performance.mark("news-end");
  await two();
  isOver = true;
  const after = counts();
  runner.receive("execution_success", about);
  runner.receive("executing", { ...about, node: null });
  return { took, told, shown, most, ...Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]])) };
}
