/* Charts of the last day: scenes per hour, and the time from an edit to Plex. Hatched bars and
 * numbers help users who cannot distinguish colours. */
(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const HOUR = 3600;
  const HOURS = 24;
  const STEP = 25;
  const HIGH = 90;
  const BASE = 106;
  const NOTHING = { synced: 0, failed: 0, seconds: 0, arrived: 0, waited: 0, longest: 0 };

  function lastDay(hours, now) {
    const newest = Math.floor(now / HOUR) * HOUR;
    const known = new Map(hours.map((counts) => [counts.hour, counts]));
    return Array.from({ length: HOURS }, (_, at) => {
      const hour = newest - (HOURS - 1 - at) * HOUR;
      return { ...NOTHING, hour, ...known.get(hour) };
    });
  }

  const mean = (sum, number) => (number ? sum / number : null);

  const brief = (seconds) => {
    if (seconds === null) {
      return "–";
    }
    if (seconds < 59.5) {
      return (seconds < 9.95 ? seconds.toFixed(1) : seconds.toFixed(0)) + "s";
    }
    return seconds < HOUR - 30 ? Math.round(seconds / 60) + "m" : Math.round(seconds / HOUR) + "h";
  };

  const Hatch = () =>
    h(
      "defs",
      null,
      h(
        "pattern",
        { id: "s2p-hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse",
          patternTransform: "rotate(45)" },
        h("rect", { width: 2, height: 5, className: "s2p-hatch" })
      )
    );

  const Bar = ({ hour, at, scale, well, badly, text }) => {
    const middle = at * STEP + STEP / 2;
    const top = BASE - (well + badly) * scale;
    const rect = (y, height, rest) =>
      h("rect", { x: at * STEP + 4, y, width: 17, height, ...rest });
    return h(
      "g",
      null,
      rect(BASE - well * scale, well * scale, { className: "s2p-bar" }),
      badly ? rect(top, badly * scale, { fill: "url(#s2p-hatch)", className: "s2p-failed" }) : null,
      well + badly ? h("text", { x: middle, y: top - 3, textAnchor: "middle" }, text) : null,
      at % 3 === 2
        ? h("text", { x: middle, y: BASE + 13, textAnchor: "middle" },
            String(new Date(hour * 1000).getHours()).padStart(2, "0") + ":00")
        : null
    );
  };

  const Bars = ({ label, bars }) => {
    const most = Math.max(...bars.map(({ well, badly }) => well + badly)) || 1;
    const svg = h(
      "svg",
      { viewBox: "0 0 " + HOURS * STEP + " 122", className: "s2p-chart", role: "img",
        "aria-label": label },
      bars.some(({ badly }) => badly) ? h(Hatch) : null,
      h("line", { x1: 0, x2: HOURS * STEP, y1: BASE, y2: BASE, className: "s2p-axis" }),
      bars.map((bar, at) => h(Bar, { key: bar.hour, at, scale: HIGH / most, ...bar }))
    );
    const ref = React.useRef(null);
    React.useEffect(() => {
      ref.current.scrollLeft = ref.current.scrollWidth;
    }, []);
    return h("div", { className: "s2p-scroll", ref, tabIndex: 0 }, svg);
  };

  S.Throughput = ({ hours, now }) => {
    const day = lastDay(hours, now);
    const sum = (name) => day.reduce((total, counts) => total + counts[name], 0);
    const arrival = mean(sum("waited"), sum("arrived"));
    const longest = sum("arrived") ? Math.max(...day.map((counts) => counts.longest)) : null;
    return h(
      S.Section,
      { title: "Last day" },
      h(S.Facts, {
        facts: [
          ["scenes synced", sum("synced").toLocaleString("en")],
          ["failed attempts (hatched)", sum("failed").toLocaleString("en")],
          ["edit to Plex, mean", brief(arrival)],
          ["edit to Plex, longest", brief(longest)],
          ["sync time per scene", brief(mean(sum("seconds"), sum("synced")))],
        ],
      }),
      h("h3", null, "Scenes per hour"),
      h(Bars, {
        label: S.counted(sum("synced"), "scene") + " synced, " +
          S.counted(sum("failed"), "failed attempt") + " in the last day",
        bars: day.map(({ hour, synced, failed }) => ({
          hour, well: synced, badly: failed, text: synced + failed,
        })),
      }),
      h("h3", null, "Mean time from edit to Plex"),
      h(Bars, {
        label: "Time from edit to Plex in the last day: mean " + brief(arrival) + ", longest " +
          brief(longest),
        bars: day.map((counts) => {
          const waited = mean(counts.waited, counts.arrived);
          return { hour: counts.hour, well: waited || 0, badly: 0, text: brief(waited) };
        }),
      }),
      h(
        "details",
        null,
        h("summary", null, "As a table"),
        h(S.Table, {
          head: ["Hour", "Synced", "Failed", "Edit to Plex", "Longest", "Sync time per scene"],
          rows: day
            .filter((counts) => counts.synced + counts.failed > 0)
            .map((counts) => [
              S.clock(counts.hour),
              counts.synced,
              counts.failed,
              brief(mean(counts.waited, counts.arrived)),
              brief(counts.arrived ? counts.longest : null),
              brief(mean(counts.seconds, counts.synced)),
            ]),
          empty: "No scene was synced in the last day.",
        })
      )
    );
  };
})(window.Stash2Plex);
