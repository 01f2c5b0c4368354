/* Requests to Stash, and through Stash to the plugin. The page sends no other requests. */
(function (S) {
  "use strict";
  const OPERATION =
    "mutation Stash2Plex($id: ID!, $args: Map!) { runPluginOperation(plugin_id: $id, args: $args) }";
  const TASK =
    "mutation Stash2PlexTask($id: ID!, $description: String, $args: Map!) " +
    "{ runPluginTask(plugin_id: $id, description: $description, args_map: $args) }";
  const JOB = "query Stash2PlexJob($id: ID!) { findJob(input: { id: $id }) { status error } }";

  function endpoint() {
    const base = document.querySelector("base"); // Stash may run below a path.
    return new URL("graphql", base ? base.href : window.location.origin + "/");
  }

  function errorOfStash(text) {
    const error = new Error(text);
    error.isOfStash = true;
    return error;
  }

  /** Send a GraphQL request and return the data. Throw an error with Stash's error messages. */
  S.graphql = async (query, variables) => {
    const response = await window.fetch(endpoint(), {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    const answer = await response.json().catch(() => ({}));
    if (answer.errors && answer.errors.length) {
      throw errorOfStash(answer.errors.map((error) => error.message).join("; "));
    }
    if (!answer.data) {
      throw errorOfStash("Stash answered with status " + response.status);
    }
    return answer.data;
  };

  /** Run a task of the plugin and return its answer, an object with at least `text`. */
  S.run = async (mode, args) => {
    const data = await S.graphql(OPERATION, { id: S.id, args: { ...args, mode, format: "json" } });
    const output = data.runPluginOperation;
    if (output && typeof output === "object") {
      return output;
    }
    return { text: String(output) };
  };

  S.task = async (mode, description, args) => {
    const data = await S.graphql(TASK, { id: S.id, description, args: { ...args, mode } });
    return { text: description + ": queued as a task in Stash", job: data.runPluginTask };
  };

  /** Return null for an unfinished task. For a finished task, return its error or an empty text. */
  S.endOfTask = async (job) => {
    const { findJob: found } = await S.graphql(JOB, { id: job });
    const isUnfinished = found && ["READY", "RUNNING", "STOPPING"].includes(found.status);
    return isUnfinished ? null : (found && found.error) || "";
  };
})(window.Stash2Plex);
