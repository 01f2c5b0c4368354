/* Asking Stash, and through it the plugin. Nothing else is ever asked. */
(function (S) {
  "use strict";
  const OPERATION =
    "mutation Stash2Plex($id: ID!, $args: Map!) { runPluginOperation(plugin_id: $id, args: $args) }";
  const TASK =
    "mutation Stash2PlexTask($id: ID!, $what: String, $args: Map!) " +
    "{ runPluginTask(plugin_id: $id, description: $what, args_map: $args) }";

  function endpoint() {
    const base = document.querySelector("base"); // Stash may live behind a prefix
    return new URL("graphql", base ? base.href : window.location.origin + "/");
  }

  /** An error that was answered: one without an answer may only mean that the page was left. */
  function refusal(text) {
    const error = new Error(text);
    error.answered = true;
    return error;
  }

  /** The data of a GraphQL answer; an error is thrown with its text. */
  S.graphql = async (query, variables) => {
    const response = await window.fetch(endpoint(), {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    const answer = await response.json().catch(() => ({}));
    if (answer.errors && answer.errors.length) {
      throw refusal(answer.errors.map((one) => one.message).join("; "));
    }
    if (!answer.data) {
      throw refusal("Stash answered with status " + response.status);
    }
    return answer.data;
  };

  /** What the plugin answers to a mode: an object that has at least `text`. */
  S.run = async (mode, args) => {
    const all = { ...args, mode, format: "json" };
    const data = await S.graphql(OPERATION, { id: S.id, args: all });
    const output = data.runPluginOperation;
    if (output && typeof output === "object") {
      return output;
    }
    return { text: String(output) };
  };

  /** Queues a long run as a task of Stash, where its progress and its end are shown. */
  S.task = async (mode, what, args) => {
    await S.graphql(TASK, { id: S.id, what, args: { ...args, mode } });
    return { text: what + ": queued as a task of Stash" };
  };
})(window.Stash2Plex);
