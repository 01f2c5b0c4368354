/* The settings form shows the values in effect, except for the token, and saves only changes. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const LABELS =
    "query Stash2PlexLabels { plugins { id settings { name display_name description type } } }";
  const GROUPS = [
    ["Plex", /^plex_(url|token|library|verify)|timeout$/],
    ["Scenes", /^(only_(?!tags_)|never_|when_)/],
    ["Fields", new RegExp(
      "^(sync_|plain_|title_|sort_|edition_|tagline_|content_|fixed_|tags_|only_tags|leave_out|rename_" +
      "|performer_|collection|max_tags|preserve|remove_overlay)")],
    ["Paths and matching", /^(plex_unmatched|strict|skip|trigger)/],
    ["Pace", /^(max_scenes|quiet_|slow_)/],
    ["Reconciliation", /^reconcile/],
    ["Behaviour and log", /./],
  ];
  const SECRET = "plex_token";
  const LIBRARIES = "plex_library";

  function useLabels() {
    const [labels, set] = React.useState({});
    React.useEffect(() => {
      let alive = true;
      S.graphql(LABELS).then((data) => {
        const plugin = data.plugins.find(({ id }) => id === S.id);
        if (alive && plugin) {
          set(Object.fromEntries(plugin.settings.map((label) => [label.name, label])));
        }
      }, () => {});
      return () => (alive = false);
    }, []);
    return labels;
  }

  const grouped = (settings) => {
    const groups = GROUPS.map(([title]) => [title, []]);
    settings.forEach((setting) => {
      groups[GROUPS.findIndex(([, pattern]) => pattern.test(setting.name))][1].push(setting);
    });
    return groups;
  };

  const parsed = (setting, text) =>
    typeof setting.default === "number" && text.trim() !== "" && Number.isFinite(Number(text))
      ? Number(text)
      : text;

  const Input = ({ setting, id, value, change, problem }) => {
    const marks = problem ? { "aria-invalid": true, "aria-describedby": id + "-problem" } : {};
    if (typeof setting.default === "boolean" && typeof setting.value === "boolean") {
      return h("input", {
        id,
        type: "checkbox",
        checked: value,
        onChange: (event) => change(event.target.checked),
        ...marks,
      });
    }
    if (setting.choices && setting.choices.length) {
      return h(S.Select, {
        id,
        value,
        options: setting.choices.map((word) => [word, word]),
        onChange: change,
        ...marks,
      });
    }
    const secret = setting.name === SECRET;
    return h("input", {
      id,
      className: "form-control form-control-sm text-input",
      type: secret ? "password" : "text",
      autoComplete: secret ? "new-password" : "off",
      placeholder: secret && setting.value ? "set; type to replace it" : "",
      value: String(value),
      onChange: (event) => change(event.target.value),
      ...marks,
    });
  };

  const valueText = (value) =>
    value === true ? "on" : value === false ? "off" : value === "" ? "empty" : String(value);

  const Row = ({ setting, label, value, change, problem }) => {
    const id = "s2p-set-" + setting.name;
    return h(
      "div",
      { className: "s2p-setting" },
      h("label", { htmlFor: id }, label.display_name || setting.name),
      h(Input, { setting, id, value, change, problem }),
      problem
        ? h("p", { id: id + "-problem", className: "s2p-problem", role: "alert" },
            h("bdi", null, S.cut(problem, 600)))
        : null,
      h("small", null, label.description ||
        "Default " + valueText(setting.default) + (setting.allowed ? "; " + setting.allowed : ""))
    );
  };

  /** Render a check box for each library of Plex. `entry` is the library's name, or its number if
   * several libraries have this name. */
  S.Libraries = ({ offered, tested, value, change }) => {
    const entries = value.split(",").map((entry) => entry.trim()).filter(Boolean);
    const has = ({ entry, chosen }) => (value === tested ? chosen : entries.includes(entry));
    const toggle = (library, on) =>
      change(
        offered
          .filter((other) => (other === library ? on : has(other)))
          .map(({ entry }) => entry)
          .join(", ")
      );
    return h(
      "fieldset",
      { className: "s2p-libraries" },
      h("legend", null, entries.length ? "Libraries to sync" : "Libraries to sync: all"),
      offered.map((library, place) =>
        h(
          "label",
          { key: place },
          h("input", {
            type: "checkbox",
            checked: has(library),
            onChange: (event) => toggle(library, event.target.checked),
          }),
          h(
            "span",
            null,
            h("bdi", null, S.cut(library.name, 100)),
            library.entry === library.name ? null : ` (${library.entry})`,
            typeof library.items === "number" ? ", " + S.counted(library.items, "video") : null
          )
        )
      )
    );
  };

  function useLeaveWarning(isUnsaved) {
    React.useEffect(() => {
      const ask = (event) => event.preventDefault();
      isUnsaved && window.addEventListener("beforeunload", ask);
      return () => window.removeEventListener("beforeunload", ask);
    }, [isUnsaved]);
  }

  S.Settings = ({ settings, onSaved }) => {
    const labels = useLabels();
    const [changes, setChanges] = React.useState({});
    const [refused, setRefused] = React.useState({});
    const [saved, setSaved] = React.useState({});
    const [asked, setAsked] = React.useState(null);
    const [libraries, setLibraries] = React.useState(null);
    const alive = S.useAlive();
    const [{ busy, answer }, run] = S.useRun();
    React.useEffect(() => setSaved({}), [settings]);
    const unsaved = Object.keys(changes).length;
    useLeaveWarning(unsaved > 0);
    const stored = ({ name, value }) => (name === SECRET ? "" : name in saved ? saved[name] : value);
    const current = (setting) => (setting.name in changes ? changes[setting.name] : stored(setting));
    const change = (setting, value) => {
      const { [setting.name]: _old, ...others } = changes;
      setChanges(value === stored(setting) ? others : { ...others, [setting.name]: value });
      setRefused({ ...refused, [setting.name]: "" });
      setAsked(null);
    };
    /** Mark the refused fields and unfold their groups. Return whether a field was refused. */
    const mark = ({ refused: found }) => {
      const names = Object.keys(found || {});
      if (alive.current) {
        setRefused(found || {});
        names.slice(0, 1).forEach(S.toSetting);
      }
      return names.length > 0;
    };
    const typed = () => {
      const byName = new Map(settings.map((setting) => [setting.name, setting]));
      return Object.fromEntries(
        Object.entries(changes).map(([name, value]) => [
          name,
          typeof value === "string" ? parsed(byName.get(name), value) : value,
        ])
      );
    };
    const save = (confirmed) => {
      const values = typed();
      run(async () => {
        const result = await S.run("save_settings", { settings: values, confirmed });
        alive.current && setAsked(result.asks ? result : null);
        if (mark(result) || result.asks) {
          return result;
        }
        if (alive.current) {
          setSaved({ ...saved, ...changes });
          setChanges({});
        }
        onSaved && onSaved();
        S.wake(true);
        return result;
      });
    };
    const test = () =>
      run(async () => {
        const result = await S.run("test_connection", { settings: typed() });
        if (alive.current && !mark(result)) {
          setLibraries({
            offered: result.library_choices || [],
            tested: choice ? String(current(choice)) : "",
          });
        }
        return result;
      });
    const tryWith = async (scene) => {
      const result = await S.run("try_settings", { scene, settings: typed() });
      mark(result);
      return result;
    };
    const choice = settings.find(({ name }) => name === LIBRARIES);
    return h(
      S.Section,
      { title: "Settings", note: "values in effect" },
      h(S.router.Prompt, { when: unsaved > 0, message: "Leave without saving the settings?" }),
      h(
        "form",
        { onSubmit: (event) => (event.preventDefault(), save(false)) },
        grouped(settings).map(([title, group]) =>
          h(
            "details",
            { key: title, className: "s2p-group", open: title === "Plex" },
            h("summary", null, h("strong", null, title)),
            group.map((setting) =>
              h(Row, {
                key: setting.name,
                setting,
                label: labels[setting.name] || {},
                value: current(setting),
                change: (value) => change(setting, value),
                problem: setting.name in refused ? refused[setting.name] : setting.problem,
              })
            ),
            title === "Plex" && choice && libraries && libraries.offered.length
              ? h(S.Libraries, {
                  ...libraries,
                  value: String(current(choice)),
                  change: (value) => change(choice, value),
                })
              : null
          )
        ),
        h(
          "div",
          { className: "s2p-actions" },
          h(
            S.bootstrap.Button,
            { size: "sm", type: "submit", disabled: busy || !unsaved },
            unsaved ? "Save " + S.counted(unsaved, "change") : "Save"
          ),
          asked
            ? h(S.ActionButton, {
                label: "Save and sync " + S.counted(asked.scenes, "scene"),
                variant: "danger",
                busy,
                onClick: () => save(true),
              })
            : null,
          h(S.ActionButton, {
            label: "Test connection",
            busy,
            onClick: test,
          })
        )
      ),
      h(S.Answer, { answer }),
      h(S.TextForm, {
        label: "Scene to try the settings with",
        placeholder: "Number or title of a scene, or nothing for the last edited scene",
        button: "Try with a scene",
        request: tryWith,
      })
    );
  };
})(window.Stash2Plex);
