/* Settings: what is in effect (Stash shows an unset switch as off although it is on), what is
 * allowed, and saving only what was changed. The token is never shown; typing replaces it. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const LABELS =
    "query Stash2PlexLabels { plugins { id settings { name display_name description type } } }";
  const GROUPS = [
    ["Plex", /^plex_(url|token|library|verify)|timeout$/],
    ["Fields", /^(sync_|max_tags|preserve|remove_overlay)/],
    ["Paths and matching", /^(plex_unmatched|strict|skip|trigger)/],
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
        const mine = data.plugins.find((one) => one.id === S.id);
        if (alive && mine) {
          set(Object.fromEntries(mine.settings.map((one) => [one.name, one])));
        }
      }, () => {}); // the names of the settings do as well
      return () => (alive = false);
    }, []);
    return labels;
  }

  const grouped = (settings) => {
    const groups = GROUPS.map(([title]) => [title, []]);
    settings.forEach((one) => {
      groups[GROUPS.findIndex(([, pattern]) => pattern.test(one.name))][1].push(one);
    });
    return groups;
  };

  /** The value as it shall be stored: what was typed for a number as a number. */
  const typed = (setting, text) =>
    typeof setting.default === "number" && text.trim() !== "" && Number.isFinite(Number(text))
      ? Number(text)
      : text;

  const Input = ({ setting, id, value, change }) => {
    if (typeof setting.default === "boolean" && typeof setting.value === "boolean") {
      return h("input", {
        id,
        type: "checkbox",
        checked: value,
        onChange: (event) => change(event.target.checked),
      });
    }
    const secret = setting.name === SECRET;
    return h("input", {
      id,
      className: "form-control form-control-sm",
      type: secret ? "password" : "text",
      autoComplete: secret ? "new-password" : "off",
      placeholder: secret && setting.value ? "set; type to replace it" : "",
      value: String(value),
      onChange: (event) => change(event.target.value),
    });
  };

  const inWords = (value) =>
    value === true ? "on" : value === false ? "off" : value === "" ? "empty" : String(value);

  const Row = ({ setting, label, value, change }) => {
    const id = "s2p-set-" + setting.name;
    const isDefault = setting.name !== SECRET && setting.value === setting.default;
    return h(
      "div",
      { className: "s2p-setting" },
      h("label", { htmlFor: id, title: label.description || "" },
        label.display_name || setting.name),
      h(Input, { setting, id, value, change }),
      h(
        "small",
        null,
        setting.name === SECRET
          ? "never shown"
          : "default " + inWords(setting.default) + (isDefault ? ", in effect" : ""),
        setting.allowed && typeof setting.default !== "boolean" ? "; " + setting.allowed : ""
      )
    );
  };

  /** Plex's libraries to choose from; none chosen means all. The plugin says what chooses each:
   * its name, or its number where the name has a comma or is not the only one. */
  const Libraries = ({ offered, tested, value, change }) => {
    const typed = value.split(",").map((entry) => entry.trim()).filter(Boolean);
    const has = ({ entry, chosen }) => (value === tested ? chosen : typed.includes(entry));
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
      h("legend", null, typed.length ? "Libraries to sync" : "Libraries to sync: all"),
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
            library.entry === library.name ? null : ` (${library.entry})`
          )
        )
      )
    );
  };

  S.Settings = ({ settings, saved }) => {
    const labels = useLabels();
    const [changes, setChanges] = React.useState({});
    const [kept, keep] = React.useState({}); // what was saved, until the next answer has it
    const [libraries, setLibraries] = React.useState(null); // offered, for the tested setting
    const alive = S.useAlive();
    const [{ busy, told }, run] = S.useRun();
    React.useEffect(() => keep({}), [settings]);
    const unsaved = Object.keys(changes).length;
    const stored = (one) =>
      one.name === SECRET ? "" : one.name in kept ? kept[one.name] : one.value;
    const current = (one) => (one.name in changes ? changes[one.name] : stored(one));
    const change = (one, value) => {
      const { [one.name]: _old, ...others } = changes;
      const same = value === stored(one);
      setChanges(same ? others : { ...others, [one.name]: value });
    };
    const save = (event) => {
      event.preventDefault();
      const byName = new Map(settings.map((one) => [one.name, one]));
      const wanted = Object.fromEntries(
        Object.entries(changes).map(([name, value]) => [
          name,
          typeof value === "string" ? typed(byName.get(name), value) : value,
        ])
      );
      run(async () => {
        const answer = await S.run("save_settings", { settings: wanted });
        if (alive.current) {
          keep({ ...kept, ...changes });
          setChanges({});
        }
        saved && saved();
        return answer;
      });
    };
    const test = () =>
      run(async () => {
        const answer = await S.run("health_check");
        alive.current &&
          setLibraries({
            offered: answer.library_choices || [],
            tested: choice ? String(stored(choice)) : "",
          });
        return answer;
      });
    const choice = settings.find((one) => one.name === LIBRARIES);
    return h(
      S.Section,
      { title: "Settings", note: "as they are in effect" },
      h(
        "form",
        { onSubmit: save },
        grouped(settings).map(([title, group]) =>
          h(
            "details",
            { key: title, className: "s2p-group", open: title === "Plex" },
            h("summary", null, h("strong", null, title)),
            group.map((one) =>
              h(Row, {
                key: one.name,
                setting: one,
                label: labels[one.name] || {},
                value: current(one),
                change: (value) => change(one, value),
              })
            ),
            title === "Plex" && choice && libraries && libraries.offered.length
              ? h(Libraries, {
                  ...libraries,
                  value: String(current(choice)),
                  change: (value) => change(choice, value),
                })
              : null
          )
        ),
        h(
          "div",
          { className: "s2p-acts" },
          h(
            S.bootstrap.Button,
            { size: "sm", type: "submit", disabled: busy || !unsaved },
            unsaved ? "Save " + S.counted(unsaved, "change") : "Save"
          ),
          h(S.Act, {
            label: "Test connection",
            busy,
            onClick: test,
          })
        )
      ),
      h(S.Told, { told })
    );
  };
})(window.Stash2Plex);
