/* The section "Doctor": a button to run the Doctor, and a button to copy a bug report. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;

  function anonymousReport(answer) {
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
        .filter(({ value }) => typeof value !== "string")
        .map(({ name, value }) => name + "=" + value),
      browser: window.navigator.userAgent,
    };
  }

  S.Doctor = ({ answer }) => {
    const [{ busy, answer: result }, run] = S.useRun();
    const [text, setText] = React.useState("");
    const copy = () => {
      const json = JSON.stringify(anonymousReport(answer), null, 1);
      setText(json);
      if (window.navigator.clipboard) {
        window.navigator.clipboard.writeText(json).catch(() => {});
      }
    };
    return h(
      S.Section,
      { title: "Doctor" },
      h(
        "div",
        { className: "s2p-actions" },
        h(S.ActionButton, {
          label: "Run doctor",
          variant: "primary",
          busy,
          onClick: () => run(() => S.run("doctor")),
        }),
        h(S.ActionButton, { label: "Copy report", onClick: copy })
      ),
      h(S.Answer, { answer: result }),
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
