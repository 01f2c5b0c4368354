/* The part of Stash's PluginApi that the page uses, with Stash's own meaning: patches are applied
 * where a component is rendered, `before` returns a list of arguments, `instead` gets `next` last. */
(function () {
  const patches = { before: {}, instead: {} };
  const routes = [];
  const add = (kind) => (name, fn) => {
    (patches[kind][name] = patches[kind][name] || []).push(fn);
  };

  function patched(name, Base) {
    return function Patched(props) {
      let args = [props];
      (patches.before[name] || []).forEach((fn) => {
        args = fn(...args);
        if (!Array.isArray(args)) {
          throw new Error("before " + name + " must return a list of arguments");
        }
      });
      const call = (patches.instead[name] || []).reduce(
        (next, fn) => (...given) => fn(...given, next),
        (given) => React.createElement(Base, given)
      );
      return call(...args);
    };
  }

  const Setting = ({ heading, subHeading }) =>
    React.createElement("div", { className: "setting" },
      React.createElement("h3", null, heading), React.createElement("div", null, subHeading));

  window.PluginApi = {
    React,
    ReactDOM,
    libraries: { Bootstrap: ReactBootstrap, ReactRouterDOM },
    components: { Setting },
    patch: { before: add("before"), instead: add("instead") },
    register: { route: (path, component) => routes.push({ path, component }) },
  };
  window.harness.patched = patched;
  window.harness.routes = routes;
})();
