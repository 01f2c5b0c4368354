(function (S) {
  "use strict";
  const h = S.h;
  const WHY = {
    PlexServerDown: "Plex was down",
    PlexTemporaryError: "Plex failed on this scene",
    PlexNotFound: "Plex does not have the file yet",
    StashUnavailable: "Stash did not answer",
  };

  function nextTry(job, now) {
    return job.due > now ? h(S.Time, { at: job.due }) : "now";
  }

  function reason(job) {
    if (!job.error) {
      return job.due ? "postponed" : "not tried yet";
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
          ["scheduled for later", queue.retrying.toLocaleString("en")],
        ],
      }),
      h(S.Table, {
        head: ["Scene", "Next try", "Reason"],
        rows: [
          ...queue.active.map((job) => [scene(job), "in progress", "–"]),
          ...queue.next.map((job) => [scene(job), nextTry(job, now), reason(job)]),
        ],
        empty: "No job is waiting.",
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
        head: ["Time", "Scene", "Changed fields"],
        rows: syncs.map((sync) => [
          h(S.Time, { at: sync.at }),
          h(S.Scene, { id: sync.scene_id, title: sync.title }),
          h("bdi", null, sync.outcome === "synced" ? sync.detail : sync.outcome + ": " + sync.detail),
        ]),
        empty: "No scene was synced yet.",
      })
    );
})(window.Stash2Plex);
