/** Turns the server's refusals and failures into sentences about a node and an input. */

/** @import { Problem } from "../model/types.js" */

import { t } from "../words.js";

/** @type {Record<string, ((name: string, error: any) => string) | undefined>} */
const SENTENCES = {
  required_input_missing: (name) => t("\"{name}\" needs a link.", { name }),
  value_smaller_than_min: (name, error) => t("\"{name}\" is {value}, less than its smallest value {limit}.", given(name, error, limit(error, "min"))),
  value_bigger_than_max: (name, error) => t("\"{name}\" is {value}, more than its largest value {limit}.", given(name, error, limit(error, "max"))),
  value_not_in_list: (name, error) => t("\"{name}\" holds {value}, which is not there. Choose another.", given(name, error)),
  return_type_mismatch: (name, error) => t("\"{name}\" gets {type}, which it cannot take.", { name, type: show(error.extra_info?.received_type) }),
  invalid_input_type: (name, error) => t("\"{name}\" holds {value}, which does not fit.", given(name, error)),
};

/** @param {string} name @param {any} error @param {string} limit */
function given(name, error, limit = "") {
  return { name, value: show(error.extra_info?.received_value), limit };
}

/** @param {any} value @returns {string} */
function show(value) {
  return typeof value === "string" ? `"${value}"` : String(JSON.stringify(value) ?? "nothing");
}

/** @param {any} error @param {"min" | "max"} which @returns {string} */
function limit(error, which) {
  return String(error.extra_info?.input_config?.[1]?.[which] ?? "");
}

/**
 * Problems from the answer of `POST /prompt`.
 * @param {any} body `{error, node_errors}` @param {string} fallback
 * @returns {Problem[]}
 */
export function refusalProblems(body, fallback) {
  /** @type {Problem[]} */
  const problems = [];
  for (const [key, entry] of Object.entries(body?.node_errors ?? {})) {
    for (const error of entry?.errors ?? []) problems.push(nodeProblem(key, entry.class_type ?? "", error));
  }
  const { error } = body ?? {};
  if (problems.length > 0 || !error) {
    return problems.length > 0 ? problems : fallback ? [general(fallback, "")] : [];
  }
  const text = typeof error === "string" ? error : String(error.message ?? fallback);
  const details = typeof error === "string" ? "" : String(error.details ?? "");
  const key = /Node ID '#(.+?)'/.exec(details)?.[1] ?? error.extra_info?.node_id ?? null;
  return [{ key, input: null, title: t("The server refused the workflow"), text, details: key ? "" : details }];
}

/** @param {string} key @param {string} type @param {any} error @returns {Problem} */
function nodeProblem(key, type, error) {
  const input = error.extra_info?.input_name ?? null;
  const sentence = SENTENCES[error.type];
  const text = sentence && input ? sentence(input, error) : String(error.message ?? t("This node was refused."));
  return { key, input, title: type, text, details: sentence ? "" : String(error.details ?? "") };
}

/** @param {string} text @param {string} details @returns {Problem} */
function general(text, details) {
  return { key: null, input: null, title: t("The run did not start"), text, details };
}

/**
 * The problem in an `execution_error` message.
 * @param {any} data
 * @returns {Problem}
 */
export function failureProblem(data) {
  const kind = String(data.exception_type ?? "").split(".").at(-1);
  const message = String(data.exception_message ?? "").trim() || t("The node failed without a message.");
  const trace = Array.isArray(data.traceback) ? data.traceback.join("") : "";
  return {
    key: data.node_id == null ? null : String(data.node_id), input: null, title: data.node_type ?? "Run",
    text: message, details: [kind, trace].filter(Boolean).join("\n"),
  };
}
