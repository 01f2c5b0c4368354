(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const SCOPES = [
    ["reconcile_recent", "scenes of the last 24 hours"],
    ["reconcile_7days", "scenes of the last 7 days"],
    ["reconcile_all", "all scenes"],
  ];
  const GAPS = {
    empty_metadata: "empty in Plex",
    stale_sync: "different in Plex",
    missing: "not in Plex",
  };

  S.Reconciliation = ({ reconciliation: last }) => {
    const [mode, setMode] = React.useState(SCOPES[0][0]);
    const [{ busy, answer }, run] = S.useRun();
    const description = "Compare " + SCOPES.find(([name]) => name === mode)[1];
    return h(
      S.Section,
      { title: "Reconciliation", note: last.runs ? S.counted(last.runs, "run") : "never run" },
      last.under_way
        ? h("p", { role: "status" }, "Running: " + last.under_way.scenes_checked.toLocaleString("en") +
            " of " + S.counted(last.under_way.scenes_in_all, "scene"))
        : null,
      last.runs
        ? h(S.Facts, {
            facts: [
              ["last run", h(S.Time, { at: last.last_run_at })],
              ["scope", last.scope],
              ["scenes checked", last.scenes_checked.toLocaleString("en")],
              ...Object.entries(last.gaps_by_type).map(([name, number]) =>
                [GAPS[name] || name, number.toLocaleString("en")]),
              ["queued", last.enqueued.toLocaleString("en")],
            ],
          })
        : null,
      last.summary ? h("p", null, h("bdi", null, last.summary)) : null,
      h(
        "div",
        { className: "s2p-actions" },
        h(S.Select, {
          "aria-label": "Which scenes to compare",
          value: mode,
          options: SCOPES,
          onChange: setMode,
        }),
        h(S.ActionButton, {
          label: "Run now",
          variant: "primary",
          busy,
          onClick: () => run(() => S.task(mode, description)),
        }),
        h(S.ActionButton, {
          label: "Dry run",
          busy,
          onClick: () => run(() => S.run(mode, { dry_run: true })),
        })
      ),
      h(S.Answer, { answer })
    );
  };
})(window.Stash2Plex);
