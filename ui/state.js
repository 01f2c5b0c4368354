/* How things stand: one answer for the whole page, asked for while somebody looks; and its short
 * form, kept for all tabs, which is all that the navigation bar knows. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const KEY = "stash2plex.state";
  const MOVING = 5000; // ms between two answers while something happens; each starts a process
  const RESTING = 15000; // ms likewise while all is well
  const FRESH = 300000; // ms in which no tab asks for the navigation bar again
  const listeners = new Set();
  let now = { answer: null, error: "" };
  let watchers = 0;
  let timer = null;
  let asking = false;
  let again = false;
  let askedAt = -Infinity;

  function tell(next) {
    now = next;
    listeners.forEach((listener) => listener());
  }

  /** The sentence with its moment by the reader's clock. */
  S.sentence = (state) =>
    state.sentence.replace("{since}", state.since === null ? "" : S.clock(state.since));

  // -- the short form ------------------------------------------------------------------------

  function keep(short) {
    try {
      window.localStorage.setItem(KEY, JSON.stringify({ ...short, at: Date.now() }));
    } catch (error) {
      // private windows may have no storage: then each tab asks once
    }
    S.short = short;
    listeners.forEach((listener) => listener());
  }

  function keepFault(error) {
    if (error.answered) {
      keep({ level: "fault", text: S.cut(error.message, 200), count: 0 });
    }
  }

  function stored() {
    try {
      return JSON.parse(window.localStorage.getItem(KEY)) || null;
    } catch (error) {
      return null;
    }
  }

  function shorten(state) {
    return { level: state.level, text: S.sentence(state), count: state.need_you };
  }

  S.short = stored();

  /** Asks, for all tabs together once in a few minutes, and lets a worker start if jobs wait. */
  S.wake = async () => {
    const last = stored();
    if (document.hidden || (last && Date.now() - last.at < FRESH)) {
      return;
    }
    keep(last || { level: "ok", text: "Stash2Plex", count: 0 }); // before the answer: other tabs
    try {
      keep(shorten((await S.run("wake")).state));
    } catch (error) {
      keepFault(error);
    }
  };

  // -- the page's answer ---------------------------------------------------------------------

  function interval() {
    const answer = now.answer;
    const resting = answer && answer.level === "ok" && answer.state.waiting === 0;
    return resting ? RESTING : MOVING;
  }

  function plan() {
    window.clearTimeout(timer);
    timer = watchers && !document.hidden ? window.setTimeout(S.refresh, interval()) : null;
  }

  /** Asks for the whole page's answer; at most one question is under way, and one after it. */
  S.refresh = async () => {
    if (document.hidden || !watchers) {
      return;
    }
    if (asking) {
      again = true; // what is on its way may be older than what has just been done
      return;
    }
    asking = true;
    askedAt = Date.now();
    try {
      const answer = await S.run("overview");
      tell({ answer, error: "" });
      keep(shorten(answer.state));
    } catch (error) {
      tell({ answer: now.answer, error: error.message });
      keepFault(error);
    }
    asking = false;
    if (again) {
      again = false;
      S.refresh();
    } else {
      plan();
    }
  };

  function seen() {
    if (document.hidden) {
      window.clearTimeout(timer);
    } else if (watchers && Date.now() - askedAt >= MOVING) {
      S.refresh();
    } else {
      plan();
    }
  }

  document.addEventListener("visibilitychange", () => {
    seen();
    S.wake();
  });
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) {
      S.short = stored();
      listeners.forEach((listener) => listener());
    }
  });

  function useTold(read) {
    const [value, set] = React.useState(read);
    React.useEffect(() => {
      const listener = () => set(read());
      listeners.add(listener);
      listener();
      return () => listeners.delete(listener);
    }, []);
    return value;
  }

  /** The short form, without asking for it. */
  S.useShort = () => useTold(() => S.short);

  /** The page's answer, asked for again and again as long as a component uses it. */
  S.useAnswer = () => {
    React.useEffect(() => {
      watchers += 1;
      S.refresh();
      return () => {
        watchers -= 1;
        plan();
      };
    }, []);
    return useTold(() => now);
  };
})(window.Stash2Plex);
