/* As much of Stash's own page as its plugins hang on. */
(function () {
  const h = React.createElement;
  const { BrowserRouter, Route, Switch, Link, useParams } = ReactRouterDOM;
  const { Tab, Nav } = ReactBootstrap;
  const { patched, routes } = window.harness;
  const Children = ({ children }) => h(React.Fragment, null, children);

  const UtilityItems = patched("MainNavBar.UtilityItems", Children);
  const ToolsSection = patched("SettingsToolsSection", Children);
  const Tabs = patched("ScenePage.Tabs", Children);
  const TabContent = patched("ScenePage.TabContent", Children);
  const PluginSettings = patched("PluginSettings", ({ pluginID }) =>
    h("div", { className: "stash-settings" }, "Stash's own settings of " + pluginID));

  const Navigation = () =>
    h("nav", { className: "top-nav" }, h(Link, { to: "/" }, "Stash"),
      h("div", { className: "phone" }, h(UtilityItems)), h("div", { className: "desk" }, h(UtilityItems)));

  const ScenePage = () => {
    const { id } = useParams();
    const scene = { id };
    return h(Tab.Container, { id: "scene", defaultActiveKey: "details" },
      h(Nav, { variant: "tabs" },
        h(Tabs, { scene }, h(Nav.Item, null, h(Nav.Link, { eventKey: "details" }, "Details")))),
      h(Tab.Content, null,
        h(TabContent, { scene }, h(Tab.Pane, { eventKey: "details" }, "Details of scene " + id))));
  };

  const Settings = () => h("div", null, h(ToolsSection, null, h("p", null, "Stash's tools")),
    h(ToolsSection, null, h("p", null, "Stash's tools for scenes")),
    ["Stash2Plex", "Another"].map((id) => h(PluginSettings, { key: id, pluginID: id })));

  const theme = new URLSearchParams(window.location.search).get("theme") || "dark";
  document.body.className = theme;
  ReactDOM.render(
    h(BrowserRouter, null, h(Navigation),
      h(Switch, null,
        routes.map(({ path, component }) => h(Route, { key: path, path, component })),
        h(Route, { path: "/scenes/:id", component: ScenePage }),
        h(Route, { path: "/settings", component: Settings }),
        h(Route, { path: "/" }, h("p", null, "Stash")))),
    document.getElementById("root"));
})();
