/* The last day: scenes an hour and how long one took. Hatching, not colour, tells what failed. */
(function (S) {
  "use strict";
  const h = S.h;
  const HOUR = 3600;
  const HOURS = 24;
  const STEP = 25;
  const HIGH = 90;
  const BASE = 106;

  function lastDay(hours, now) {
    const newest = Math.floor(now / HOUR) * HOUR;
    const known = new Map(hours.map((one) => [one.hour, one]));
    return Array.from({ length: HOURS }, (_, at) => {
      const hour = newest - (HOURS - 1 - at) * HOUR;
      return known.get(hour) || { hour, synced: 0, failed: 0, seconds: 0 };
    });
  }

  const took = (one) => (one.synced ? (one.seconds / one.synced).toFixed(1) + " s" : "–");

  const Bar = ({ one, at, scale }) => {
    const well = one.synced * scale;
    const badly = one.failed * scale;
    const middle = at * STEP + STEP / 2;
    const hour = new Date(one.hour * 1000).getHours();
    return h(
      "g",
      null,
      h("rect", { x: at * STEP + 4, y: BASE - well, width: 17, height: well, className: "s2p-bar" }),
      badly
        ? h("rect", {
            x: at * STEP + 4,
            y: BASE - well - badly,
            width: 17,
            height: badly,
            fill: "url(#s2p-hatch)",
            className: "s2p-failed",
          })
        : null,
      one.synced + one.failed
        ? h("text", { x: middle, y: BASE - well - badly - 3, textAnchor: "middle" },
            one.synced + one.failed)
        : null,
      at % 3 === 2
        ? h("text", { x: middle, y: BASE + 13, textAnchor: "middle" },
            String(hour).padStart(2, "0") + ":00")
        : null
    );
  };

  S.Throughput = ({ hours, now }) => {
    const day = lastDay(hours, now);
    const sum = (name) => day.reduce((total, one) => total + one[name], 0);
    const total = { synced: sum("synced"), failed: sum("failed"), seconds: sum("seconds") };
    const most = Math.max(1, ...day.map((one) => one.synced + one.failed));
    const words =
      S.counted(total.synced, "scene") + " synced, " + S.counted(total.failed, "failed attempt") +
      " in the last day";
    return h(
      S.Section,
      { title: "Last day" },
      h(S.Facts, {
        facts: [
          ["scenes synced", total.synced.toLocaleString("en")],
          ["failed attempts (hatched)", total.failed.toLocaleString("en")],
          ["time for a scene", took(total)],
        ],
      }),
      h(
        "svg",
        { viewBox: "0 0 " + HOURS * STEP + " 122", className: "s2p-chart", role: "img",
          "aria-label": words },
        h(
          "defs",
          null,
          h(
            "pattern",
            { id: "s2p-hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse",
              patternTransform: "rotate(45)" },
            h("rect", { width: 2, height: 5, className: "s2p-hatch" })
          )
        ),
        h("line", { x1: 0, x2: HOURS * STEP, y1: BASE, y2: BASE, className: "s2p-axis" }),
        day.map((one, at) => h(Bar, { key: one.hour, one, at, scale: HIGH / most }))
      ),
      h(
        "details",
        null,
        h("summary", null, "As a table"),
        h(S.Table, {
          head: ["Hour", "Synced", "Failed", "Time for a scene"],
          rows: day
            .filter((one) => one.synced + one.failed > 0)
            .map((one) => [S.clock(one.hour), one.synced, one.failed, took(one)]),
          empty: "Nothing was done in this time.",
        })
      )
    );
  };
})(window.Stash2Plex);
