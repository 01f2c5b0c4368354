from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

COMMON_EXPLOITS = r"union.*all.*select|(<|%3C).*script.*(>|%3E)|=cocaine\b"


@dataclass
class Switches:
    """Switches of the fake Plex for behaviour that differs between real servers or is unknown."""

    # Whether an edit adds tags to the item's tags instead of replacing them.
    tags_append: bool = True
    # Whether an edit first removes tags and then adds tags.
    remove_before_add: bool = True
    # Whether uploading or selecting an image also locks the image.
    upload_locks_thumb: bool = False
    # Whether the items of a list lack the parts that a request names in `excludeElements` and
    # `excludeFields`.
    honours_exclude_elements: bool = True
    ignores_file_filter: bool = False
    ignored_sorts: frozenset[str] = frozenset()
    # Whether all titles in responses begin with `&#11;`, which XML forbids.
    illegal_references: bool = False
    # The rating keys of damaged items. A request that would return such an item gets the status
    # 500.
    unreadable: frozenset[int] = frozenset()
    ignores_paging: bool = False
    # Whether a list request without a page size gets the status 400.
    require_size_header: bool = False
    # The largest number of bytes of `METHOD target HTTP/1.1`. A longer line gets the status 400.
    max_request_line: int = 8192
    max_upload_bytes: int = 10_480_000
    # The status for an image that is too large. Newer servers send 413, and older servers send 500.
    oversized_upload_status: int = 413
    # The effect of an edit with an empty date. `file_date` restores the date of the file.
    empty_date: Literal["clears", "refused", "ignored", "file_date"] = "clears"
    # The names that responses use for the locks of some fields. An empty name hides the lock.
    lock_names: Mapping[str, str] = field(default_factory=dict)
    # Whether an edit of the title also changes an unlocked sort title.
    title_sort_follows: bool = True
    # Whether an item shows an uploaded image at once. `new`: only if the item did not have the
    # image before. `usually`: each third upload is not shown.
    upload_selects: Literal["always", "new", "usually", "never"] = "always"
    # How many times the server URL-decodes the names of tags that an edit removes.
    removal_decodings: Literal[1, 2] = 2
    # The number of days that the server adds to each date of an edit, as some servers east of
    # Greenwich do.
    date_shift_days: int = 0
    # Whether `É` and `é` are different tags.
    tags_fold_ascii_only: bool = False
    # The fields whose new values the server discards, although it answers 200.
    unkept_fields: frozenset[str] = frozenset()
    string_filters_ignore_case: bool = True
    # `required`: a server with a certificate closes connections without TLS. `preferred`: the same
    # port answers http and https.
    secure_connections: Literal["required", "preferred"] = "required"
    # A regular expression for queries that a reverse proxy refuses. An empty text means no proxy.
    blocked_query: str = ""
    # Whether the proxy closes the connection instead of answering 403.
    proxy_closes: bool = False
    # The names of smart collections. An edit that adds an item to one of these gets the status 400.
    smart_collections: frozenset[str] = frozenset()
    # Whether the owner has a Plex Pass. Otherwise an edit of the edition title gets the status 400.
    plex_pass: bool = True
    # Whether a shared user can read `/:/prefs`.
    guests_see_prefs: bool = False
    # Whether a request without a token has the rights of the owner.
    allows_network_without_token: bool = False
    # Whether `allows_network_without_token` also allows a wrong token.
    allowed_network_may_err: bool = False
