/* Finds the setting that removes an error, and links to this setting. */
(function (S) {
  "use strict";
  const h = S.h;
  const PATH_MAP = ["Edit the path map", "plex_unmatched_path_map"];
  const TOKEN = ["Edit the token", "plex_token"];
  const BY_ERROR = {
    PlexNotFound: PATH_MAP,
    PlexAmbiguousMatch: PATH_MAP,
    PlexAuthError: TOKEN,
    PlexPermissionError: TOKEN,
  };

  /** Return [label, setting] for an error type, or undefined if no setting removes the error. */
  S.settingForError = (type) => BY_ERROR[type];

  /** Return [label, setting] for a state in which the sync is blocked. */
  S.settingForState = (state) => {
    const named = /\b(plex_|quiet_)\w+/.exec(state.sentence);
    const setting = {
      unconfigured: named ? named[0] : "plex_url",
      paused: named && named[0],
      disabled: "enabled",
    }[state.kind];
    return setting && ["Edit the setting", setting];
  };

  /** Unfold a setting on this page, scroll to it and focus it. */
  S.toSetting = (name) => {
    const input = document.getElementById("s2p-set-" + name);
    if (input) {
      for (let group = input.closest("details"); group; group = group.parentElement.closest("details")) {
        group.open = true;
      }
      input.scrollIntoView({ block: "center" });
      input.focus();
    }
  };

  S.SettingLink = ({ link: [label, setting] }) =>
    h(S.router.Link, { className: "btn btn-primary btn-sm", to: S.path + "?setting=" + setting },
      label);

  /** Return the setting that the address of the page names, or an empty text. */
  S.linkedSetting = () => new URLSearchParams(window.location.search).get("setting") || "";
})(window.Stash2Plex);
