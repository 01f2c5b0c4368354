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
      { className: "nav-utility", exact: true, to: S.path, title: S.cut(short.text, 200),
        "aria-label": "Stash2Plex: " + S.cut(short.text, 200) },
      h(
        S.bootstrap.Button,
        { as: "span", className: "minimal d-flex align-items-center h-100 s2p-nav" },
        h(Sign),
        trouble ? h("span", { className: "s2p-badge s2p-" + short.level }, number) : null
      )
    );
  };

  S.api.patch.before("MainNavBar.UtilityItems", (props) => [
    { ...props, children: h(React.Fragment, null, h(NavButton), props.children) },
  ]);

  S.api.patch.before("SettingsToolsSection", (props) => {
    const { Setting } = S.api.components;
    const link = h(S.router.Link, { to: S.path },
      h(S.bootstrap.Button, { as: "span" }, "Stash2Plex"));
    const entry = Setting
      ? h(Setting, { heading: link, subHeading: "Queue, failures, paths and settings" })
      : link;
    return [{ ...props, children: h(React.Fragment, null, props.children, entry) }];
  });

  /* Stash's own list shows what is stored, an unset switch as off, and the token in clear. */
  S.api.patch.instead("PluginSettings", (...args) => {
    const [props] = args;
    const next = args[args.length - 1];
    if (props.pluginID !== S.id) {
      return next(...args.slice(0, -1));
    }
    return h(
      "div",
      null,
      h("p", { className: "s2p-told" }, "The settings are on the page ",
        h(S.router.Link, { to: S.path }, "Stash2Plex"),
        ", with the values that are in effect."),
      h("details", null, h("summary", null, "Stash's own list, with the token in clear"),
        next(...args.slice(0, -1)))
    );
  });

  S.wake();
})(window.Stash2Plex);
