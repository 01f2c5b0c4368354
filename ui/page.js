/* The page: one sentence, then its reasons. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const SIGN = { ok: "✓", warning: "!", fault: "✕" };
  const WORD = { ok: "All is well", warning: "Needs attention", fault: "Something is wrong" };

  S.Sentence = ({ state }) =>
    h(
      "p",
      { className: "s2p-sentence s2p-" + state.level, role: "status" },
      h("span", { className: "s2p-sign", role: "img", "aria-label": WORD[state.level] },
        SIGN[state.level]),
      h("bdi", null, S.cut(S.sentence(state), 600))
    );

  /** Where the cure is when nothing goes on: a way to the setting, a look at the connection. */
  const Cure = ({ state }) => {
    const [{ busy, told }, run] = S.useRun();
    const cure = S.cureOfState(state);
    if (!cure && state.kind !== "down") {
      return null;
    }
    return h(
      "div",
      { className: "s2p-cure" },
      state.remedy ? h("p", null, h("strong", null, "What to do: "), state.remedy, ".") : null,
      cure
        ? h(S.Act, { label: cure[0], variant: "primary", onClick: () => S.toSetting(cure[1]) })
        : h(S.Act, { label: "Test connection", variant: "primary", busy,
            onClick: () => run(() => S.run("health_check")) }),
      h(S.Told, { told })
    );
  };

  /** One section's fault leaves the others standing. */
  class Guard extends React.Component {
    constructor(props) {
      super(props);
      this.state = { error: null };
    }

    static getDerivedStateFromError(error) {
      return { error };
    }

    render() {
      return this.state.error
        ? h("p", { className: "s2p-told s2p-fault" }, "This part cannot be shown: ",
            String(this.state.error.message))
        : this.props.children;
    }
  }

  /* In the order in which they matter; on a wide screen the odd ones stand on the left. */
  const SECTIONS = [
    (one) => h(S.Letters, { letters: one.dead_letters }),
    (one) => h(S.Queue, { queue: one.queue, now: one.now }),
    (one) => h(S.Syncs, { syncs: one.syncs }),
    (one) => h(S.Throughput, { hours: one.hours, now: one.now }),
    (one) => h(S.Reconciliation, { reconciliation: one.reconciliation }),
    (one) => h(S.Outages, { outages: one.outages, now: one.now }),
    (one) => h(S.Paths, { paths: one.paths }),
    (one) => h(S.Settings, { settings: one.settings }),
    (one) => h(S.Doctor, { answer: one }),
  ];

  const Part = ({ show, answer }) => show(answer);

  const Side = ({ side, answer }) =>
    h(
      "div",
      { className: "s2p-side" },
      SECTIONS.map((show, at) =>
        at % 2 === side
          ? h("div", { key: at, style: { order: at } }, h(Guard, null, h(Part, { show, answer })))
          : null
      )
    );

  S.Page = () => {
    const { answer, error } = S.useAnswer();
    React.useEffect(() => {
      document.title = "Stash2Plex | Stash";
    }, []);
    React.useEffect(() => {
      S.toSetting(S.settingAskedFor()); // its row is there as soon as there is an answer
    }, [answer === null]);
    return h(
      "div",
      { className: "s2p-page" },
      h("h1", null, "Stash2Plex"),
      answer ? h(S.Sentence, { state: answer.state }) : null,
      answer ? h(Cure, { key: answer.state.kind, state: answer.state }) : null,
      error
        ? h("p", { className: "s2p-told s2p-fault", role: "alert" },
            "The plugin does not answer: ", h("bdi", null, S.cut(error, 1000)))
        : null,
      answer || error ? null : h("p", { role: "status" }, "Looking…"),
      answer
        ? h("div", { className: "s2p-sections" }, [0, 1].map((side) => h(Side, { key: side, side, answer })))
        : null
    );
  };

  S.api.register.route(S.path, S.Page);
})(window.Stash2Plex);
