/* What waits and what was done. */
(function (S) {
  "use strict";
  const h = S.h;
  const WHY = {
    PlexServerDown: "Plex was down",
    PlexTemporaryError: "Plex could not do it just then",
    PlexNotFound: "Plex does not have the file yet",
    StashUnavailable: "Stash did not answer",
  };

  function when(job, now) {
    return job.due > now ? h(S.Time, { at: job.due }) : "now";
  }

  function why(job) {
    if (!job.error) {
      return job.due ? "put off" : "edited";
    }
    const tries = job.retries ? " (" + S.counted(job.retries, "try").replace("trys", "tries") + ")" : "";
    return (WHY[job.error] || job.error) + tries;
  }

  S.Queue = ({ queue, now }) => {
    const total = queue.pending + queue.retrying + queue.in_progress;
    const shown = queue.active.length + queue.next.length;
    const scene = (job) => h(S.Scene, { id: job.scene_id, title: job.title });
    return h(
      S.Section,
      { title: "Queue", note: S.counted(total, "job") },
      h(S.Facts, {
        facts: [
          ["waiting", queue.pending.toLocaleString("en")],
          ["in progress", queue.in_progress.toLocaleString("en")],
          ["waiting for a retry", queue.retrying.toLocaleString("en")],
        ],
      }),
      h(S.Table, {
        head: ["Scene", "Next try", "Why"],
        rows: [
          ...queue.active.map((job) => [scene(job), "in progress", "–"]),
          ...queue.next.map((job) => [scene(job), when(job, now), why(job)]),
        ],
        empty: "Nothing waits.",
      }),
      total > shown
        ? h("p", { className: "s2p-quiet" }, "and " + S.counted(total - shown, "job") + " more")
        : null
    );
  };

  S.Syncs = ({ syncs }) =>
    h(
      S.Section,
      { title: "Recent syncs" },
      h(S.Table, {
        head: ["When", "Scene", "What changed"],
        rows: syncs.map((one) => [
          h(S.Time, { at: one.at }),
          h(S.Scene, { id: one.scene_id, title: one.title }),
          h("bdi", null, one.outcome === "synced" ? one.detail : one.outcome + ": " + one.detail),
        ]),
        empty: "Nothing was synced yet.",
      })
    );
})(window.Stash2Plex);
