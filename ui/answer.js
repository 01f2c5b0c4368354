(function (S) {
  "use strict";
  const h = S.h;
  const SIGN = { ok: "✓", warning: "!", fault: "✕" };
  const MOST_ROWS = 100;
  const NOT_DETAILS = new Set(["text", "level", "lines", "details", "now", "state", "job"]);

  const FIELDS = ["title", "studio", "summary", "date", "performers", "tags", "collections"];

  /* Stash sorts the keys of an answer by name. Restore the order of `FIELDS`. */
  const place = (name) => (FIELDS.includes(name) ? FIELDS.indexOf(name) : FIELDS.length);
  const byField = ([a], [b]) => place(a) - place(b);

  const valueText = (value) =>
    S.cut(Array.isArray(value) ? value.join(", ") : value, 300) || "nothing";

  const Value = ({ value }) => {
    const text = valueText(value);
    return h("bdi", { className: /^[\d-]{1,10}$/.test(text) ? "s2p-nowrap" : undefined }, text);
  };

  const Checks = ({ checks }) =>
    h(
      "ul",
      { className: "s2p-checks" },
      checks.map((check) =>
        h(
          "li",
          { key: check.name, className: "s2p-" + check.level },
          h("span", { className: "s2p-sign", role: "img", "aria-label": check.level }, SIGN[check.level]),
          h("div", null, h("strong", null, check.name), ": ", h("bdi", null, S.cut(check.text, 600)),
            check.remedy ? h("div", null, "What to do: ", h("bdi", null, S.cut(check.remedy, 600))) : null)
        )
      )
    );

  S.Differences = ({ items, state, heads = ["In Plex", "In Stash"] }) => {
    const rows = items.flatMap((item) =>
      Object.entries(item.differences).sort(byField).map(([name, { in_plex: plex, wanted }]) => [
        name,
        h(Value, { value: plex }),
        h(Value, { value: wanted }),
      ])
    );
    if (rows.length === 0 && state !== "in_step") {
      return null;
    }
    return h(S.Table, {
      head: ["Field", ...heads],
      rows: rows.slice(0, MOST_ROWS),
      empty: "Nothing differs between Stash and Plex.",
    });
  };

  const Connection = ({ answer }) =>
    h(S.Facts, {
      facts: [
        ["Plex", answer.reachable ? (answer.latency_seconds * 1000).toFixed(0) + " ms" : "no answer"],
        ["token", answer.token_accepted === null ? "not checked"
          : answer.token_accepted ? "accepted" : "refused"],
        ["may edit", answer.token_may_edit === null ? "not checked" : answer.token_may_edit ? "yes" : "no"],
      ],
    });

  const Gaps = ({ reasons, examples }) =>
    h(
      "div",
      null,
      h(S.Table, {
        head: ["Reason", "Scenes"],
        rows: Object.entries(reasons).map(([reason, number]) => [
          h("bdi", null, valueText(reason)),
          number.toLocaleString("en"),
        ]),
        empty: "No gaps.",
      }),
      Object.entries(examples).map(([kind, scenes]) =>
        h(
          "details",
          { key: kind },
          h("summary", null, "Examples: " + kind),
          scenes.map((scene, at) => h("pre", { key: at, dir: "auto" }, scene))
        )
      )
    );

  const RENDERERS = [
    ["checks", (answer) => h(Checks, answer), ["checks"]],
    ["plex_looked_at", (answer) => h(S.Differences, answer), []],
    ["token_accepted", (answer) => h(Connection, { answer }),
      ["reachable", "latency_seconds", "token_accepted", "token_may_edit"]],
    ["tried", ({ tried }) => h(S.Differences, { heads: ["Plex now", "With these settings"],
      items: tried.map(({ fields }) => ({ differences: fields })) }), ["tried", "scene_id"]],
    ["refused", () => null, ["refused", "looked_for_again", "asks", "scenes", "total"]],
    ["reasons", (answer) => h(Gaps, answer), ["reasons", "examples"]],
  ];

  S.Answer = ({ answer }) => {
    if (!answer) {
      return null;
    }
    const [, render, omitted] = RENDERERS.find(([name]) => name in answer) || ["", () => null, []];
    const more = Object.fromEntries(
      Object.entries(answer).filter(([name]) => !NOT_DETAILS.has(name) && !omitted.includes(name))
    );
    return h(
      "div",
      { className: "s2p-answer s2p-" + (answer.level || "ok"), role: "status" },
      h("p", null, h("bdi", null, S.cut(answer.text, 2000))),
      render(answer),
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
