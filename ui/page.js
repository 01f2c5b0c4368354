/* The page shows the state in a sentence, and then the sections. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const SIGN = { ok: "✓", warning: "!", fault: "✕" };
  const WORD = { ok: "OK", warning: "Warning", fault: "Error" };

  S.Sentence = ({ state }) =>
    h(
      "p",
      { className: "s2p-sentence s2p-" + state.level, role: "status" },
      h("span", { className: "s2p-sign", role: "img", "aria-label": WORD[state.level] },
        SIGN[state.level]),
      h("bdi", null, S.cut(S.sentence(state), 600))
    );

  const Remedy = ({ state }) => {
    const [{ busy, answer }, run] = S.useRun();
    const link = S.settingForState(state);
    if (!link && state.kind !== "down") {
      return null;
    }
    return h(
      "div",
      { className: "s2p-remedy" },
      state.remedy ? h("p", null, h("strong", null, "What to do: "), state.remedy, ".") : null,
      link
        ? h(S.ActionButton, { label: link[0], variant: "primary", onClick: () => S.toSetting(link[1]) })
        : h(S.ActionButton, { label: "Test connection", variant: "primary", busy,
            onClick: () => run(() => S.run("test_connection")) }),
      h(S.Answer, { answer })
    );
  };

  /** Show an error in place of the section that failed. */
  class ErrorBoundary extends React.Component {
    constructor(props) {
      super(props);
      this.state = { error: null };
    }

    static getDerivedStateFromError(error) {
      return { error };
    }

    render() {
      return this.state.error
        ? h("p", { className: "s2p-answer s2p-fault" }, "This section failed: ",
            String(this.state.error.message))
        : this.props.children;
    }
  }

  /* The most important section comes first. A wide screen has two columns. */
  const SECTIONS = [
    (answer) => h(S.DeadLetters, { letters: answer.dead_letters }),
    (answer) => h(S.Queue, { queue: answer.queue, now: answer.now }),
    (answer) => h(S.Syncs, { syncs: answer.syncs }),
    (answer) => h(S.Throughput, { hours: answer.hours, now: answer.now }),
    (answer) => h(S.Reconciliation, { reconciliation: answer.reconciliation }),
    (answer) => h(S.Outages, { outages: answer.outages, now: answer.now }),
    (answer) => h(S.Paths, { paths: answer.paths }),
    (answer) => h(S.Settings, { settings: answer.settings }),
    (answer) => h(S.Doctor, { answer }),
  ];

  const Part = ({ show, answer }) => show(answer);

  const Side = ({ side, answer }) =>
    h(
      "div",
      { className: "s2p-side" },
      SECTIONS.map((show, at) =>
        at % 2 === side
          ? h("div", { key: at, style: { order: at } }, h(ErrorBoundary, null, h(Part, { show, answer })))
          : null
      )
    );

  S.Page = () => {
    const { answer, error } = S.useOverview();
    React.useEffect(() => {
      document.title = "Stash2Plex | Stash";
    }, []);
    React.useEffect(() => {
      S.toSetting(S.linkedSetting());
    }, [answer === null]);
    const kind = answer && answer.state.kind;
    const isUnconfigured = kind === "unconfigured";
    const isSet = (name) => answer.settings.some((setting) => setting.name === name && setting.value);
    const isNew = isUnconfigured && answer.first_run && !isSet("plex_url") && !isSet("plex_token");
    const isFirstRun = answer && answer.first_run && !isUnconfigured && kind !== "disabled";
    return h(
      "div",
      { className: "s2p-page" },
      h("h1", null, "Stash2Plex"),
      answer && !isNew && !(isFirstRun && answer.state.level === "ok")
        ? h(S.Sentence, { state: answer.state })
        : null,
      answer && !isUnconfigured ? h(Remedy, { key: answer.state.kind, state: answer.state }) : null,
      error
        ? h("p", { className: "s2p-answer s2p-fault", role: "alert" },
            "The plugin did not answer: ", h("bdi", null, S.cut(error, 1000)))
        : null,
      answer || error ? null : h("p", { role: "status" }, "Loading…"),
      isUnconfigured ? h(S.Connect, { settings: answer.settings }) : null,
      isFirstRun ? h(S.FirstRun, { step: answer.first_run, settings: answer.settings }) : null,
      answer && !isUnconfigured && !isFirstRun
        ? h("div", { className: "s2p-sections" }, [0, 1].map((side) => h(Side, { key: side, side, answer })))
        : null
    );
  };

  S.api.register.route(S.path, S.Page);
})(window.Stash2Plex);
