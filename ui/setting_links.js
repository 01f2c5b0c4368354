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

  /** Return undefined for an error that no setting can fix. */
  S.settingForError = (type) => BY_ERROR[type];

  S.settingForState = (state) => {
    const named = /\b(plex_|quiet_)\w+/.exec(state.sentence);
    const setting = {
      unconfigured: named ? named[0] : "plex_url",
      paused: named && named[0],
      disabled: "enabled",
    }[state.kind];
    return setting && ["Edit the setting", setting];
  };

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

  S.linkedSetting = () => new URLSearchParams(window.location.search).get("setting") || "";
})(window.Stash2Plex);
