/* The tab "Plex" of a scene shows the last sync and the differences, and can sync the scene. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const TAB = "stash2plex-tab";

  const Body = ({ id }) => {
    const [{ busy, answer }, run] = S.useRun();
    const [status, set] = React.useState(null);
    const alive = S.useAlive();
    const show = (found) => alive.current && set(found);
    const load = () => S.run("scene_status", { scene_id: id }).then(show, (error) =>
      show({ level: "fault", text: error.message }));
    React.useEffect(() => {
      set(null);
      load();
    }, [id]);
    const isWaiting = Boolean(status && status.jobs && status.jobs.length);
    React.useEffect(() => {
      const look = () => (document.hidden ? set({ ...status }) : load());
      const timer = isWaiting ? window.setTimeout(look, S.BUSY_INTERVAL) : null;
      return () => window.clearTimeout(timer);
    }, [status]);
    const runTask = (mode) => run(() => S.run(mode, { scene_id: id })).then(load);
    const remedy = status && status.remedy;
    const [failed] = status && status.letters ? [...status.letters, ...status.jobs] : [];
    const errorType = failed && (failed.error_type || failed.error);
    const isWrong = status && status.state && status.level !== "ok";
    const link = isWrong && (S.settingForState(status.state) || S.settingForError(errorType));
    const items = (status && status.items) || [];
    return h(
      "div",
      { className: "s2p-scene" },
      status
        ? h(S.Answer, { answer: { level: status.level, text: status.state
          ? S.sentence({ sentence: status.sentence, since: status.state.since }) : status.text } })
        : h("p", null, "Loading…"),
      remedy ? h("p", null, h("strong", null, "What to do: "), remedy, ".") : null,
      items.map((item) =>
        h("p", { key: item.rating_key }, "Plex item " + item.rating_key + ": " +
          (item.fields.join(", ") || "no fields") + " sent, last sync ", h(S.Time, { at: item.at }))
      ),
      h(
        "div",
        { className: "s2p-actions" },
        link ? h(S.SettingLink, { link }) : null,
        h(S.ActionButton, { label: "Sync now", variant: "primary", busy,
          onClick: () => runTask("sync_scene") }),
        h(S.ActionButton, { label: "What differs?", busy, onClick: () => runTask("inspect") }),
        h(S.router.Link, { to: S.path }, "Open Stash2Plex")
      ),
      h(S.Answer, { answer })
    );
  };

  /** Stash renders the tab only when the user opens it, so viewing a scene starts no process. */
  const Pane = ({ scene }) =>
    h(S.bootstrap.Tab.Pane, { eventKey: TAB, mountOnEnter: true, unmountOnExit: true },
      h(Body, { id: Number(scene.id) }));

  S.api.patch.before("ScenePage.Tabs", (props) => [
    {
      ...props,
      children: h(
        React.Fragment,
        null,
        props.children,
        h(S.bootstrap.Nav.Item, null, h(S.bootstrap.Nav.Link, { eventKey: TAB }, "Plex"))
      ),
    },
  ]);
  S.api.patch.before("ScenePage.TabContent", (props) => [
    {
      ...props,
      children: h(React.Fragment, null, props.children, h(Pane, { scene: props.scene })),
    },
  ]);
})(window.Stash2Plex);
