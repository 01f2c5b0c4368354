/* Adds the plugin to the navigation bar and the settings of Stash. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;

  const Icon = () =>
    h("svg", { viewBox: "0 0 16 16", className: "s2p-icon", "aria-hidden": true },
      h("path", { d: "M1 2h14v9H1zM3 4v5h10V4zM5 13h6v1H5zM6.5 4.7l4 1.8-4 1.8z" }));

  const NavButton = () => {
    const badge = S.useBadge() || { level: "ok", text: "Stash2Plex", count: 0 };
    const { pathname } = S.router.useLocation();
    React.useEffect(() => S.visit(pathname), [pathname]);
    const number = badge.level === "warning" && badge.count ? String(badge.count) : "!";
    return h(
      S.router.NavLink,
      // Stash styles `minimal` on links and buttons only, so the classes are on the link.
      { className: "nav-utility minimal d-flex align-items-center s2p-nav btn btn-primary",
        exact: true, to: S.path, title: S.cut(badge.text, 200),
        "aria-label": "Stash2Plex: " + S.cut(badge.text, 200) },
      h(Icon),
      badge.level === "ok"
        ? null
        : h("span", { className: "s2p-badge s2p-" + badge.level }, number)
    );
  };

  S.api.patch.before("MainNavBar.UtilityItems", (props) => [
    { ...props, children: h(React.Fragment, null, h(NavButton), props.children) },
  ]);

  const entries = [];

  const ToolsEntry = () => {
    const { Setting } = S.api.components;
    const [isFirst, setFirst] = React.useState(false);
    React.useEffect(() => {
      const self = {};
      entries.push(self);
      setFirst(entries[0] === self);
      return () => void entries.splice(entries.indexOf(self), 1);
    }, []);
    if (!isFirst) {
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

  const OwnSettings = () => {
    const [{ answer, error }, set] = React.useState({});
    const alive = S.useAlive();
    const show = (found) => alive.current && set(found);
    const load = () =>
      S.run("overview").then((found) => show({ answer: found }),
        (fault) => show({ error: fault.message }));
    React.useEffect(() => {
      load();
    }, []);
    if (error) {
      return h("p", { className: "s2p-answer s2p-fault", role: "alert" }, h("bdi", null, S.cut(error, 1000)));
    }
    return answer
      ? h(S.Settings, { settings: answer.settings, onSaved: load })
      : h("p", { role: "status" }, "Loading…");
  };

  /** Render Stash's own list of settings only after a click, because the list shows the token. */
  const Masked = ({ list }) => {
    const [isOpen, setOpen] = React.useState(false);
    return h(
      "details",
      { onToggle: (event) => setOpen(event.target.open) },
      h("summary", null, "Stash's own list of the settings (shows the token)"),
      isOpen ? list() : null
    );
  };

  /* Stash's own list of settings shows an unset switch as off, even if its default is on. */
  S.api.patch.instead("PluginSettings", (...args) => {
    const [props] = args;
    const next = args[args.length - 1];
    const stashList = () => next(...args.slice(0, -1));
    if (props.pluginID !== S.id) {
      return stashList();
    }
    return h(
      "div",
      { className: "s2p-own" },
      h("p", null, "Setup, queue, failures and diagnosis are on the page ",
        h(S.router.Link, { to: S.path }, "Stash2Plex")),
      h(OwnSettings),
      h(Masked, { list: stashList })
    );
  });
})(window.Stash2Plex);
