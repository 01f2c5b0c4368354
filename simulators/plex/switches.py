from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

COMMON_EXPLOITS = r"union.*all.*select|(<|%3C).*script.*(>|%3E)|=cocaine\b"


@dataclass
class Switches:
    """Switches of the fake Plex for behaviour that differs between real servers or is unknown.

    Attributes:
        tags_append: whether an edit adds tags to the item's tags instead of replacing them.
        remove_before_add: whether an edit first removes tags and then adds tags.
        upload_locks_thumb: whether uploading or selecting an image also locks the image.
        honours_exclude_elements: whether the items of a list lack the parts that a request
            names in `excludeElements` and `excludeFields`.
        illegal_references: whether all titles in responses begin with `&#11;`, which XML forbids.
        unreadable: rating keys of damaged items. A request that would return a damaged item
            gets the status 500.
        require_size_header: whether a list request without a page size gets the status 400.
        max_request_line: the largest number of bytes of `METHOD target HTTP/1.1`. A longer line
            gets the status 400.
        oversized_upload_status: the status for an image that is too large. Newer servers send 413,
            and older servers send 500.
        empty_date: the effect of an edit with an empty date. `file_date` restores the date of the
            file.
        lock_names: the names of locks in responses, by field, if they differ from the field. A lock
            with an empty name is missing in responses.
        title_sort_follows: whether an edit of the title also changes an unlocked sort title.
        upload_selects: which uploaded images the item shows at once. `new` means images that the
            item did not have before, and `usually` means two of three images.
        removal_decodings: how many times the server decodes the percent encoding in the names of
            tags that an edit removes.
        date_shift_days: the number of days that the server adds to each date of an edit, as some
            servers east of Greenwich do.
        tags_fold_ascii_only: whether `É` and `é` are different tags.
        unkept_fields: the fields whose new values the server discards, although it answers 200.
        secure_connections: with `required`, a server with a certificate closes connections without
            TLS. With `preferred`, the same port answers both http and https.
        blocked_query: a regular expression for queries that a reverse proxy before Plex refuses. An
            empty text means no proxy.
        proxy_closes: whether the proxy closes the connection instead of answering 403.
        smart_collections: the names of smart collections. An edit that adds an item to a smart
            collection gets the status 400.
        plex_pass: whether the owner has a Plex Pass. Otherwise an edit of the edition title gets
            the status 400.
        guests_see_prefs: whether a shared user can read `/:/prefs`.
        allows_network_without_token: whether a request without a token has the rights of the owner.
        allowed_network_may_err: whether `allows_network_without_token` also allows a wrong token.
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
