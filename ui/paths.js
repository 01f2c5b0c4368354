/* The section of paths: scenes found in Plex, learned path maps, and a test of a path. */
(function (S) {
  "use strict";
  const h = S.h;

  S.Paths = ({ paths }) => {
    const share = paths.scenes
      ? " (" + Math.min(100, (paths.in_plex / paths.scenes) * 100).toFixed(1) + " %)"
      : "";
    const [{ busy, answer }, run] = S.useRun();
    return h(
      S.Section,
      { title: "Paths" },
      h(S.Facts, {
        facts: [
          ["synced scenes", paths.in_plex.toLocaleString("en") + share],
          ["scenes in Stash", paths.scenes === null ? "–" : paths.scenes.toLocaleString("en")],
          ["known files in Plex", paths.plex_files.toLocaleString("en")],
          ["last read from Plex", h(S.Time, { at: paths.listed_at })],
        ],
      }),
      h(S.Table, {
        head: ["Learned path map (Plex=>Stash)", "Files that agree", "Files that disagree", "In use"],
        rows: paths.learned.map((mapping) => [
          h("bdi", null, S.cut(mapping.pair, 300)),
          mapping.agree.toLocaleString("en"),
          mapping.disagree.toLocaleString("en"),
          mapping.used ? "yes" : "no",
        ]),
        empty: "No path map was learned: the paths match, or a path map is in the settings.",
      }),
      h(S.TextForm, {
        label: "Path of a file in Stash",
        button: "Test path",
        required: true,
        request: (path) => S.run("try_path", { path }),
      }),
      h(
        "div",
        { className: "s2p-actions" },
        h(S.ActionButton, {
          label: "Check Path Mapping",
          busy,
          onClick: () => run(() => S.run("check_paths")),
        })
      ),
      h(S.Answer, { answer })
    );
  };
})(window.Stash2Plex);
