from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

COMMON_EXPLOITS = r"union.*all.*select|(<|%3C).*script.*(>|%3E)|=cocaine\b"


@dataclass
class Switches:
    """The behaviour of the fake Plex in which real servers differ, or which is unknown.

    Attributes:
        tags_append: whether the tags of an edit are added to the item's tags. Otherwise the tags of
            the edit replace the item's tags.
        remove_before_add: whether an edit first removes tags and then adds tags.
        upload_locks_thumb: whether uploading or selecting an image also locks the image.
        honours_exclude_elements: whether the items of a list lack the parts that a request
            names in `excludeElements` and `excludeFields`.
        ignores_file_filter: whether the server ignores the filter `file=`.
        ignored_sorts: the sort keys that the server ignores.
        illegal_references: whether titles contain a reference to a character that XML forbids.
        unreadable: rating keys of damaged items. A response that needs a damaged item is 500.
        ignores_paging: whether the server returns the whole list instead of the requested page.
        require_size_header: whether a list request without a page size gets 400.
        max_request_line: the largest number of bytes of `METHOD target HTTP/1.1`. A longer line
            gets 400. The limit of a real Plex is unknown.
        oversized_upload_status: 413 for newer servers, or 500 for older servers.
        empty_date: the effect of an edit with an empty date. `file_date` restores the date of the
            file. The effect in a real Plex is unknown.
        lock_names: by field, the name of its lock in the element `<Field>`. If the name is empty,
            the server does not return the lock.
        title_sort_follows: whether an edit of the title also changes an unlocked sort title.
        upload_selects: which uploaded images the server shows at once. With `new`, these are the
            images that the server did not have before. With `usually`, these are two of three
            images.
        removal_decodings: how often the server decodes the percent encoding of removed tags.
        date_shift_days: the number of days that the server adds to each date of an edit. Some
            servers east of Greenwich do so.
        tags_fold_ascii_only: whether `É` and `é` are different tags.
        unkept_fields: the fields whose new values the server discards, although it answers 200.
        string_filters_ignore_case: whether filters by text ignore case.
        secure_connections: the setting of a server with a certificate. With `required`, the server
            closes plain http. With `preferred`, one port answers both http and https.
        blocked_query: a regular expression. A reverse proxy before Plex refuses each matching
            query, as the option "block common exploits" of nginx does. Without it, there is no
            proxy.
        proxy_closes: whether the proxy closes the connection instead of answering 403.
        smart_collections: the names of smart collections. An edit that adds an item to a smart
            collection gets 400.
        plex_pass: whether the owner has a Plex Pass. Without it, an edition title gets 400.
        guests_see_prefs: whether a shared user can read `/:/prefs`.
        allows_network_without_token: whether a request without a token has the rights of the owner.
        allowed_network_may_err: whether a request with a wrong token also has these rights.
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
