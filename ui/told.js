/* What the plugin answered: its sentence, what helps to see why, and the rest as text to unfold. */
(function (S) {
  "use strict";
  const h = S.h;
  const SIGN = { ok: "✓", warning: "!", fault: "✕" };
  const SHOWN = 100; // rows of a list
  const BESIDES = new Set(["text", "level", "lines", "details", "now", "state"]);

  const words = (value) =>
    S.cut(Array.isArray(value) ? value.join(", ") : value, 300) || "nothing";

  const Checks = ({ checks }) =>
    h(
      "ul",
      { className: "s2p-checks" },
      checks.map((one) =>
        h(
          "li",
          { key: one.name, className: "s2p-" + one.level },
          h("span", { className: "s2p-sign", role: "img", "aria-label": one.level }, SIGN[one.level]),
          h("div", null, h("strong", null, one.name), ": ", h("bdi", null, S.cut(one.text, 600)),
            one.remedy ? h("div", null, "What to do: ", h("bdi", null, S.cut(one.remedy, 600))) : null)
        )
      )
    );

  const Differences = ({ items }) => {
    const rows = items.flatMap((item) =>
      Object.entries(item.differences).map(([name, { in_plex: plex, wanted }]) => [
        name,
        h("bdi", null, words(plex)),
        h("bdi", null, words(wanted)),
      ])
    );
    return h(S.Table, {
      head: ["Field", "In Plex", "In Stash"],
      rows: rows.slice(0, SHOWN),
      empty: "Plex shows what Stash has.",
    });
  };

  const Connection = ({ told }) =>
    h(S.Facts, {
      facts: [
        ["Plex", told.reachable ? (told.latency_seconds * 1000).toFixed(0) + " ms" : "no answer"],
        ["token", told.token_accepted === null ? "not asked"
          : told.token_accepted ? "accepted" : "refused"],
        ["may edit", told.token_may_edit === null ? "not asked" : told.token_may_edit ? "yes" : "no"],
      ],
    });

  const Gaps = ({ reasons, examples }) =>
    h(
      "div",
      null,
      h(S.Table, {
        head: ["Why", "Scenes"],
        rows: Object.entries(reasons).map(([why, number]) => [
          h("bdi", null, words(why)),
          number.toLocaleString("en"),
        ]),
        empty: "There are no gaps.",
      }),
      Object.entries(examples).map(([kind, scenes]) =>
        h(
          "details",
          { key: kind },
          h("summary", null, "For example, scenes " + kind),
          scenes.map((one, at) => h("pre", { key: at, dir: "auto" }, one))
        )
      )
    );

  /* By a member that only this kind of answer has: what shows it, and what is shown by that. */
  const SHOWS = [
    ["checks", (told) => h(Checks, told), ["checks"]],
    ["plex_looked_at", (told) => h(Differences, told), []],
    ["token_accepted", (told) => h(Connection, { told }),
      ["reachable", "latency_seconds", "token_accepted", "token_may_edit"]],
    ["reasons", (told) => h(Gaps, told), ["reasons", "examples"]],
  ];

  S.Told = ({ told }) => {
    if (!told) {
      return null;
    }
    const [, show, shown] = SHOWS.find(([name]) => name in told) || ["", () => null, []];
    const more = Object.fromEntries(
      Object.entries(told).filter(([name]) => !BESIDES.has(name) && !shown.includes(name))
    );
    return h(
      "div",
      { className: "s2p-told s2p-" + (told.level || "ok"), role: "status" },
      h("p", null, h("bdi", null, S.cut(told.text, 2000))),
      show(told),
      Object.keys(more).length > 0
        ? h(
            "details",
            null,
            h("summary", null, "More"),
            h("pre", { tabIndex: 0 }, S.cut(JSON.stringify(more, null, 2), 20000))
          )
        : null
    );
  };
})(window.Stash2Plex);
