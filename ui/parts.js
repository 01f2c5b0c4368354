/* The few parts that every section is made of. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;

  S.Section = ({ title, note, children }) => {
    const id = "s2p-" + title.toLowerCase().replace(/\W+/g, "-");
    return h(
      "section",
      { className: "s2p-section", "aria-labelledby": id },
      h("h2", { id }, title, note ? h("small", null, note) : null),
      children
    );
  };

  S.Time = ({ at }) =>
    at
      ? h(
          "time",
          { dateTime: new Date(at * 1000).toISOString(), title: new Date(at * 1000).toString() },
          S.clock(at)
        )
      : h("span", null, "–");

  /** A scene by its title, which may be anything at all. */
  S.Scene = ({ id, title }) => {
    const text = S.cut(title, 120) || (id ? "Scene " + id : "A job without a scene");
    const name = h("bdi", { className: "s2p-title" }, text);
    return id ? h(S.router.Link, { to: "/scenes/" + id }, name) : name;
  };

  S.Facts = ({ facts }) =>
    h(
      "dl",
      { className: "s2p-facts" },
      facts.map(([name, value]) =>
        h("div", { key: name }, h("dt", null, name), h("dd", null, value))
      )
    );

  S.Table = ({ head, rows, empty }) =>
    rows.length === 0
      ? h("p", { className: "s2p-quiet" }, empty)
      : h(
          "div",
          { className: "s2p-scroll", tabIndex: 0 },
          h(
            "table",
            { className: "table table-sm s2p-table" },
            h("thead", null, h("tr", null, head.map((one) => h("th", { key: one }, one)))),
            h(
              "tbody",
              null,
              rows.map((cells, row) =>
                h("tr", { key: row }, cells.map((cell, at) => h("td", { key: at }, cell)))
              )
            )
          )
        );

  /** Whether the component is still there, for what is answered later. */
  S.useAlive = () => {
    const alive = React.useRef(true);
    React.useEffect(() => () => (alive.current = false), []);
    return alive;
  };

  /** Runs something once at a time and remembers what it told; an error is told like an answer. */
  S.useRun = () => {
    const [state, set] = React.useState({ busy: false, told: null });
    const alive = S.useAlive();
    const run = async (ask) => {
      set({ busy: true, told: null });
      let told;
      try {
        told = await ask();
      } catch (error) {
        told = { level: "fault", text: error.message };
      }
      if (alive.current) {
        set({ busy: false, told });
      }
      S.refresh();
      return told;
    };
    return [state, run];
  };

  /** A button; one that takes something away asks by its own label and wants a second click. */
  S.Act = ({ label, sure, busy, onClick, variant }) => {
    const [asked, ask] = React.useState(false);
    const click = () => {
      if (sure && !asked) {
        ask(true);
        return;
      }
      ask(false);
      onClick();
    };
    return h(
      S.bootstrap.Button,
      {
        size: "sm",
        variant: asked ? "danger" : variant || "secondary",
        disabled: busy,
        onClick: click,
        onBlur: () => ask(false),
      },
      asked ? sure : label
    );
  };
})(window.Stash2Plex);
