/* Shows a scene in Plex, now and with the unsaved settings of the form. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const HINT = "Number or title of a scene, or nothing for the last edited scene";

  /** `typed` returns the unsaved values; `mark` marks the values that the plugin refuses. */
  S.TrySettings = ({ typed, mark }) => {
    const [scene, setScene] = React.useState("");
    const [{ busy, answer }, run] = S.useRun();
    const submit = (event) => {
      event.preventDefault();
      run(async () => {
        const result = await S.run("try_settings", { scene, settings: typed() });
        mark(result);
        return result;
      });
    };
    return h(
      "form",
      { onSubmit: submit },
      h(
        "div",
        { className: "s2p-actions" },
        h("input", {
          className: "form-control form-control-sm text-input s2p-wide",
          "aria-label": "Scene to try the settings with",
          placeholder: HINT,
          value: scene,
          onChange: (event) => setScene(event.target.value),
        }),
        h(S.bootstrap.Button, { size: "sm", type: "submit", variant: "secondary", disabled: busy },
          "Try with a scene")
      ),
      h(S.Answer, { answer })
    );
  };
})(window.Stash2Plex);
