"""Switches for behaviour in which real servers differ, or which is unknown.

The tests of a correct client pass with each possible value of each switch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

COMMON_EXPLOITS = r"union.*all.*select|(<|%3C).*script.*(>|%3E)|=cocaine\b"


@dataclass
class Switches:
    """The behaviour of the fake Plex, which tests can change at any time.

    Attributes:
        tags_append: whether `genre[0].tag.tag=X` adds to the item's tags. If False, the tags of
            a PUT request replace the item's tags.
        remove_before_add: whether a PUT request applies `tag-` and `[].tag=` before the additions,
            and not after the additions.
        upload_locks_thumb: whether uploading or selecting an image also locks it.
        honours_exclude_elements: whether `excludeElements` and `excludeFields` shorten rows.
        ignores_file_filter: whether the filter `file=` is ignored, so that the whole library
            is returned.
        ignored_sorts: sort keys that are ignored, such as `id` or `updatedAt`. Plex does not list
            these two among its sort keys.
        illegal_references: whether titles contain a reference to a character that XML forbids.
            It is unknown whether Plex sends such references.
        unreadable: rating keys of damaged items. A response that would contain one is always 500.
        ignores_paging: whether container start and size are ignored, so that the whole list is
            returned.
        require_size_header: whether a list request without a container size gets 400, as Plex
            announces for later versions.
        max_request_line: the largest number of bytes of `METHOD target HTTP/1.1`; a longer line
            gets 400. The real limit is unknown; 8 KiB is a careful assumption.
        max_upload_bytes: the largest image that is accepted.
        oversized_upload_status: the status for a larger image: 413 of newer, 500 of older servers.
        empty_date: the effect of an empty `originallyAvailableAt.value`: "clears" the date,
            "refused" with 500, "ignored", or "file_date" to restore the file's date. The real
            effect is unknown.
        lock_names: the name of each lock in the element `<Field>`. An empty name hides the lock.
            It is unknown whether Plex shows the lock of actors, and whether its name is `actor`.
        title_sort_follows: whether an edit of the title also changes an unlocked sort title.
        upload_selects: when Plex shows an uploaded image at once: "always", "new" if the image is
            not yet stored, "usually" (two of three uploads), or "never". Tools report "usually".
        removal_decodings: how often Plex decodes the percent encoding of the names in `tag.tag-`.
            It is proved that Plex decodes twice, but one client claims once.
        date_shift_days: the number of days that the server adds to each sent date. Users report
            such a shift by agents on servers east of Greenwich.
        tags_fold_ascii_only: whether only ASCII letters of tags are compared without case, so
            that `É` and `é` are two tags.
        unkept_fields: Plex's names of fields whose edits get 200 although only the lock is kept.
        string_filters_ignore_case: whether `title=` and `file=` ignore case, as SQL's LIKE does.
        secure_connections: the setting of a server with a certificate. With "required", the
            server closes plain http without an answer. With "preferred", one port answers http
            and https.
        blocked_query: a regular expression. A reverse proxy before this Plex refuses each request
            whose encoded query matches it, as nginx's option "block common exploits" does
            (`COMMON_EXPLOITS`). If the expression is empty, there is no proxy.
        proxy_closes: whether the proxy refuses by closing the connection. If False, the proxy
            answers 403 with a web page.
        smart_collections: names of smart collections. An edit that adds an item to one gets 400.
        plex_pass: whether the owner has a Plex Pass. Without it, an edition title gets 400.
        guests_see_prefs: whether a shared user may read `/:/prefs`, which Plex does not document.
        allows_network_without_token: whether the client's network is "allowed without auth", so
            that a request without a token counts as the owner's.
        allowed_network_may_err: whether a wrong token from such a network counts as the owner's
            token. If False, a wrong token gets 401. The real behaviour is unknown.
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
    plex_pass: bool = True
    guests_see_prefs: bool = False
    allows_network_without_token: bool = False
    allowed_network_may_err: bool = False
