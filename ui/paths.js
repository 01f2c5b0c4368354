/* Paths: how many scenes Plex has, what was learned about its folders, and a tester. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;

  const Tester = () => {
    const [path, type] = React.useState("");
    const [{ busy, told }, run] = S.useRun();
    const submit = (event) => {
      event.preventDefault();
      run(() => S.run("try_path", { path }));
    };
    return h(
      "form",
      { onSubmit: submit },
      h(
        "div",
        { className: "s2p-acts" },
        h("input", {
          className: "form-control form-control-sm s2p-wide",
          "aria-label": "A file's path as Stash names it",
          placeholder: "A file's path as Stash names it",
          value: path,
          onChange: (event) => type(event.target.value),
        }),
        h(
          S.bootstrap.Button,
          { size: "sm", type: "submit", variant: "secondary", disabled: busy || !path.trim() },
          "Try path"
        )
      ),
      h(S.Told, { told })
    );
  };

  S.Paths = ({ paths }) => {
    const share = paths.scenes
      ? " (" + Math.min(100, (paths.in_plex / paths.scenes) * 100).toFixed(1) + " %)"
      : "";
    const [{ busy, told }, run] = S.useRun();
    return h(
      S.Section,
      { title: "Paths" },
      h(S.Facts, {
        facts: [
          ["scenes written to Plex", paths.in_plex.toLocaleString("en") + share],
          ["scenes in Stash", paths.scenes === null ? "–" : paths.scenes.toLocaleString("en")],
          ["files of Plex known", paths.plex_files.toLocaleString("en")],
          ["last listed", h(S.Time, { at: paths.listed_at })],
        ],
      }),
      h(S.Table, {
        head: ["Learned: Plex=>Stash", "For it", "Against it", "Used"],
        rows: paths.learned.map((one) => [
          h("bdi", null, S.cut(one.pair, 300)),
          one.agree.toLocaleString("en"),
          one.disagree.toLocaleString("en"),
          one.used ? "yes" : "no",
        ]),
        empty: "No path mapping was learned: none was needed so far.",
      }),
      h(Tester),
      h(
        "div",
        { className: "s2p-acts" },
        h(S.Act, {
          label: "Check all paths",
          busy,
          onClick: () => run(() => S.run("check_paths")),
        })
      ),
      h(S.Told, { told })
    );
  };
})(window.Stash2Plex);
