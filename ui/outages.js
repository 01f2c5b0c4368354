(function (S) {
  "use strict";
  const React = S.api.React;
  const h = S.h;
  const DAY = 86400;
  const WIDTH = 600;

  const TimeLine = ({ records, now }) => {
    const first = records[0].started_at;
    const span = Math.max(DAY, now - first) * 1.02;
    const begin = now - span;
    const x = (at) => ((at - begin) / span) * WIDTH;
    const label = "Outages since " + S.clock(begin) + ": " + records.length;
    const line = h(
      "svg",
      { viewBox: "0 0 " + WIDTH + " 32", className: "s2p-line", role: "img", "aria-label": label },
      h("rect", { x: 0, y: 12, width: WIDTH, height: 12, className: "s2p-up" }),
      records.map((outage, at) => {
        const end = outage.ended_at === null ? now : outage.ended_at;
        const width = Math.max(3, x(end) - x(outage.started_at));
        return h("rect", {
          key: at,
          x: Math.min(x(outage.started_at), WIDTH - width),
          y: 6,
          width,
          height: 24,
          className: "s2p-down",
        });
      })
    );
    return h(React.Fragment, null, line,
      h("div", { className: "s2p-ends" }, h("span", null, S.clock(begin)), h("span", null, "now")));
  };

  S.Outages = ({ outages, now }) => {
    const newest = outages.outages;
    const records = [...newest].reverse();
    if (records.length === 0) {
      return h(
        S.Section,
        { title: "Outages" },
        h("p", { className: "s2p-quiet" }, "No outage of Plex was recorded.")
      );
    }
    const duration = (outage) =>
      outage.ended_at === null
        ? S.duration(now - outage.started_at) + ", not over yet"
        : (outage.estimated ? "about " : "") + S.duration(outage.ended_at - outage.started_at);
    return h(
      S.Section,
      { title: "Outages", note: S.counted(records.length, "outage") },
      h(S.Facts, {
        facts: [
          ["mean duration (MTTR)", outages.mttr_seconds ? S.duration(outages.mttr_seconds) : "–"],
          ["mean time between outages (MTBF)", outages.mtbf_seconds ? S.duration(outages.mtbf_seconds) : "–"],
          ["availability", outages.mtbf_seconds ? outages.availability_percent.toFixed(2) + " %" : "–"],
        ],
      }),
      h(TimeLine, { records, now }),
      h(S.Table, {
        head: ["Start", "Duration", "Waiting scenes"],
        rows: newest
          .slice(0, 10)
          .map((outage) => [h(S.Time, { at: outage.started_at }), duration(outage), outage.scenes_waited]),
      })
    );
  };
})(window.Stash2Plex);
