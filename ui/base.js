/* What all files of Stash2Plex's page share. Whatever comes from Stash or Plex becomes text nodes
 * only: React's children and attributes, never markup. */
(function () {
  "use strict";
  const api = window.PluginApi;
  const S = (window.Stash2Plex = { id: "Stash2Plex", path: "/plugins/stash2plex", api });

  S.h = api.React.createElement;
  S.bootstrap = api.libraries.Bootstrap;
  S.router = api.libraries.ReactRouterDOM;

  /** Count with its noun: "1 scene", "2,000 scenes". */
  S.counted = (number, noun) =>
    number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s");

  /** A text of bounded length: a title may have 64 KiB. */
  S.cut = (text, most) => {
    const given = String(text === null || text === undefined ? "" : text);
    return given.length > most ? given.slice(0, most - 1) + "…" : given;
  };

  /** Seconds as "2d 3h", "1h 5m", "2m 5s", "5s". */
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

  /** A moment (seconds since the epoch) by the reader's clock: the time, before today with date. */
  S.clock = (seconds) => {
    const moment = new Date(seconds * 1000);
    const today = moment.toDateString() === new Date().toDateString();
    const time = { hour: "2-digit", minute: "2-digit" };
    return today
      ? moment.toLocaleTimeString([], time)
      : moment.toLocaleString([], { month: "short", day: "numeric", ...time });
  };

  /** The plugin's UTC text "2026-01-31 12:00:00" as seconds since the epoch. */
  S.utc = (text) => Date.parse(String(text).replace(" ", "T") + "Z") / 1000;
})();
