/* The first run: choose libraries, check the paths, preview the changes, and sync all scenes. The
 * plugin stores the current step, because the user may leave the page and come back. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const STEPS = [["libraries", "Libraries"], ["paths", "Paths"], ["preview", "Preview and sync"]];
  const REASONS = {
    "no item": "Plex does not have the file",
    "several candidates": "several files in Plex may be this one",
  };
  const IMAGES = { poster: "poster", art: "background" };
  const LOOK_INTERVAL = 2000; // milliseconds

  function useQuestion(mode) {
    const [state, run] = S.useRun();
    const ask = () => run(() => S.run(mode));
    React.useEffect(() => void ask(), []);
    return [state, ask];
  }

  const Question = ({ state: { busy, answer }, ask, progress, children }) => {
    const [test, run] = S.useRun();
    const retest = async () => {
      const result = await run(() => S.run("test_connection"));
      result.level !== "fault" && ask();
    };
    if (busy || !answer) {
      return h("p", { role: "status" }, progress);
    }
    if (answer.level !== "fault") {
      return children;
    }
    return h(
      React.Fragment,
      null,
      h(S.Answer, { answer: { level: "fault", text: answer.text } }),
      h("p", null, h("strong", null, "What to do: "), "Remove the cause, then try again. ",
        "Test connection shows whether Plex answers and accepts the token. The settings are below."),
      h(
        "div",
        { className: "s2p-actions" },
        h(S.ActionButton, { label: "Try again", variant: "primary", busy: test.busy, onClick: ask }),
        h(S.ActionButton, { label: "Test connection", busy: test.busy, onClick: retest })
      ),
      h(S.Answer, { answer: test.answer })
    );
  };

  const Next = ({ label, busy, onClick, back, children }) =>
    h(
      "div",
      { className: "s2p-actions" },
      h(S.ActionButton, { label, variant: "primary", busy, onClick }),
      back ? h(S.ActionButton, { label: "Back", busy, onClick: back }) : null,
      children
    );

  const Libraries = ({ settings, go }) => {
    const [state, ask] = useQuestion("test_connection");
    const [saving, run] = S.useRun();
    const stored = String(settings.find(({ name }) => name === "plex_library").value);
    const [value, setValue] = React.useState(stored);
    const next = () =>
      value === stored
        ? go("paths")
        : run(async () => {
            const answer = await S.run("save_settings", { settings: { plex_library: value } });
            answer.level !== "fault" && go("paths");
            return answer;
          });
    const offered = (state.answer && state.answer.library_choices) || [];
    return h(
      Question,
      { state, ask, progress: "Asking Plex for its libraries…" },
      h("p", null, "Plex answers. Which libraries have the videos of your scenes? ",
        "If you choose none, all of these libraries are used."),
      h(S.Libraries, { offered, tested: stored, value, change: setValue }),
      h(Next, { label: "Continue", busy: saving.busy, onClick: next }),
      h(S.Answer, { answer: saving.answer })
    );
  };

  const Coverage = ({ answer }) => {
    const others = answer.ambiguous + answer.missing;
    return h(
      React.Fragment,
      null,
      h("p", { className: "s2p-answer s2p-" + (others ? "warning" : "ok") },
        h("strong", null, (answer.scenes - others).toLocaleString("en") + " of " +
          S.counted(answer.scenes, "scene") + " found in Plex"),
        others ? "; the other " + others.toLocaleString("en") + ":" : "."),
      h(S.Table, {
        head: ["Scene", "File in Stash", "Reason"],
        rows: answer.examples.map(({ scene_id: id, path, problem }) => [
          h(S.Scene, { id }),
          h("bdi", { className: "s2p-title" }, S.cut(path, 300)),
          REASONS[problem] || problem,
        ]),
        empty: "",
      }),
      others > answer.examples.length
        ? h("p", { className: "s2p-quiet" },
            "and " + S.counted(others - answer.examples.length, "more scene"))
        : null
    );
  };

  const Paths = ({ go }) => {
    const [state, ask] = useQuestion("check_paths");
    const [saving, run] = S.useRun();
    const answer = state.answer || {};
    const proposed = answer.proposed_path_map;
    const adopt = () =>
      run(async () => {
        const saved = await S.run("save_settings", { settings: { plex_unmatched_path_map: proposed } });
        if (saved.level === "fault") {
          return saved;
        }
        ask();
        return { text: "The path map is saved." };
      });
    return h(
      Question,
      { state, ask, progress: "Comparing the paths of all files in Stash and Plex…" },
      h(Coverage, { answer }),
      proposed
        ? h("p", null, "Plex and Stash have different names for the same folders. ",
            "The first button below saves this path map, which translates Plex's folders to ",
            "Stash's folders: ",
            h("code", null, h("bdi", null, S.cut(proposed, 600))))
        : h("p", null, h("bdi", null, S.cut(answer.text, 600)), "."),
      h(
        Next,
        { label: proposed ? "Use this path map" : "Continue", busy: saving.busy,
          onClick: proposed ? adopt : () => go("preview"), back: () => go("libraries") },
        proposed
          ? h(S.ActionButton, { label: "Continue without it", busy: saving.busy,
              onClick: () => go("preview") })
          : null,
        h(S.ActionButton, { label: "Check again", busy: saving.busy, onClick: ask })
      ),
      h(S.Answer, { answer: saving.answer })
    );
  };

  const Preview = ({ go }) => {
    const [state, ask] = useQuestion("preview_examples");
    const [{ busy, answer }, run] = S.useRun();
    const job = answer && answer.job;
    const isQueued = Boolean(job);
    React.useEffect(() => {
      let timer = null;
      let isShown = true;
      const look = async () => {
        const end = await S.endOfTask(job).catch(() => null);
        const overview = end === null ? {} : await S.run("overview").catch(() => ({}));
        if (isShown && overview.first_run) {
          run(() => Promise.reject(new Error("The task ended before it had queued the scenes" +
            (end ? ": " + end : "") + ". Stash shows the cause in Settings → Logs. Start the sync again.")));
        } else if (isShown) {
          timer = window.setTimeout(look, LOOK_INTERVAL);
          S.refresh();
        }
      };
      isQueued && look();
      return () => {
        isShown = false;
        window.clearTimeout(timer);
      };
    }, [job]);
    const start = () => run(() => S.task("all", "Sync All Scenes to Plex"));
    const examples = (state.answer && state.answer.examples) || [];
    return h(
      Question,
      { state, ask, progress: "Comparing some scenes with Plex…" },
      h("p", null, h("bdi", null, S.cut(state.answer && state.answer.text, 600)),
        examples.length ? ":" : "."),
      examples.map(({ scene_id: id, title, items, images }) =>
        h(
          "div",
          { key: id, className: "s2p-group" },
          h("h3", null, h(S.Scene, { id, title })),
          h(S.Differences, { items }),
          images.length ? h("p", null, "Plex also gets the scene's cover as " +
            images.map((kind) => IMAGES[kind]).join(" and ") + ".") : null
        )
      ),
      h("p", null, "The first sync queues all scenes that differ from Plex. Stash2Plex stores ",
        "the values that Plex has now. The task Restore Plex Values brings these values back."),
      h(Next, { label: "Start syncing", busy: busy || isQueued, onClick: start,
        back: () => go("paths") }),
      h(S.Answer, { answer }),
      isQueued
        ? h("p", { role: "status" }, "This page continues when the task has queued the scenes. ",
            "Stash may finish other tasks first.")
        : null
    );
  };

  const PANELS = { libraries: Libraries, paths: Paths, preview: Preview };

  S.FirstRun = ({ step: stored, settings }) => {
    const [step, setStep] = React.useState(stored);
    const go = (next) => {
      PANELS[next] && setStep(next);
      S.run("first_run", { step: next }).then(S.refresh, S.refresh);
    };
    const at = STEPS.findIndex(([name]) => name === step);
    return h(
      "div",
      { className: "s2p-connect" },
      h(
        S.Section,
        { title: "First sync", note: "step " + (at + 1) + " of " + STEPS.length },
        h(
          "ol",
          { className: "s2p-steps" },
          STEPS.map(([name, label], place) =>
            h("li", { key: name, "aria-current": name === step ? "step" : undefined },
              label, place < at ? " ✓" : null)
          )
        ),
        h(PANELS[step], { key: step, settings, go })
      ),
      h(
        "details",
        { className: "s2p-by-hand" },
        h("summary", null, "Settings"),
        h(S.Settings, { settings })
      ),
      h("div", { className: "s2p-actions" },
        h(S.ActionButton, { label: "Skip these steps", onClick: () => go("done") }))
    );
  };
})(window.Stash2Plex);
