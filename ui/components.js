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

  S.Scene = ({ id, title }) => {
    const text = S.cut(title, 120) || (id ? "Scene " + id : "A job whose scene number cannot be read");
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
            h("thead", null, h("tr", null, head.map((name) => h("th", { key: name }, name)))),
            h(
              "tbody",
              null,
              rows.map((cells, row) =>
                h("tr", { key: row }, cells.map((cell, at) => h("td", { key: at }, cell)))
              )
            )
          )
        );

  S.Select = ({ options, onChange, ...rest }) =>
    h(
      "select",
      {
        className: "custom-select custom-select-sm input-control s2p-select",
        onChange: (event) => onChange(event.target.value),
        ...rest,
      },
      options.map(([value, label]) => h("option", { key: value, value }, label))
    );

  /** Return a React ref. Its value becomes false when React removes the component. */
  S.useAlive = () => {
    const alive = React.useRef(true);
    React.useEffect(() => () => (alive.current = false), []);
    return alive;
  };

  /** Return [{ busy, answer }, run]. The function `run` awaits a request and stores the answer. */
  S.useRun = () => {
    const [state, set] = React.useState({ busy: false, answer: null });
    const alive = S.useAlive();
    const run = async (request) => {
      set({ busy: true, answer: null });
      let answer;
      try {
        answer = await request();
      } catch (error) {
        answer = { level: "fault", text: error.message };
      }
      if (alive.current) {
        set({ busy: false, answer });
      }
      S.refresh();
      return answer;
    };
    return [state, run];
  };

  /** Render a button. With the text `confirmation`, the first click only shows this text. */
  S.ActionButton = ({ label, confirmation, busy, onClick, variant }) => {
    const [isAsking, setAsking] = React.useState(false);
    const click = () => {
      if (confirmation && !isAsking) {
        setAsking(true);
        return;
      }
      setAsking(false);
      onClick();
    };
    return h(
      S.bootstrap.Button,
      {
        size: "sm",
        variant: isAsking ? "danger" : variant || "secondary",
        disabled: busy,
        onClick: click,
        onBlur: () => setAsking(false),
      },
      isAsking ? confirmation : label
    );
  };

  S.TextForm = ({ label, placeholder, button, required, request }) => {
    const [text, setText] = React.useState("");
    const [{ busy, answer }, run] = S.useRun();
    const submit = (event) => {
      event.preventDefault();
      run(() => request(text));
    };
    return h(
      "form",
      { onSubmit: submit },
      h(
        "div",
        { className: "s2p-actions" },
        h("input", {
          className: "form-control form-control-sm text-input s2p-wide",
          "aria-label": label,
          placeholder: placeholder || label,
          value: text,
          onChange: (event) => setText(event.target.value),
        }),
        h(
          S.bootstrap.Button,
          {
            size: "sm",
            type: "submit",
            variant: "secondary",
            disabled: busy || (required && !text.trim()),
          },
          button
        )
      ),
      h(S.Answer, { answer })
    );
  };
})(window.Stash2Plex);
