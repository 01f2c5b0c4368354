/* The ways to the page: a button in the navigation bar, whose badge shows trouble, and entries in
 * the settings. The bar is rendered twice and asks nothing; it shows the last answer of any tab. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;

  const Sign = () =>
    h("svg", { viewBox: "0 0 16 16", className: "s2p-icon", "aria-hidden": true },
      h("path", { d: "M1 3h7v2H3v6h5v2H1zM9 2l6 6-6 6V9.5H5v-3h4z" }));

  const NavButton = () => {
    const short = S.useShort() || { level: "ok", text: "Stash2Plex", count: 0 };
    const trouble = short.level !== "ok";
    const number = short.level === "warning" && short.count ? String(short.count) : "!";
    return h(
      S.router.NavLink,
      // The classes are on the link itself: Stash styles `minimal` on links and buttons only.
      { className: "nav-utility minimal d-flex align-items-center s2p-nav btn btn-primary",
        exact: true, to: S.path, title: S.cut(short.text, 200),
        "aria-label": "Stash2Plex: " + S.cut(short.text, 200) },
      h(Sign),
      trouble ? h("span", { className: "s2p-badge s2p-" + short.level }, number) : null
    );
  };

  S.api.patch.before("MainNavBar.UtilityItems", (props) => [
    { ...props, children: h(React.Fragment, null, h(NavButton), props.children) },
  ]);

  const shown = [];

  /** The entry in the settings, where Stash has several sections of tools: in the first only. */
  const ToolsEntry = () => {
    const { Setting } = S.api.components;
    const [first, set] = React.useState(false);
    React.useEffect(() => {
      const self = {};
      shown.push(self);
      set(shown[0] === self);
      return () => void shown.splice(shown.indexOf(self), 1);
    }, []);
    if (!first) {
      return null;
    }
    const link = h(S.router.Link, { to: S.path },
      h(S.bootstrap.Button, { as: "span" }, "Stash2Plex"));
    return Setting
      ? h(Setting, { heading: link, subHeading: "Queue, failures, paths and settings" })
      : link;
  };

  S.api.patch.before("SettingsToolsSection", (props) => [
    { ...props, children: h(React.Fragment, null, props.children, h(ToolsEntry)) },
  ]);

  /** The settings in their own place, asked for once; the page of them is Stash's. */
  const OwnSettings = () => {
    const [{ answer, error }, set] = React.useState({});
    const alive = S.useAlive();
    const tell = (told) => alive.current && set(told);
    const ask = () =>
      S.run("overview").then((found) => tell({ answer: found }),
        (fault) => tell({ error: fault.message }));
    React.useEffect(() => {
      ask();
    }, []);
    if (error) {
      return h("p", { className: "s2p-told s2p-fault", role: "alert" }, h("bdi", null, S.cut(error, 1000)));
    }
    return answer
      ? h(S.Settings, { settings: answer.settings, saved: ask })
      : h("p", { role: "status" }, "Looking…");
  };

  /** Stash's own list has the token in clear: it is not even made before somebody opens it. */
  const Masked = ({ list }) => {
    const [open, set] = React.useState(false);
    return h(
      "details",
      { onToggle: (event) => set(event.target.open) },
      h("summary", null, "Stash's own list, with the token in clear"),
      open ? list() : null
    );
  };

  /* Stash's own list shows what is stored, an unset switch as off, and the token in clear. */
  S.api.patch.instead("PluginSettings", (...args) => {
    const [props] = args;
    const next = args[args.length - 1];
    const theirs = () => next(...args.slice(0, -1));
    if (props.pluginID !== S.id) {
      return theirs();
    }
    return h(
      "div",
      { className: "s2p-own" },
      h("p", null, "How things stand is on the page ", h(S.router.Link, { to: S.path }, "Stash2Plex")),
      h(OwnSettings),
      h(Masked, { list: theirs })
    );
  });

  S.wake();
})(window.Stash2Plex);
