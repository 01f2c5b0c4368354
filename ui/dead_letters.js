/* The section of dead letters, with cause, remedy and buttons for each kind of error. */
(function (S) {
  "use strict";
  const h = S.h;

  const DeadLetter = ({ letter, busy, run }) => {
    const selection = { scene_id: letter.scene_id, error_type: letter.error_type };
    return h(
      "li",
      null,
      h("div", null, h(S.Scene, { id: letter.scene_id, title: letter.title }), " ",
        h("small", null, h(S.Time, { at: S.utc(letter.failed_at) }))),
      h("bdi", { className: "s2p-why" }, letter.message),
      letter.scene_id
        ? h(
            "div",
            { className: "s2p-actions" },
            h(S.ActionButton, {
              label: "Retry",
              busy,
              onClick: () => run(() => S.run("retry_dlq", selection)),
            }),
            h(S.ActionButton, {
              label: "Inspect",
              busy,
              onClick: () => run(() => S.run("inspect", { scene_id: letter.scene_id })),
            }),
            h(S.ActionButton, {
              label: "Delete",
              confirmation: "Delete this failed job?",
              busy,
              onClick: () => run(() => S.run("drop_dlq", selection)),
            })
          )
        : null
    );
  };

  const Group = ({ group, open }) => {
    const [{ busy, answer }, run] = S.useRun();
    const selection = { error_type: group.error_type };
    const left = group.count - group.newest.length;
    const [linkLabel, setting] = S.settingForError(group.error_type) || [];
    return h(
      "details",
      { className: "s2p-group", open },
      h("summary", null, h("strong", null, group.matter), ": ", S.counted(group.count, "scene"), " ",
        h("small", { className: "s2p-quiet" }, group.error_type)),
      h("p", null, h("strong", null, "What to do: "), group.remedy, "."),
      h(
        "div",
        { className: "s2p-actions" },
        h(S.ActionButton, {
          label: group.count === 1 ? "Retry this scene" : "Retry all " + group.count.toLocaleString("en"),
          variant: "primary",
          busy,
          onClick: () => run(() => S.run("retry_dlq", selection)),
        }),
        linkLabel ? h(S.ActionButton, { label: linkLabel, onClick: () => S.toSetting(setting) }) : null,
        h(S.ActionButton, {
          label: "Delete all",
          confirmation: "Delete " + S.counted(group.count, "failed job") + "?",
          busy,
          onClick: () => run(() => S.run("drop_dlq", selection)),
        })
      ),
      h(S.Answer, { answer }),
      h(
        "ul",
        { className: "s2p-dead-letters" },
        group.newest.map((letter, at) => h(DeadLetter, { key: at, letter, busy, run }))
      ),
      left > 0 ? h("p", { className: "s2p-quiet" }, "and " + S.counted(left, "more scene")) : null
    );
  };

  S.DeadLetters = ({ letters }) =>
    h(
      S.Section,
      { title: "Needs attention", note: S.counted(letters.count, "failed job") },
      letters.groups.length === 0
        ? h("p", { className: "s2p-quiet" }, "No scene needs attention.")
        : letters.groups.map((group, at) =>
            h(Group, { key: group.error_type, group, open: at === 0 })
          )
    );
})(window.Stash2Plex);
