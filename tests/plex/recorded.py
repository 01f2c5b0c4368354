"""The shapes of real servers' answers: elements and attributes as they occur, all values invented.

Videos of a library with an agent and of "Other Videos" differ: the latter are clips without a slug,
ratings and tags. Older servers count the items of a tag; images may lie anywhere.
"""

IDENTITY = """<?xml version="1.0" encoding="UTF-8"?>
<MediaContainer size="0" apiVersion="1.1.1" claimed="1"
 machineIdentifier="00112233445566778899aabbccddeeff00112233" version="1.41.5.9522-a1b2c3d4e"/>
"""

SECTIONS = """<?xml version="1.0" encoding="UTF-8"?>
<MediaContainer size="4" allowSync="0" title1="Plex Library">
<Directory allowSync="1" art="/:/resources/movie-fanart.jpg" filters="1" refreshing="0"
 composite="/library/sections/4/composite/1735700000" thumb="/:/resources/movie.png" key="4"
 type="movie" title="Films" agent="tv.plex.agents.movie" scanner="Plex Movie" language="de-DE"
 uuid="00000000-1111-4222-8333-444444444444" updatedAt="1735700000" createdAt="1600000000"
 scannedAt="1735700000" content="1" directory="1" contentChangedAt="7726555702310039813"
 hidden="0"><Location id="7" path="/volume1/films"/><Location id="9" path="D:\\Films"/></Directory>
<Directory allowSync="1" art="/:/resources/movie-fanart.jpg" filters="1" refreshing="1"
 composite="/library/sections/5/composite/1735700001" thumb="/:/resources/video.png" key="5"
 type="movie" title="Clips" agent="com.plexapp.agents.none" scanner="Plex Video Files Scanner"
 language="xn" uuid="00000000-1111-4222-8333-555555555555" updatedAt="1735700001"
 createdAt="1600000001" content="1" directory="1" contentChangedAt="512" hidden="2"
 ><Location id="11" path="/volume1/clips"/></Directory>
<Directory allowSync="1" key="6" type="show" title="Series" agent="tv.plex.agents.series"
 scanner="Plex TV Series" language="de-DE" uuid="00000000-1111-4222-8333-666666666666"
 ><Location id="12" path="/volume1/series"/></Directory>
<Directory allowSync="1" key="7" type="artist" title="Music" agent="tv.plex.agents.music"
 scanner="Plex Music" language="de-DE" uuid="00000000-1111-4222-8333-777777777777"/>
</MediaContainer>
"""

LISTING = """<?xml version="1.0" encoding="UTF-8"?>
<MediaContainer size="2" totalSize="4182" offset="1000" allowSync="1"
 art="/:/resources/movie-fanart.jpg" content="secondary"
 identifier="com.plexapp.plugins.library" librarySectionID="5" librarySectionTitle="Clips"
 librarySectionUUID="00000000-1111-4222-8333-555555555555"
 mediaTagPrefix="/system/bundle/media/flags/" mediaTagVersion="1730000000"
 thumb="/:/resources/video.png" title1="Clips" title2="All Clips" viewGroup="movie">
<Video ratingKey="52011" key="/library/metadata/52011" type="movie" subtype="clip"
 guid="com.plexapp.agents.none://0123456789abcdef0123456789abcdef01234567?lang=xn"
 title="harbour walk &amp; more" summary="" year="2023" duration="754321"
 thumb="/library/metadata/52011/thumb/1735600000" originallyAvailableAt="2023-04-05"
 art="/library/metadata/52011/art/1735600000" addedAt="1735500000" updatedAt="1735600000"
 createdAtAccuracy="epoch,local" createdAtTZOffset="3600">
<Media id="61011" duration="754321" bitrate="5120" width="1920" height="1080" aspectRatio="1.78"
 audioChannels="2" audioCodec="aac" videoCodec="h264" videoResolution="1080" container="mp4"
 videoFrameRate="PAL" optimizedForStreaming="0" audioProfile="lc" has64bitOffsets="0"
 videoProfile="high"><Part id="71011" key="/library/parts/71011/1735400000/file.mp4"
 duration="754321" file="/volume1/clips/2023/Harbour walk &amp; more.mp4" size="483729105"
 audioProfile="lc" container="mp4" has64bitOffsets="0" optimizedForStreaming="0"
 videoProfile="high"/></Media>
<Image alt="harbour walk" type="coverPoster" url="/library/metadata/52011/thumb/1735600000"/>
<UltraBlurColors topLeft="102030" topRight="203040" bottomRight="304050" bottomLeft="405060"/>
</Video>
<Video ratingKey="52012" key="/library/metadata/52012" slug="the-lighthouse" type="movie"
 guid="plex://movie/0123456789abcdef01234567" studio="Pharos" title="The Lighthouse Keeper"
 titleSort="Lighthouse Keeper" originalTitle="Der Leuchtturm" contentRating="de/12"
 summary="A keeper.&#10;&#10;Two nights." rating="6.1" audienceRating="7.2" userRating="8.0"
 year="2001" tagline="Light" thumb="/library/metadata/52012/thumb/1735600001"
 art="/library/metadata/52012/art/1735600001" duration="5400000"
 originallyAvailableAt="2001-09-08" addedAt="1735500001" updatedAt="1735600001"
 audienceRatingImage="rottentomatoes://image.rating.upright" chapterSource="media"
 primaryExtraKey="/library/metadata/52999" ratingImage="rottentomatoes://image.rating.ripe"
 hasPremiumPrimaryExtra="1">
<Media id="61012" duration="5400000" bitrate="3540" width="1920" height="800" aspectRatio="2.35"
 audioChannels="6" audioCodec="eac3" videoCodec="hevc" videoResolution="1080" container="mkv"
 videoFrameRate="24p" videoProfile="main 10"><Part id="71012" size="3467000000"
 key="/library/parts/71012/1735400001/file.mkv" duration="2700000" container="mkv"
 file="/volume1/clips/Lighthouse cd1.mkv" videoProfile="main 10"/><Part id="71013"
 key="/library/parts/71013/1735400001/file.mkv" file="/volume1/clips/Lighthouse cd2.mkv"
 container="mkv" videoProfile="main 10"/></Media>
<Media id="61013" duration="5400000" container="mp4" proxyType="42" target="Mobile"
 title="Optimized for Mobile"><Part id="71014" size="900000000" container="mp4"
 file="/volume1/clips/Plex Versions/Optimized for Mobile/Lighthouse.mp4"/></Media>
<Media id="61014" duration="5400000" container="avi" deletedAt="1735000000"><Part id="71015"
 file="/volume2/old/Lighthouse.avi" size="700000000" container="avi"/></Media>
<Genre tag="Drama"/><Genre tag="Sea, &amp; coast"/><Country tag="Germany"/>
<Director tag="An Other"/><Writer tag="An Other"/><Role tag="Ada Berg"/>
</Video>
</MediaContainer>
"""

METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<MediaContainer size="1" allowSync="1" identifier="com.plexapp.plugins.library"
 librarySectionID="4" librarySectionTitle="Films"
 librarySectionUUID="00000000-1111-4222-8333-444444444444"
 mediaTagPrefix="/system/bundle/media/flags/" mediaTagVersion="1730000000">
<Video ratingKey="52012" key="/library/metadata/52012" slug="the-lighthouse" type="movie"
 guid="plex://movie/0123456789abcdef01234567" studio="Pharos" title="The Lighthouse Keeper"
 librarySectionTitle="Films" librarySectionID="4" librarySectionKey="/library/sections/4"
 contentRating="de/12" summary="A keeper." rating="6.1" audienceRating="7.2" year="2001"
 thumb="/library/metadata/52012/thumb/1735600001" duration="5400000" tagline="Light"
 art="/library/metadata/52012/art/1735600001" originallyAvailableAt="2001-09-08"
 addedAt="1735500001" updatedAt="1735600001" chapterSource="media">
<Media id="61012" duration="5400000" bitrate="3540" width="1920" height="800" aspectRatio="2.35"
 audioChannels="6" audioCodec="eac3" videoCodec="hevc" videoResolution="1080" container="mkv"
 videoFrameRate="24p" videoProfile="main 10"><Part id="71012" size="3467000000"
 key="/library/parts/71012/1735400001/file.mkv" duration="5400000" container="mkv"
 file="/volume1/films/Lighthouse.mkv" videoProfile="main 10">
<Stream id="81012" streamType="1" default="1" codec="hevc" index="0" bitrate="3540" bitDepth="10"
 chromaSubsampling="4:2:0" codedHeight="800" codedWidth="1920" frameRate="23.810" height="800"
 level="120" profile="main 10" refFrames="1" width="1920" displayTitle="1080p"
 extendedDisplayTitle="1080p (HEVC Main 10)"/>
<Stream id="81013" streamType="2" selected="1" default="1" codec="eac3" index="1" channels="6"
 bitrate="256" language="German" languageTag="de" languageCode="ger" samplingRate="48000"
 audioChannelLayout="5.1(side)" displayTitle="German (EAC3 5.1)"
 extendedDisplayTitle="German (EAC3 5.1)"/></Part></Media>
<Image alt="The Lighthouse Keeper" type="clearLogo" url="/library/metadata/52012/clearLogo/1"/>
<Genre id="301" filter="genre=301" tag="Drama"/>
<Director id="302" filter="director=302" tag="An Other"/>
<Collection id="303" filter="collection=303" tag="Sea"/>
<Label id="304" filter="label=304" tag="Overlay"/>
<Role id="305" filter="actor=305" tag="Ada Berg" tagKey="0123456789abcdef01234567" role="Keeper"
 thumb="https://example.org/people/ada.jpg"/>
<Role id="306" filter="actor=306" tag="Jo Lindqvist"/>
<Rating image="imdb://image.rating" value="6.4" type="audience"/>
<Guid id="imdb://tt0000000"/>
<Field locked="1" name="title"/><Field locked="1" name="actor"/>
</Video>
</MediaContainer>
"""

OLD_METADATA = """<MediaContainer allowSync="1" identifier="com.plexapp.plugins.library" size="1">
<Video addedAt="1377000000" guid="com.plexapp.agents.imdb://tt0000000?lang=en" ratingKey="9"
 key="/library/metadata/9" librarySectionID="1" title="Old" type="movie" viewCount="1"
 lastViewedAt="1505000000" viewOffset="555" updatedAt="1590000000">
<Genre count="119" filter="genre=87" id="87" tag="Action"/>
<Role count="25" filter="actor=1" id="1" role="One" tag="Ada Berg" thumb="http://192.0.2.1/1.jpg"/>
<Media id="2637" container="mkv"><Part file="/storage/old.mkv" id="4631" size="8500000000"/></Media>
</Video></MediaContainer>
"""

IMAGES = """<?xml version="1.0" encoding="UTF-8"?>
<MediaContainer size="4" identifier="com.plexapp.plugins.library">
<Photo key="/library/metadata/52012/file?url=upload%3A%2F%2Fposters%2F0a1b2c" selected="1"
 ratingKey="upload://posters/0a1b2c"
 thumb="/library/metadata/52012/file?url=upload%3A%2F%2Fposters%2F0a1b2c"/>
<Photo key="/library/metadata/52012/file?url=metadata%3A%2F%2Fposters%2Fagent_9f" selected="0"
 ratingKey="metadata://posters/agent_9f" provider="tmdb"
 thumb="/library/metadata/52012/file?url=metadata%3A%2F%2Fposters%2Fagent_9f"/>
<Photo key="https://example.org/posters/1.jpg" ratingKey="https://example.org/posters/1.jpg"
 thumb="https://example.org/previews/1.jpg" selected="0" provider="fanarttv"/>
<Photo key="/library/metadata/52012/file?url=media%3A%2F%2F9%2F1.bundle%2Fthumb1%2Ejpg"
 ratingKey="media://9/1.bundle/thumb1.jpg" selected="0"
 thumb="/library/metadata/52012/file?url=media%3A%2F%2F9%2F1.bundle%2Fthumb1%2Ejpg"/>
</MediaContainer>
"""

ERRORS = {
    401: "<html><head><title>Unauthorized</title></head>"
    "<body><h1>401 Unauthorized</h1></body></html>",
    404: "<html><head><title>Not Found</title></head><body><h1>404 Not Found</h1></body></html>",
    500: "<html><head><title>Internal Server Error</title></head>"
    "<body><h1>500 Internal Server Error</h1></body></html>",
    503: '<?xml version="1.0" encoding="UTF-8"?>\n<Response code="503" title="Maintenance" '
    'status="Plex Media Server is currently running startup maintenance tasks."/>',
}
