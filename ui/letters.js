/* Dead letters: what will not heal by itself, why, what to do, and the buttons for it. */
(function (S) {
  "use strict";
  const h = S.h;

  const Letter = ({ letter, busy, run }) => {
    const about = { scene_id: letter.scene_id, error_type: letter.error_type };
    return h(
      "li",
      null,
      h("div", null, h(S.Scene, { id: letter.scene_id, title: letter.title }), " ",
        h("small", null, h(S.Time, { at: S.utc(letter.failed_at) }))),
      h("bdi", { className: "s2p-why" }, letter.message),
      letter.scene_id
        ? h(
            "div",
            { className: "s2p-acts" },
            h(S.Act, { label: "Retry", busy, onClick: () => run(() => S.run("retry_dlq", about)) }),
            h(S.Act, {
              label: "Inspect",
              busy,
              onClick: () => run(() => S.run("inspect", { scene_id: letter.scene_id })),
            }),
            h(S.Act, {
              label: "Drop",
              sure: "Drop it for good?",
              busy,
              onClick: () => run(() => S.run("drop_dlq", about)),
            })
          )
        : null
    );
  };

  const Group = ({ group, open }) => {
    const [{ busy, told }, run] = S.useRun();
    const about = { error_type: group.error_type };
    const left = group.count - group.newest.length;
    const [way, setting] = S.cureOfError(group.error_type) || [];
    return h(
      "details",
      { className: "s2p-group", open },
      h("summary", null, h("strong", null, group.matter), ": ", S.counted(group.count, "scene"), " ",
        h("small", { className: "s2p-quiet" }, group.error_type)),
      h("p", null, h("strong", null, "What to do: "), group.remedy, "."),
      h(
        "div",
        { className: "s2p-acts" },
        h(S.Act, {
          label: group.count === 1 ? "Retry it" : "Retry all " + group.count.toLocaleString("en"),
          variant: "primary",
          busy,
          onClick: () => run(() => S.run("retry_dlq", about)),
        }),
        way ? h(S.Act, { label: way, onClick: () => S.toSetting(setting) }) : null,
        h(S.Act, {
          label: "Drop all",
          sure: "Drop " + S.counted(group.count, "dead letter") + " for good?",
          busy,
          onClick: () => run(() => S.run("drop_dlq", about)),
        })
      ),
      h(S.Told, { told }),
      h(
        "ul",
        { className: "s2p-letters" },
        group.newest.map((letter, at) => h(Letter, { key: at, letter, busy, run }))
      ),
      left > 0 ? h("p", { className: "s2p-quiet" }, "and " + S.counted(left, "more scene")) : null
    );
  };

  S.Letters = ({ letters }) =>
    h(
      S.Section,
      { title: "Needs attention", note: S.counted(letters.count, "dead letter") },
      letters.groups.length === 0
        ? h("p", { className: "s2p-quiet" }, "Nothing needs attention.")
        : letters.groups.map((group, at) =>
            h(Group, { key: group.error_type, group, open: at === 0 })
          )
    );
})(window.Stash2Plex);
