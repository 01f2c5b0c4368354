/* The doctor, and a report to copy: what the plugin tells of itself, without titles and paths. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;

  /** Only numbers, words of ours and moments: nothing that names a scene, a path or a server. */
  function report(answer) {
    const { state, queue, outages, reconciliation, paths, hours, dead_letters: dead } = answer;
    const { active: _active, next: _next, ...counts } = queue;
    return {
      at: new Date(answer.now * 1000).toISOString(),
      state: { ...state, sentence: state.kind },
      queue: counts,
      dead_letters: dead.groups.map(({ error_type, count }) => ({ error_type, count })),
      outages,
      reconciliation: { ...reconciliation, summary: undefined },
      paths: { ...paths, learned: paths.learned.length },
      hours,
      settings: answer.settings
        .filter((one) => typeof one.value !== "string")
        .map(({ name, value }) => name + "=" + value),
      browser: window.navigator.userAgent,
    };
  }

  S.Doctor = ({ answer }) => {
    const [{ busy, told }, run] = S.useRun();
    const [text, show] = React.useState("");
    const copy = () => {
      const made = JSON.stringify(report(answer), null, 1);
      show(made);
      if (window.navigator.clipboard) {
        window.navigator.clipboard.writeText(made).catch(() => {}); // it is there to be marked
      }
    };
    return h(
      S.Section,
      { title: "Doctor" },
      h(
        "div",
        { className: "s2p-acts" },
        h(S.Act, {
          label: "Run doctor",
          variant: "primary",
          busy,
          onClick: () => run(() => S.run("doctor")),
        }),
        h(S.Act, { label: "Report to copy", onClick: copy })
      ),
      h(S.Told, { told }),
      text
        ? h("textarea", {
            className: "form-control s2p-report",
            "aria-label": "Report without titles and paths",
            readOnly: true,
            rows: 12,
            value: text,
          })
        : null
    );
  };
})(window.Stash2Plex);
