from dataclasses import dataclass

from validation.paths import components, folded, is_below
from validation.scene_extractor import StashScene
from validation.values import boolean, choice, declare_setting, entries, list_of

LEAVE, RESTORE = "leave", "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionSettings:
    only_organized: bool = declare_setting(boolean, False)
    only_with_tags: str = declare_setting(list_of("names of tags"), "")
    never_with_tags: str = declare_setting(list_of("names of tags"), "")
    only_below_folders: str = declare_setting(list_of("folders in Stash", components), "")
    when_not_selected: str = declare_setting(choice(LEAVE, RESTORE), LEAVE)


def why_not_selected(scene: StashScene, settings: SelectionSettings) -> str:
    tags = {folded(tag.name.strip()) for tag in scene.tags}
    needed = entries(settings.only_with_tags)
    forbidden = [tag for tag in entries(settings.never_with_tags) if folded(tag) in tags]
    folders = [components(folder) for folder in entries(settings.only_below_folders)]
    if settings.only_organized and not scene.organized:
        return "the scene is not organized (only_organized)"
    if forbidden:
        return f"the scene has the tag '{forbidden[0]}' (never_with_tags)"
    if needed and not any(folded(tag) in tags for tag in needed):
        return "the scene has none of the needed tags (only_with_tags)"
    if folders and not any(is_below(file.path, folders) for file in scene.files):
        return "the scene's file is in none of the folders (only_below_folders)"
    return ""
