/* Outages: when Plex was away, as a line of time and in words. */
(function (S) {
  "use strict";
  const h = S.h;
  const DAY = 86400;
  const WIDTH = 600;

  const Line = ({ records, now }) => {
    const first = records[0].started_at;
    const span = Math.max(DAY, now - first) * 1.02;
    const begin = now - span;
    const x = (at) => ((at - begin) / span) * WIDTH;
    const words = "Outages since " + S.clock(begin) + ": " + records.length;
    return h(
      "svg",
      { viewBox: "0 0 " + WIDTH + " 46", className: "s2p-line", role: "img", "aria-label": words },
      h("rect", { x: 0, y: 12, width: WIDTH, height: 12, className: "s2p-up" }),
      records.map((one, at) => {
        const end = one.ended_at === null ? now : one.ended_at;
        const width = Math.max(3, x(end) - x(one.started_at));
        return h("rect", {
          key: at,
          x: Math.min(x(one.started_at), WIDTH - width),
          y: 6,
          width,
          height: 24,
          className: "s2p-down",
        });
      }),
      h("text", { x: 0, y: 43 }, S.clock(begin)),
      h("text", { x: WIDTH, y: 43, textAnchor: "end" }, "now")
    );
  };

  S.Outages = ({ outages, now }) => {
    const records = outages.records;
    if (records.length === 0) {
      return h(
        S.Section,
        { title: "Outages" },
        h("p", { className: "s2p-quiet" }, "No outage of Plex is recorded.")
      );
    }
    const lasted = (one) =>
      one.ended_at === null
        ? S.duration(now - one.started_at) + ", still on"
        : (one.estimated ? "about " : "") + S.duration(one.ended_at - one.started_at);
    return h(
      S.Section,
      { title: "Outages", note: S.counted(records.length, "outage") },
      h(S.Facts, {
        facts: [
          ["until Plex was back (MTTR)", S.duration(outages.mttr)],
          ["between outages (MTBF)", outages.mtbf ? S.duration(outages.mtbf) : "–"],
          ["availability", outages.availability.toFixed(2) + " %"],
        ],
      }),
      h(Line, { records, now }),
      h(S.Table, {
        head: ["Began", "Lasted", "Scenes that waited"],
        rows: [...records]
          .reverse()
          .slice(0, 10)
          .map((one) => [h(S.Time, { at: one.started_at }), lasted(one), one.scenes]),
      })
    );
  };
})(window.Stash2Plex);
