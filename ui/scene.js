/* A tab on a scene's page: in Plex? when synced? what differs? sync now. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const TAB = "stash2plex-tab";

  const Body = ({ id }) => {
    const [{ busy, told }, run] = S.useRun();
    const [status, set] = React.useState(null);
    const alive = S.useAlive();
    const tell = (told) => alive.current && set(told);
    const look = () => S.run("scene_status", { scene_id: id }).then(tell, (error) =>
      tell({ level: "fault", text: error.message }));
    React.useEffect(() => {
      set(null);
      look();
    }, [id]);
    const act = (mode) => run(() => S.run(mode, { scene_id: id })).then(look);
    const remedy = status && status.remedy;
    const [failed] = status && status.letters ? [...status.letters, ...status.jobs] : [];
    const error = failed && (failed.error_type || failed.error);
    const cure = status && status.state && (S.cureOfState(status.state) || S.cureOfError(error));
    const items = (status && status.items) || [];
    return h(
      "div",
      { className: "s2p-scene" },
      status ? h(S.Told, { told: { level: status.level, text: status.text } }) : h("p", null, "Looking…"),
      remedy ? h("p", null, h("strong", null, "What to do: "), remedy, ".") : null,
      items.map((item) =>
        h("p", { key: item.rating_key }, "Plex item " + item.rating_key + ": " +
          (item.fields.join(", ") || "nothing") + " sent, last ", h(S.Time, { at: item.at }))
      ),
      h(
        "div",
        { className: "s2p-acts" },
        cure ? h(S.SettingLink, { cure }) : null,
        h(S.Act, { label: "Sync now", variant: "primary", busy, onClick: () => act("sync_scene") }),
        h(S.Act, { label: "What differs?", busy, onClick: () => act("inspect") }),
        h(S.router.Link, { to: S.path }, "All of Stash2Plex")
      ),
      h(S.Told, { told })
    );
  };

  /** Asks only once its tab is open: looking at scenes starts no process. */
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
