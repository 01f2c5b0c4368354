/* Helpers for all files of the page. Text from Stash or Plex is rendered as React children or
 * attributes only, never as markup. */
(function () {
  "use strict";
  const api = window.PluginApi;
  const S = (window.Stash2Plex = { id: "Stash2Plex", path: "/plugins/stash2plex", api });

  S.h = api.React.createElement;
  S.bootstrap = api.libraries.Bootstrap;
  S.router = api.libraries.ReactRouterDOM;

  S.counted = (number, noun) =>
    number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s");

  /** Shorten a text to `most` characters, because a title can have 64 KiB. */
  S.cut = (text, most) => {
    const whole = String(text === null || text === undefined ? "" : text);
    return whole.length > most ? whole.slice(0, most - 1) + "…" : whole;
  };

  /** Return a duration in seconds as "2d 3h", "1h 5m", "2m 5s" or "5s". */
  S.duration = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    const parts = [
      [Math.floor(whole / 86400), "d"],
      [Math.floor(whole / 3600) % 24, "h"],
      [Math.floor(whole / 60) % 60, "m"],
      [whole % 60, "s"],
    ];
    const first = parts.findIndex(([number]) => number > 0);
    return first < 0
      ? "0s"
      : parts.slice(first, first + 2).map(([number, unit]) => number + unit).join(" ");
  };

  S.clock = (seconds) => {
    const moment = new Date(seconds * 1000);
    const today = moment.toDateString() === new Date().toDateString();
    const time = { hour: "2-digit", minute: "2-digit" };
    return today
      ? moment.toLocaleTimeString([], time)
      : moment.toLocaleString([], { month: "short", day: "numeric", ...time });
  };

  /** Return the plugin's UTC text "2026-01-31 12:00:00" as seconds since the epoch. */
  S.utc = (text) => Date.parse(String(text).replace(" ", "T") + "Z") / 1000;
})();
