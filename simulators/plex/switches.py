"""Switches for behaviour in which real servers differ, or which is unknown.

A client is correct only if its tests pass with each value of each switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

COMMON_EXPLOITS = r"union.*all.*select|(<|%3C).*script.*(>|%3E)|=cocaine\b"


@dataclass
class Switches:
    """The behaviour of this Plex; it can be changed at any time.

    Attributes:
        tags_append: `genre[0].tag.tag=X` adds to the item's tags; False: the tags of one PUT
            replace those of the item.
        remove_before_add: in one PUT `tag-` and `[].tag=` are applied before the additions;
            False: after them.
        upload_locks_thumb: uploading or choosing a poster or background also sets its lock.
        honours_exclude_elements: `excludeElements` and `excludeFields` shorten rows; False: they
            are ignored, as exclusions are requests, not guarantees.
        ignores_file_filter: `file=` is treated as an unknown filter: the whole library comes
            back.
        ignored_sorts: sort keys that are treated as unknown, such as `id` or `updatedAt`, which
            Plex does not list among its sort keys.
        illegal_references: titles contain a reference to a character that XML forbids. Whether
            Plex sends such references is unknown.
        unreadable: rating keys of items that break every answer which would contain them: it is
            500 each time.
        ignores_paging: container start and size are ignored, the whole list comes back.
        require_size_header: a list asked for without a container size is answered with 400, as
            Plex announces it will be.
        max_request_line: bytes of `METHOD target HTTP/1.1`; a longer one gets 400. The real
            limit is unknown, 8 KiB is what a careful client keeps.
        max_upload_bytes: a larger poster is refused.
        oversized_upload_status: with which status: 413 newer, 500 older servers.
        empty_date: what an empty `originallyAvailableAt.value` does: it "clears" the date, is
            "refused" as malformed data with 500, is "ignored", or brings back the "file_date".
            No measurement shows which.
        lock_names: lock → the name under which `<Field>` shows it, empty for never. Whether the
            lock of actors shows, and as `actor`, is unknown.
        title_sort_follows: an unlocked sort title follows an edited title; False: it stays.
        upload_selects: which uploads become the shown image: "always", "new" bytes only, all but
            every third one ("usually"), or "never". Tools report that an upload selects usually.
        removal_decodings: how often the names in `tag.tag-` are decoded: 2 is proved, one client
            claims 1.
        date_shift_days: days by which a date is stored beside the one that was sent; reported of
            agents on servers east of Greenwich.
        tags_fold_ascii_only: names of tags are compared without case for ASCII letters only, so
            `É` and `é` are two tags; False: for all letters.
        unkept_fields: Plex's names of fields of which it takes an edit, answers 200 and keeps
            nothing but the lock.
        string_filters_ignore_case: `title=` and `file=` compare as SQL's LIKE does.
        secure_connections: of a server with a certificate. "required": plain http is closed
            without a byte; "preferred": http and https are both answered on the one port.
        blocked_query: a reverse proxy before this Plex refuses each request whose query, as it
            stands in the address, matches this regular expression; empty for no such proxy.
            nginx's option "block common exploits" does so (`COMMON_EXPLOITS`).
        proxy_closes: that proxy closes the connection; False: it answers 403 with a web page.
        smart_collections: names of collections that fill themselves: an edit that adds an item to
            one is refused with 400.
        guests_see_prefs: a shared user may read `/:/prefs`; Plex does not document this.
        allows_network_without_token: the client's network is among those "allowed without auth":
            a request without a token counts as the owner's.
        allowed_network_may_err: a wrong token from such a network counts as the owner's, too;
            False: it is refused with 401. No measurement shows which is true.
    """

    tags_append: bool = True
    remove_before_add: bool = True
    upload_locks_thumb: bool = False
    honours_exclude_elements: bool = True
    ignores_file_filter: bool = False
    ignored_sorts: frozenset[str] = frozenset()
    illegal_references: bool = False
    unreadable: frozenset[int] = frozenset()
    ignores_paging: bool = False
    require_size_header: bool = False
    max_request_line: int = 8192
    max_upload_bytes: int = 10_480_000
    oversized_upload_status: int = 413
    empty_date: Literal["clears", "refused", "ignored", "file_date"] = "clears"
    lock_names: Mapping[str, str] = field(default_factory=dict)
    title_sort_follows: bool = True
    upload_selects: Literal["always", "new", "usually", "never"] = "always"
    removal_decodings: Literal[1, 2] = 2
    date_shift_days: int = 0
    tags_fold_ascii_only: bool = False
    unkept_fields: frozenset[str] = frozenset()
    string_filters_ignore_case: bool = True
    secure_connections: Literal["required", "preferred"] = "required"
    blocked_query: str = ""
    proxy_closes: bool = False
    smart_collections: frozenset[str] = frozenset()
    guests_see_prefs: bool = False
    allows_network_without_token: bool = False
    allowed_network_may_err: bool = False
