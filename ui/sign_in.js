/* The sign-in with Plex starts a task, links to Plex's page, and lets the user choose a server. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const POLL_INTERVAL = 1000; // milliseconds
  const ENDED = ["done", "failed"];

  const Waiting = ({ link }) =>
    h(
      "p",
      { role: "status" },
      h("a", { className: "btn btn-primary btn-sm", href: link, target: "_blank", rel: "noopener" },
        "Open Plex's sign-in page"),
      " Sign in there, then come back. This page then continues automatically."
    );

  const Choice = ({ servers, choose }) =>
    h(
      "div",
      { className: "s2p-actions", role: "group", "aria-label": "Choose a Plex server" },
      h("span", null, "Which Plex server?"),
      servers.map((name, at) =>
        h(S.ActionButton, { key: at, label: S.cut(name, 100), onClick: () => choose(name) })
      )
    );

  /** Return the last status of the sign-in, a function that starts it, and a function that chooses a
   * server. */
  function useSignIn() {
    const [status, setStatus] = React.useState(null);
    const alive = S.useAlive();
    const poll = async (args) => {
      try {
        const answer = await S.run("sign_in_status", args);
        if (!alive.current) {
          return;
        }
        setStatus(answer);
        if (ENDED.includes(answer.step)) {
          S.refresh();
          S.wake(true);
          return;
        }
      } catch (error) {
        alive.current && setStatus({ step: "failed", text: error.message });
        return;
      }
      window.setTimeout(() => alive.current && poll(), POLL_INTERVAL);
    };
    const start = async () => {
      setStatus({ step: "starting" });
      try {
        await S.run("sign_in_status", { reset: true });
        await S.task("sign_in", "Sign in with Plex");
        poll();
      } catch (error) {
        alive.current && setStatus({ step: "failed", text: error.message });
      }
    };
    const choose = (server) => S.run("sign_in_status", { server });
    return [status, start, choose];
  }

  S.SignIn = () => {
    const [status, start, choose] = useSignIn();
    const step = status && status.step;
    const isRunning = status && !ENDED.includes(step);
    return h(
      "div",
      { className: "s2p-sign-in" },
      isRunning
        ? null
        : h(S.ActionButton, { label: "Sign in with Plex", variant: "primary", onClick: start }),
      isRunning && !["waiting", "choosing"].includes(step)
        ? h("p", { role: "status" }, "Starting…")
        : null,
      step === "waiting" && status.link ? h(Waiting, { link: status.link }) : null,
      step === "choosing" ? h(Choice, { servers: status.servers, choose }) : null,
      status && !isRunning
        ? h(S.Answer, { answer: { text: status.text, level: step === "done" ? "ok" : "fault" } })
        : null
    );
  };

  S.Connect = ({ settings }) =>
    h(
      "div",
      { className: "s2p-connect" },
      h(
        S.Section,
        { title: "Connect to Plex" },
        h("p", null, "Sign in with the account that owns the Plex server. Stash2Plex finds the server's " +
          "address and gets its own token. Your password stays on Plex's page."),
        h(S.SignIn)
      ),
      h(
        "details",
        { className: "s2p-by-hand" },
        h("summary", null, "Enter address and token by hand"),
        h(S.Settings, { settings })
      )
    );
})(window.Stash2Plex);
