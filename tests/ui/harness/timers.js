/* Long timers are held: the tests say when their time has come, so that none of them waits for it. */
(function () {
  const start = window.setTimeout.bind(window);
  const stop = window.clearTimeout.bind(window);
  const held = new Map();
  let last = -1;
  window.setTimeout = (what, delay, ...args) => {
    if (!(delay >= 5000)) {
      return start(what, delay, ...args);
    }
    held.set(last, what);
    last -= 1;
    return last + 1;
  };
  window.clearTimeout = (id) => (held.delete(id) ? undefined : stop(id));
  window.harness = {
    held: () => held.size,
    fire: () => {
      const due = [...held.values()];
      held.clear();
      due.forEach((what) => what());
      return due.length;
    },
    hide: (hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    },
  };
})();
