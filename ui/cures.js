/* Which setting cures what, and the way there. */
(function (S) {
  "use strict";
  const h = S.h;
  const PATH_MAP = ["To the path map", "plex_unmatched_path_map"];
  const TOKEN = ["To the token", "plex_token"];
  const OF_ERRORS = {
    PlexNotFound: PATH_MAP,
    PlexAmbiguousMatch: PATH_MAP,
    PlexAuthError: TOKEN,
    PlexPermissionError: TOKEN,
  };

  /** Label and name of the setting that helps against an error; undefined where none does. */
  S.cureOfError = (type) => OF_ERRORS[type];

  /** Likewise when nothing goes on: the sentence names the setting. */
  S.cureOfState = (state) => {
    const named = /\bplex_\w+/.exec(state.sentence);
    const setting = {
      unconfigured: named ? named[0] : "plex_url",
      paused: named ? named[0] : "plex_token",
      disabled: "enabled",
    }[state.kind];
    return setting && ["To the setting", setting];
  };

  /** Brings the keyboard to a setting of this page, wherever it is folded away. */
  S.toSetting = (name) => {
    const input = document.getElementById("s2p-set-" + name);
    if (input) {
      const group = input.closest("details");
      if (group) {
        group.open = true;
      }
      input.scrollIntoView({ block: "center" });
      input.focus();
    }
  };

  /** The way to a setting from another page. */
  S.SettingLink = ({ cure }) =>
    h(S.router.Link, { className: "btn btn-primary btn-sm", to: S.path + "?setting=" + cure[1] },
      cure[0]);

  /** The setting that the address asks for; empty for none. */
  S.settingAskedFor = () => new URLSearchParams(window.location.search).get("setting") || "";
})(window.Stash2Plex);
