/* Requests the plugin's state while the page is visible. All browser tabs share the badge of the
 * navigation bar through localStorage. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const KEY = "stash2plex.state";
  // Each request starts a process. The intervals are in milliseconds.
  const BUSY_INTERVAL = 5000;
  const IDLE_INTERVAL = 15000;
  const WAKE_INTERVAL = 10000;
  S.BUSY_INTERVAL = BUSY_INTERVAL;
  const listeners = new Set();
  let current = { answer: null, error: "" };
  let watchers = 0;
  let timer = null;
  let isAsking = false;
  let askAgain = false;
  let askedAt = -Infinity;
  let wakeTimer = null;
  let visited = "";

  function publish(next) {
    current = next;
    listeners.forEach((listener) => listener());
  }

  /** Return the state as a sentence, with its time in the reader's time zone. */
  S.sentence = (state) =>
    state.sentence.replace("{since}", state.since === null ? "" : S.clock(state.since));

  function saveBadge(badge) {
    try {
      window.localStorage.setItem(KEY, JSON.stringify({ ...badge, at: Date.now() }));
    } catch (error) {
      // A private window may have no storage, so each tab then sends its own request.
    }
    S.badge = badge;
    listeners.forEach((listener) => listener());
  }

  function saveError(error) {
    // When the user leaves the page, the browser aborts requests. The badge ignores these errors.
    if (error.isOfStash) {
      saveBadge({ level: "fault", text: S.cut(error.message, 200), count: 0 });
    }
  }

  function readBadge() {
    try {
      return JSON.parse(window.localStorage.getItem(KEY)) || null;
    } catch (error) {
      return null;
    }
  }

  function badgeOf(state) {
    return { level: state.level, text: S.sentence(state), count: state.need_you };
  }

  S.badge = readBadge();

  /** Start a worker if jobs wait, and update the badge. A call soon after another call is postponed,
   * unless `now` is true. */
  S.wake = async (now) => {
    const last = readBadge();
    window.clearTimeout(wakeTimer);
    if (document.hidden || (watchers && !now)) {
      return;
    }
    if (!now && last && Math.abs(Date.now() - last.at) < WAKE_INTERVAL) {
      wakeTimer = window.setTimeout(S.wake, WAKE_INTERVAL);
      return;
    }
    // Save the time of this request first, so that other tabs do not send a request too.
    saveBadge(last || { level: "ok", text: "Stash2Plex", count: 0 });
    try {
      saveBadge(badgeOf((await S.run("wake")).state));
    } catch (error) {
      saveError(error);
    }
  };

  /** Start a worker if needed whenever Stash shows another page. */
  S.visit = (path) => {
    if (path !== visited) {
      visited = path;
      S.wake();
    }
  };

  function interval() {
    const answer = current.answer;
    const isIdle = answer && answer.level === "ok" && answer.state.waiting === 0;
    return isIdle ? IDLE_INTERVAL : BUSY_INTERVAL;
  }

  function schedule() {
    window.clearTimeout(timer);
    timer = watchers && !document.hidden ? window.setTimeout(S.refresh, interval()) : null;
  }

  /** Request the overview. If a request is still running, send another request after its end. */
  S.refresh = async () => {
    if (document.hidden || !watchers) {
      return;
    }
    if (isAsking) {
      askAgain = true;
      return;
    }
    isAsking = true;
    askedAt = Date.now();
    try {
      const answer = await S.run("overview");
      publish({ answer, error: "" });
      saveBadge(badgeOf(answer.state));
    } catch (error) {
      publish({ answer: current.answer, error: error.message });
      saveError(error);
    }
    isAsking = false;
    if (askAgain) {
      askAgain = false;
      S.refresh();
    } else {
      schedule();
    }
  };

  function onVisibility() {
    if (document.hidden) {
      window.clearTimeout(timer);
    } else if (watchers && Date.now() - askedAt >= BUSY_INTERVAL) {
      S.refresh();
    } else {
      schedule();
    }
  }

  document.addEventListener("visibilitychange", () => {
    onVisibility();
    S.wake();
  });
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) {
      S.badge = readBadge();
      listeners.forEach((listener) => listener());
    }
  });

  function usePublished(read) {
    const [value, set] = React.useState(read);
    React.useEffect(() => {
      const listener = () => set(read());
      listeners.add(listener);
      listener();
      return () => listeners.delete(listener);
    }, []);
    return value;
  }

  /** Return the last known badge without a request. */
  S.useBadge = () => usePublished(() => S.badge);

  /** Return { answer, error } of the last request for the overview. While a component uses this hook,
   * the requests are repeated. */
  S.useOverview = () => {
    React.useEffect(() => {
      watchers += 1;
      S.refresh();
      return () => {
        watchers -= 1;
        schedule();
      };
    }, []);
    return usePublished(() => current);
  };
})(window.Stash2Plex);
